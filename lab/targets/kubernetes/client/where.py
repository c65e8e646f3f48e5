"""The place of a stack, as reports and errors name it."""

from typing import NamedTuple


class Where(NamedTuple):
    """The place of a change; shown before anything is changed.

    Attributes:
        server: Address of the API server.
        user: Name of the user in the kubeconfig.
        context: Context of the kubeconfig.
        namespace: Namespace of the stack.
    """

    server: str
    user: str
    context: str
    namespace: str
