"""What a failed attempt means: whether the store may have the batch, and when to try again."""

import grpc
import pytest

from services.serving.status import Refused
from services.simulator.answers import FINAL, SURELY_REFUSED, Failure, failure_of

BACKOFF_S = 0.05
UNAVAILABLE, DEADLINE = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
FINAL_CODES = sorted(FINAL, key=str)


def unsent(retry_after_s: float | None, reason: str) -> Failure:
    """Return a failure after which the store surely does not have the batch."""
    return Failure(may_be_stored=False, retry_after_s=retry_after_s, reason=reason)


def unsure(retry_after_s: float | None, reason: str) -> Failure:
    """Return a failure after which the store may have the batch."""
    return Failure(may_be_stored=True, retry_after_s=retry_after_s, reason=reason)


@pytest.mark.parametrize(
    ("code", "reason", "message", "retry_after_s", "failure"),
    [
        (UNAVAILABLE, "", "failed to connect to all addresses", 0.0, unsent(BACKOFF_S, "UNAVAILABLE")),
        (UNAVAILABLE, "", "Socket closed", 0.0, unsure(BACKOFF_S, "UNAVAILABLE")),
        (DEADLINE, "", "Deadline Exceeded", 0.0, unsure(BACKOFF_S, "DEADLINE_EXCEEDED")),
        (UNAVAILABLE, "STORE_UNREACHABLE", "no answer", 0.5, unsure(0.5, "STORE_UNREACHABLE")),
        (UNAVAILABLE, "STORE_LOADING", "loading", 0.5, unsent(0.5, "STORE_LOADING")),
        (UNAVAILABLE, "STORE_DENIED", "no", 0.0, unsent(BACKOFF_S, "STORE_DENIED")),
        (EXHAUSTED, "BACKLOG_FULL", "wait", 0.2, unsent(0.2, "BACKLOG_FULL")),
        (EXHAUSTED, "DEAD_LETTER_FULL", "replay some", 0.0, unsent(None, "DEAD_LETTER_FULL")),
        (EXHAUSTED, "", "message larger than max", 0.0, unsent(None, "RESOURCE_EXHAUSTED")),
        (grpc.StatusCode.CANCELLED, "", "gone", 0.0, unsure(BACKOFF_S, "CANCELLED")),
        (grpc.StatusCode.INTERNAL, "INTERNAL", "a fault", 0.0, unsure(BACKOFF_S, "INTERNAL")),
        (grpc.StatusCode.UNKNOWN, "", "", 0.0, unsure(BACKOFF_S, "UNKNOWN")),
    ],
)
def test_a_failed_attempt(
    code: grpc.StatusCode, reason: str, message: str, retry_after_s: float, failure: Failure
) -> None:
    """Only a refusal that comes before the store takes anything is sure to have left nothing there."""
    refused = Refused(code, reason, message, retry_after_s=retry_after_s)

    assert failure_of(refused, backoff_s=BACKOFF_S) == failure


@pytest.mark.parametrize("code", FINAL_CODES)
def test_a_retry_cannot_help(code: grpc.StatusCode) -> None:
    """Even where the service names a time."""
    refused = Refused(code, "", "no", retry_after_s=9.0)

    assert failure_of(refused, backoff_s=BACKOFF_S) == unsent(None, code.name)


@pytest.mark.parametrize("reason", sorted(SURELY_REFUSED))
def test_a_refusal_before_the_store_leaves_nothing_there(reason: str) -> None:
    """Whatever its status."""
    assert not failure_of(Refused(UNAVAILABLE, reason, "no"), backoff_s=BACKOFF_S).may_be_stored


@pytest.mark.parametrize("backoff_s", [0.05, 0.5])
def test_a_time_of_the_service_goes_before_the_backoff(backoff_s: float) -> None:
    """The backoff stands in where the service names none."""
    assert failure_of(Refused(UNAVAILABLE, "", "no", retry_after_s=1.5), backoff_s=backoff_s).retry_after_s == 1.5
    assert failure_of(Refused(UNAVAILABLE, "", "no"), backoff_s=backoff_s).retry_after_s == backoff_s
