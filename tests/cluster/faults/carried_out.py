"""Makes faults, looks, does what the finding says, looks again; each in a namespace of its own, some at a time."""

import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lab.diagnosis.finding import Finding
from lab.snapshots.snapshot import save
from tests.cluster.faults import astray, images, outside, workloads
from tests.cluster.faults.case import RigFault
from tests.cluster.faults.place import Common, Place

FAULTS: Final[Mapping[str, RigFault]] = {**images.FAULTS, **workloads.FAULTS, **outside.FAULTS}
HOME: Final = "/somewhere"
AT_A_TIME: Final = 8
"""Most of a fault's time is waiting: for a pull to be given up, a probe to fail, a scheduler to lose patience."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one fault.

    Attributes:
        namespace: Where it was made.
        found: Findings while it was there.
        failed: What the pasted next step printed when it failed, or what is not well after it.
        left: Findings after it.
        error: Where making or looking went wrong.
    """

    namespace: str
    found: tuple[Finding, ...] = ()
    failed: str = ""
    left: tuple[Finding, ...] = ()
    error: str = ""


@contextmanager
def carrying_out(common: Common, keep: Path | None) -> Iterator[Mapping[str, Future[Outcome]]]:
    """All faults, in the background for as long as the context lasts; *keep* is a folder for what was seen of them."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {name: pool.submit(_outcome, name, fault, common, keep) for name, fault in FAULTS.items()}
        pool.shutdown(cancel_futures=True)


def _outcome(name: str, fault: RigFault, common: Common, keep: Path | None) -> Outcome:
    place = Place(common, name)
    try:
        with place.until:
            place.open()
            return _found_and_cured(place, name, fault, keep)
    except Exception:  # noqa: BLE001  one fault must not hide what came of the others
        return Outcome(place.namespace, error=traceback.format_exc(limit=6))


def carry_out_astray(common: Common, keep: Path | None) -> Mapping[str, Outcome]:
    """Make those of `astray`, one after the other on one stack."""
    place = Place(common, "astray")
    with place.until:
        place.open()
        astray.bring_up(place)
        return {name: _found_and_cured(place, name, fault, keep) for name, fault in astray.FAULTS.items()}


def _found_and_cured(place: Place, name: str, fault: RigFault, keep: Path | None) -> Outcome:
    fault.make(place)
    look, found = place.await_look(lambda seen: any(one.cause == fault.cause for one in seen), seconds=fault.seconds)
    if keep is not None and look is not None:
        file = keep / f"{name}.json"
        save(look, file)
        # A person's home is nobody else's business.
        file.write_text(file.read_text(encoding="utf-8").replace(str(place.folder), HOME), encoding="utf-8")
    outcome = Outcome(place.namespace, found)
    if [one.cause for one in found] != [fault.cause]:
        return outcome
    done = place.paste(found[0].do, typed=fault.typed)
    if done.returncode:
        return replace(outcome, failed=f"exit {done.returncode}: {done.stderr[-600:]}")
    _, left = place.await_look(lambda seen: not seen and place.is_well(), seconds=fault.cured_s)
    return replace(outcome, left=left, failed="" if place.is_well() else "a Deployment is not well afterwards")
