"""Names a cluster, a user and a namespace."""

from typing import NamedTuple


class Where(NamedTuple):
    """The place that is about to be changed; shown before anything is changed.

    Attributes:
        server: Address of the API server.
        user: As the kubeconfig calls the user.
        context: Of the kubeconfig.
        namespace: That everything of ours is in.
    """

    server: str
    user: str
    context: str
    namespace: str
