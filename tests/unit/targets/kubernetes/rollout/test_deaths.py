"""How a container last ended is read from its pod."""

import pytest

from lab.model import NANOS, Death
from lab.snapshots.kubernetes import Pod
from lab.targets.kubernetes.rollout.deaths import deaths_in
from tests.unit.targets.kubernetes.samples import pod


@pytest.mark.parametrize(("code", "signal", "exit_code"), [(137, 9, 0), (3, 0, 3)], ids=["by-a-signal", "by-itself"])
def test_a_container_that_was_started_again_has_died(code: int, signal: int, exit_code: int) -> None:
    """An exit code above 128 names the signal; a container in its first run has not died."""
    ended, well = pod("ended"), pod("well")
    last = {"terminated": {"exitCode": code, "finishedAt": "1970-01-01T00:00:07Z"}}
    ended["status"]["containerStatuses"][0]["lastState"] = last
    deaths = list(deaths_in(map(Pod, [ended, well]), lambda name: f"instance in {name}"))
    assert deaths == [Death("process-worker", "instance in ended", 7 * NANOS, signal, exit_code)]
