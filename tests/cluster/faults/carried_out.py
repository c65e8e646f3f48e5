"""Makes faults, diagnoses and cures them, each in its own namespace."""

import traceback
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lab.diagnosis.finding import Finding
from lab.snapshots.files import save
from tests.cluster.faults import images, misrouted, outside, workloads
from tests.cluster.faults.case import RigFault
from tests.cluster.faults.place import Common, Place

FAULTS: Final[Mapping[str, RigFault]] = {**images.FAULTS, **workloads.FAULTS, **outside.FAULTS}
HOME: Final = "/somewhere"
AT_A_TIME: Final = 8
"""Faults at the same time; a fault mostly waits for the kubelet or the scheduler."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a fault.

    Attributes:
        namespace: The fault's namespace.
        findings: Findings while the fault was there.
        failed: The error of the next step, or what is not ready after it.
        left: Findings after the next step.
        error: Traceback of an error while the fault was made or diagnosed.
    """

    namespace: str
    findings: tuple[Finding, ...] = ()
    failed: str = ""
    left: tuple[Finding, ...] = ()
    error: str = ""


@contextmanager
def carrying_out(common: Common, names: Iterable[str], keep: Path | None) -> Iterator[Mapping[str, Future[Outcome]]]:
    """Make faults in the background while the context lasts; *keep* is a folder for their snapshots."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            yield {name: pool.submit(_outcome, name, FAULTS[name], common, keep) for name in names}
        finally:
            pool.shutdown(cancel_futures=True)


def _outcome(name: str, fault: RigFault, common: Common, keep: Path | None) -> Outcome:
    place = Place(common, name)
    try:
        with place.until:
            place.open()
            return _diagnosed_and_cured(place, name, fault, keep)
    except Exception:  # noqa: BLE001  an error of one fault must not hide the outcomes of others
        return Outcome(place.namespace, error=traceback.format_exc(limit=6))


def carry_out_misrouted(common: Common, names: Iterable[str], keep: Path | None) -> Mapping[str, Outcome]:
    """Make faults of `misrouted`, one after the other, on one stack."""
    place = Place(common, "misrouted")
    with place.until:
        place.open()
        misrouted.bring_up(place)
        return {
            name: _diagnosed_and_cured(place, name, misrouted.FAULTS[name], keep) for name in misrouted.in_order(names)
        }


def _diagnosed_and_cured(place: Place, name: str, fault: RigFault, keep: Path | None) -> Outcome:
    fault.make(place)
    wanted = (fault.cause, fault.object.replace("{namespace}", place.namespace))
    snapshot, findings = place.await_findings(
        lambda findings: any((finding.cause, finding.object) == wanted for finding in findings), seconds=fault.seconds
    )
    if keep is not None and snapshot is not None:
        file = keep / f"{name}.json"
        save(snapshot, file)
        # The path of a user's home must not be committed.
        file.write_text(file.read_text(encoding="utf-8").replace(str(place.folder), HOME), encoding="utf-8")
    outcome = Outcome(place.namespace, findings)
    if [finding.cause for finding in findings] != [fault.cause]:
        return outcome
    done = place.paste(findings[0].do, typed=fault.typed)
    if done.returncode:
        return replace(outcome, failed=f"exit {done.returncode}: {done.stderr[-600:]}")
    _, left = place.await_findings(lambda findings: not findings and place.is_well(), seconds=fault.cured_s)
    return replace(outcome, left=left, failed="" if place.is_well() else "a Deployment is not ready afterwards")
