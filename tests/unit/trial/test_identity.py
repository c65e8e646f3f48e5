"""Four checks of what runs: the image that was asked for, the node, the runtime, the process itself."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.model import ProcessIdentity
from lab.trials.identity import Doubt, doubts

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
IMAGE = f"198.18.0.1:5000/process-worker@{DIGEST}"
PROCESS = ProcessIdentity("worker-1", "process-worker", "i", "arm64", "r3", "arm64", IMAGE, IMAGE, "aarch64")


def doubted(
    process: ProcessIdentity, *, is_in_index: Callable[[str, str], bool] = lambda *_: False
) -> tuple[Doubt, ...]:
    """Return the doubts about one process."""
    return doubts([process], is_in_index=is_in_index)


def test_checks_that_agree_leave_no_doubt() -> None:
    """Whether the process was asked or not."""
    assert doubted(PROCESS) == ()
    assert doubted(replace(PROCESS, machine="")) == ()


def test_an_image_that_its_node_calls_by_the_index_is_the_pinned_image() -> None:
    """The node pulled the index before; an image that the index does not hold is another image."""
    called = replace(PROCESS, image_id=f"198.18.0.1:5000/process-worker@{OTHER}")
    assert doubted(called, is_in_index=lambda index, digest: (index, digest) == (called.image_id, DIGEST)) == ()
    assert len(doubted(called, is_in_index=lambda *_: False)) == 1
    assert len(doubted(replace(PROCESS, image_id=""), is_in_index=lambda *_: True)) == 1


def test_the_registry_is_asked_only_where_digests_differ() -> None:
    """A stack that is well costs no question."""

    def refuse(*_: str) -> bool:
        raise AssertionError("asked")

    assert doubted(PROCESS, is_in_index=refuse) == ()


@pytest.mark.parametrize(
    ("process", "reason"),
    [
        (replace(PROCESS, image="198.18.0.1:5000/process-worker:latest"), "not pinned"),
        (replace(PROCESS, node="clus1", node_architecture="amd64"), "it is on clus1, which is amd64"),
        (replace(PROCESS, image_id=f"198.18.0.1:5000/process-worker@{OTHER}"), f"the node runs {OTHER}"),
        (replace(PROCESS, image_id=""), "the node runs nothing"),
        (replace(PROCESS, machine="x86_64"), "the process says x86_64, not aarch64"),
    ],
    ids=["tag", "node", "digest", "not-started", "silent-wrong-architecture"],
)
def test_each_check_can_raise_a_doubt(process: ProcessIdentity, reason: str) -> None:
    """The last is the failure that nothing else shows: running, ready, and the wrong program."""
    [doubt] = doubted(process)
    assert doubt.name == "worker-1"
    assert reason in doubt.reason
