"""The duration of a call is recorded with the status that its caller got."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from services.contracts import signals
from services.serving.measuring import TracedAnswering


class Recorder:
    """Remembers the labels of every duration."""

    def __init__(self) -> None:
        self.labels: list[Mapping[str, str]] = []

    def record(self, _signal: object, _seconds: float, labels: Mapping[str, str]) -> None:
        """Remember the labels."""
        self.labels.append(labels)


@pytest.mark.parametrize(("leaves", "status"), [(False, "OK"), (True, "CANCELLED")])
def test_a_stream_that_its_caller_leaves_is_no_success(leaves: bool, status: str) -> None:  # noqa: FBT001
    """Nobody knows whether the caller would have got the other answers."""
    recorder: Any = Recorder()
    tracing: Any = SimpleNamespace()
    context: Any = SimpleNamespace(invocation_metadata=lambda: ())
    answering = TracedAnswering("lab.test.v1.Test/Watch", recorder, tracing)

    def answers() -> Iterator[int]:
        with answering.around(context):
            yield from (1, 2)

    stream: Any = answers()
    assert next(stream) == 1
    if leaves:
        stream.close()
    else:
        assert list(stream) == [2]
    [labels] = recorder.labels
    assert labels[signals.RPC_STATUS] == status
