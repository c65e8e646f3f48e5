"""Rolls a stack out on a cluster."""

import time
from collections.abc import Sequence

from lab.targets.kubernetes.applying.apply import apply_all
from lab.targets.kubernetes.applying.removal import remove_unwanted
from lab.targets.kubernetes.client.port import Changer
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.rollout.gate import Gate


def roll_out(cluster: Changer, gate: Gate, wanted: Sequence[KubeObject], *, stack: str, force: bool) -> None:
    """Apply the objects, wait until every Deployment is rolled out, remove objects that are no longer wanted.

    Args:
        cluster: Where the stack runs.
        gate: Waits for the stack's Deployments.
        wanted: Objects in the order of applying.
        stack: Name of the stack.
        force: Whether to take over fields that another manager owns.

    Raises:
        LabError: The API server refuses an object.
        Unavailable: A Deployment does not roll out, or not in time; nothing is removed then.
    """
    started = time.monotonic()
    applied = apply_all(cluster, wanted, force=force)
    changed = sum(result.change not in {"unchanged", "written"} for result in applied)
    gate.report("applied", f"{len(applied)} objects, {changed} changed", time.monotonic() - started)
    gate.wait()
    # Until now, pods of the previous version needed their ConfigMaps.
    remove_unwanted(cluster, wanted, stack)
