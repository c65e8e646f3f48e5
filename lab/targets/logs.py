"""Hands over the logs of a stack that its user keeps."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.errors import LabError
from lab.targets.port import KeepLogs


@contextmanager
def handing_over_files(log_files: Callable[[], Mapping[str, Path]], keep_logs: KeepLogs) -> Iterator[None]:
    """Hand over logs when the context ends. Where the context ends by an error, that error is the one raised."""
    try:
        yield
    except BaseException:
        with suppress(OSError, LabError):
            keep_logs(log_files())
        raise
    keep_logs(log_files())
