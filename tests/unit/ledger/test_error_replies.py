"""Every error reply of a store becomes an error of ours, which says what to do."""

import pytest
import redis

from services.ledger import errors
from services.ledger.client_errors import our_errors
from services.ledger.error_replies import STORE_ERRORS, error_of_reply

WHERE = "db:6379"


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        ("LABEMPTY the store is empty or was reset", errors.StoreEmpty, "run the bootstrap step"),
        ("LABEPOCH the store was replaced", errors.StoreReplaced, "start the services again"),
        ("OOM command not allowed when used memory > 'maxmemory'.", errors.StoreFull, "raise its maxmemory"),
        ("NOPERM User w has no permissions to run the 'fcall' command", errors.StoreDenied, "'fcall'"),
        ("NOAUTH Authentication required.", errors.StoreDenied, "LAB_REDIS_PASSWORD_FILE"),
        ("WRONGPASS invalid username-password pair", errors.StoreDenied, "LAB_REDIS_USER"),
        ("LOADING Redis is loading the dataset in memory", errors.StoreLoading, "retry soon"),
        ("MASTERDOWN Link with MASTER is down", errors.StoreLoading, "has its primary again"),
        ("READONLY You can't write against a read only replica.", errors.StoreUnreachable, "LAB_REDIS_URL"),
        (
            "MISCONF Errors writing to the AOF file: No space left",
            errors.StoreUnreachable,
            "No space left; free its disk",
        ),
        ("NOREPLICAS Not enough good replicas to write.", errors.StoreUnreachable, "start its replicas"),
        ("NOGROUP No such key '{lab:lab}:ev' or consumer group", errors.StoreEmpty, "run the bootstrap step"),
        ("ERR Function not found", errors.StoreEmpty, "run the bootstrap step"),
        ("ERR function not found, whatever follows", errors.StoreEmpty, "run the bootstrap step"),
    ],
    ids=lambda value: value.split()[0] if isinstance(value, str) else "",
)
def test_a_reply_becomes_an_error_with_a_next_step(reply: str, error: type[errors.LedgerError], words: str) -> None:
    """The message names the store as well."""
    ours = error_of_reply(reply, WHERE)

    assert type(ours) is error
    assert words in str(ours)
    assert str(ours).startswith("redis db:6379")
    assert len(str(ours).splitlines()) <= 5


@pytest.mark.parametrize("reply", ["LABARG seq is out of range", "ERR unknown command 'FCALL'", "", "OOMPH 1"])
def test_a_reply_of_no_known_kind_is_kept_whole(reply: str) -> None:
    """A function refuses misuse with codes that its caller may know."""
    ours = error_of_reply(reply, WHERE)

    assert isinstance(ours, errors.LedgerMisuse)
    assert ours.reply == reply


@pytest.mark.parametrize(
    ("error", "ours", "words"),
    [
        (
            redis.exceptions.OutOfMemoryError("command not allowed"),
            errors.StoreFull,
            "memory limit: command not allowed",
        ),
        (redis.exceptions.NoPermissionError("User w may not"), errors.StoreDenied, "NOPERM User w may not"),
        (redis.exceptions.ReadOnlyError("no writes here"), errors.StoreUnreachable, "READONLY no writes here"),
        (redis.exceptions.ResponseError("LABEPOCH replaced"), errors.StoreReplaced, "another store"),
        (redis.exceptions.BusyLoadingError("loading"), errors.StoreLoading, "retry soon"),
        (redis.exceptions.AuthenticationError("wrong"), errors.StoreDenied, "refuses to log in: wrong; check"),
        (redis.exceptions.ConnectionError("refused"), errors.StoreUnreachable, "retry the same call"),
        (redis.exceptions.TimeoutError("late"), errors.StoreUnreachable, "the outcome is unknown"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_of_the_client_become_ours(error: Exception, ours: type[errors.LedgerError], words: str) -> None:
    """The client cuts off the first word of some replies. The cause is kept."""
    with pytest.raises(ours, match=words) as raised, our_errors(WHERE):
        raise error

    assert raised.value.__cause__ is error


@pytest.mark.parametrize("code", STORE_ERRORS)
def test_a_message_of_the_table_is_complete(code: str) -> None:
    """Whatever the store adds to the code."""
    message = str(error_of_reply(f"{code} with {{braces}}", WHERE))

    assert WHERE in message
    assert "{where}" not in message
