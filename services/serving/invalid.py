"""The error of a request that can never be accepted, for modules that know nothing of gRPC."""


class InvalidRequest(Exception):
    """A request can never be accepted as it is.

    Attributes:
        reason: Code of ours, for programs.
        field: The part at fault, by its name in the proto; empty where the whole request is at fault.
    """

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.reason, self.field = reason, field
