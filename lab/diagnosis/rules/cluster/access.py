"""What RBAC refuses to the user of the lab."""

from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.snapshot import Snapshot

TITLE_RIGHTS: Final = 4
"""How many missing rights the title names."""
EVIDENCE_RIGHTS: Final = 12
"""How many missing rights the evidence names."""


def is_forbidden(snapshot: Snapshot) -> Iterator[Finding]:
    """The user of the kubeconfig lacks a right that the lab needs."""
    for user in sorted({denial.user for denial in snapshot.probes.denials}):
        denials = [denial for denial in snapshot.probes.denials if denial.user == user]
        name = user or "this kubeconfig"
        rights = sorted({f"{denial.verb} {denial.resource}" for denial in denials})
        places = ", ".join(sorted({denial.namespace or "the whole cluster" for denial in denials}))
        more = f" and {len(rights) - TITLE_RIGHTS} more" if len(rights) > TITLE_RIGHTS else ""
        cut = "…" if len(rights) > EVIDENCE_RIGHTS else ""
        yield Finding(
            cause="forbidden",
            object=f"User/{name}",
            title=f"{name} may not {', '.join(rights[:TITLE_RIGHTS])}{more}",
            found=f"Forbidden in {places}: {', '.join(rights[:EVIDENCE_RIGHTS])}{cut}",
            why="no Role bound to this user allows it; an administrator can grant it",
            do=remedies.grant(snapshot.namespace, user),
            stops=tuple(rights),
        )
