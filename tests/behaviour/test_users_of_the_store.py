"""Each program logs in to the store as a user of its own, and the store refuses whatever the program does not need."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from services.bootstrap.store import bootstrap
from services.contracts import store_users as users
from services.contracts.store_keys import prefix_of
from services.ledger import errors
from services.ledger.connection import StoreSettings, open_client
from services.ledger.redis_ledger import RedisLedger, open_ledger
from tests import programs
from tests.ports.entries import RUN, append_of, batch, commit_of

PREFIX = prefix_of("lab")
SettingsOf = Callable[[str], StoreSettings]

DENIED = {
    users.INGEST: [
        ("DEL", PREFIX + "ledger"),
        ("UNLINK", PREFIX + "agg:measured:1"),
        ("UNLINK", PREFIX + "ev"),
        ("XTRIM", PREFIX + "ev", "MAXLEN", "0"),
        ("XREADGROUP", "GROUP", "agg", "me", "STREAMS", PREFIX + "ev", ">"),
        ("HSET", "{lab:other}:ledger", "accepted", "1"),
        ("SET", PREFIX + "epoch", "another"),
    ],
    users.WORKER: [
        ("UNLINK", PREFIX + "p:70"),
        ("UNLINK", PREFIX + "ledger"),
        ("DEL", PREFIX + "ev"),
        ("XGROUP", "DESTROY", PREFIX + "ev", "agg"),
        ("SET", PREFIX + "epoch", "another"),
        ("GET", "{lab:other}:epoch"),
    ],
    users.QUERY: [
        ("XADD", PREFIX + "ev", "*", "n", "1"),
        ("HSET", PREFIX + "run:measured", "accepted", "1"),
        ("DEL", PREFIX + "ev"),
        ("DEL", PREFIX + "ledger"),
        ("XACK", PREFIX + "ev", "agg", "1-1"),
    ],
    users.BOOTSTRAP: [
        ("DEL", PREFIX + "ev"),
        ("HSET", PREFIX + "ledger", "accepted", "1"),
        ("FUNCTION", "FLUSH"),
        ("FUNCTION", "DELETE", "lab_ledger"),
    ],
}
DENIED_TO_ALL = [
    ("EVAL", "return 1", "0"),
    ("FLUSHALL",),
    ("CONFIG", "SET", "appendfsync", "no"),
    ("CONFIG", "REWRITE"),
    ("KEYS", "*"),
    ("ACL", "LIST"),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("SUBSCRIBE", "news"),
]


@pytest.fixture
def settings_of(tmp_path: Path) -> Iterator[SettingsOf]:
    """A function that returns the settings of a user of a bootstrapped store."""
    passwords = {user: f"word-of-{user}" for user in users.USERS}
    (tmp_path / "users.acl").write_text(users.users_file(passwords, namespace="lab"))
    for user, password in passwords.items():
        (tmp_path / user).write_text(password)
    durable = {"appendonly": "yes", "appendfsync": "always", "aclfile": str(tmp_path / "users.acl")}
    with programs.store_url(tmp_path, durable) as url:

        def settings_of(user: str) -> StoreSettings:
            return StoreSettings(redis_url=url, redis_user=user, redis_password_file=tmp_path / user)

        bootstrap(settings_of(users.BOOTSTRAP), require_durability="durable")
        yield settings_of


@pytest.fixture
def ledger_of(settings_of: SettingsOf) -> Callable[[str], RedisLedger]:
    """A function that opens the ledger as a user."""
    return lambda user: open_ledger(settings_of(user), user)


def test_every_program_does_its_work_with_its_rights(ledger_of: Callable[[str], RedisLedger]) -> None:
    """Whatever a program calls in a run is allowed."""
    ingest, worker, query = (ledger_of(user) for user in users.SERVICES)
    appended = [ingest.append(append_of(batch(seed), seed)) for seed in (1, 2, 3)]
    repeated = ingest.append(append_of(batch(3), 3))
    worker.heartbeat()
    entries = worker.read(count=10, block_ms=100)
    held = worker.own_pending()
    worker.keep_isolation_note(entries[0].entry_id, "a note")
    note = worker.isolation_note(entries[0].entry_id)
    claimed = worker.claim(held[:1])
    committed = worker.commit(commit_of(entries[:2]))
    dead = worker.dead_letter(entries[2].entry_id, "a reason")
    letters = worker.dead_letters()
    requeued = worker.requeue(letters[0].dead_id)
    changes = query.changes(RUN, since=0)
    audited = query.audit()

    assert [append.accepted for append in appended] == [50, 100, 150]
    assert repeated.duplicate
    assert note == "a note"
    assert [entry.entry_id for entry in claimed] == [entries[0].entry_id]
    assert committed.counted == 100
    assert (dead, requeued) == (50, 50)
    assert changes.balance.counted == 100
    assert audited.balance.accepted == 150
    assert worker.heartbeats() == {users.WORKER: 1}
    assert worker.reap("a dead worker")
    assert worker.prune(RUN, keep_windows=1) == 1
    assert not worker.forget_runs(keep_runs=1)
    assert {ledger.watched_durability(every_s=0.0)() for ledger in (ingest, worker, query)} == {"durable"}
    assert {ledger.usage().runs for ledger in (ingest, worker, query)} == {1}


def test_a_loss_is_marked_by_whoever_notices_it(
    ledger_of: Callable[[str], RedisLedger], settings_of: SettingsOf
) -> None:
    """The query user may mark a store that is behind; so may the worker."""
    query, worker, ingest = ledger_of(users.QUERY), ledger_of(users.WORKER), ledger_of(users.INGEST)
    ingest.append(append_of(batch(1), 1))
    query.changes(RUN, since=0)
    worker.changes("", since=0)
    with open_client(settings_of(users.ADMINISTRATOR)) as administrator:
        administrator.hset(PREFIX + "ledger", mapping={"accepted": 10, "backlog": 10})

    for ledger in (query, worker):
        with pytest.raises(errors.StoreRolledBack):
            ledger.changes(RUN, since=0)
    with pytest.raises(errors.StoreRolledBack):
        ledger_of(users.INGEST).append(append_of(batch(2), 2))


@pytest.mark.parametrize(
    ("user", "command"),
    [(user, command) for user, commands in DENIED.items() for command in (*commands, *DENIED_TO_ALL)],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_what_a_program_does_not_need_is_denied(settings_of: SettingsOf, user: str, command: tuple[str, ...]) -> None:
    """A stolen password cannot change what its program does not change."""
    with open_client(settings_of(user)) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


def test_nobody_gets_in_without_a_password(settings_of: SettingsOf) -> None:
    """The default user is off."""
    url = settings_of(users.INGEST).redis_url
    with open_client(StoreSettings(redis_url=url)) as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.get(PREFIX + "epoch")


def test_bootstrap_may_run_again_on_a_store_in_use(settings_of: SettingsOf) -> None:
    """Every service of a stack bootstraps, also after a restart."""
    assert bootstrap(settings_of(users.BOOTSTRAP), require_durability="durable").durability == "durable"
