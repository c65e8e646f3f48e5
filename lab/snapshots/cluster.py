"""The cluster that a stack is to be deployed to."""

from dataclasses import dataclass

from lab.snapshots.gaps import Denial


@dataclass(frozen=True, slots=True)
class ClusterProbe:
    """The cluster that the settings name.

    Attributes:
        server: Address of the API server; empty where the kubeconfig cannot be used.
        user: As the kubeconfig names the user.
        context: Context of the kubeconfig.
        version: Version of the API server, for example `v1.34.4`.
        login: As the API server names the user.
        error: Why it could not be asked.
        reason: That error's reason, for example `E_UNREACHABLE`.
        lacking_for_faults: Rights that only faults need, and that the user does not have.
        nodes_error: Why its nodes could not be listed.
        namespace_error: Why its namespace could not be read.
        namespace_is_reserved: Whether the name belongs to the cluster itself.
        namespace_is_ours: Whether the lab made the namespace; None where there is none.
        may_make_namespace: Whether the user may make the namespace; None where it is there.
    """

    server: str = ""
    user: str = ""
    context: str = ""
    version: str = ""
    login: str = ""
    error: str = ""
    reason: str = ""
    lacking_for_faults: tuple[Denial, ...] = ()
    nodes_error: str = ""
    namespace_error: str = ""
    namespace_is_reserved: bool = False
    namespace_is_ours: bool | None = None
    may_make_namespace: bool | None = None
