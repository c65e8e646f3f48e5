"""A store that is too old to hold the ledger."""

from collections.abc import Iterator

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.servers.store import host_of
from lab.diagnosis.rules.versions import numbers
from lab.snapshots.snapshot import Snapshot
from services.contracts.limits import OLDEST_STORE


def store_is_too_old(snapshot: Snapshot) -> Iterator[Finding]:
    """The store has no functions, in which the ledger is kept."""
    probe = snapshot.probes.store
    if probe is not None and probe.speaks and numbers(probe.speaks) < OLDEST_STORE:
        yield Finding(
            cause="store-refused",
            object=f"Redis/{probe.address}",
            title=f"Redis {probe.address} is too old",
            found=f"{probe.kind} {probe.version}; functions need ≥ {'.'.join(map(str, OLDEST_STORE))}",
            why="the ledger is kept by functions inside the store, which older servers do not have",
            do=remedies.on(host_of(probe.address), "sudo apt-get install --only-upgrade redis-server"),
            stops=("store",),
            rests_on=("store",),
        )
