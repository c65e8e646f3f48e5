"""Errors of requests that can never be accepted, for modules that know nothing of gRPC."""


class InvalidRequest(Exception):
    """A request can never be accepted as it is.

    Attributes:
        reason: Code of ours, for programs.
        field: The part at fault, by its name in the proto; empty where the whole request is at fault.
    """

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.reason, self.field = reason, field


class InvalidData(Exception):
    """A file that a request names or sends can never be used as it is.

    Attributes:
        reason: Code of ours, for programs.
        is_missing: Whether there is no such file.
    """

    def __init__(self, reason: str, message: str, *, is_missing: bool = False) -> None:
        super().__init__(message)
        self.reason, self.is_missing = reason, is_missing
