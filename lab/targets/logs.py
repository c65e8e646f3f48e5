"""Hands over the logs of a stack to a caller that keeps them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.errors import LabError
from lab.targets.port import KeepLogs


@contextmanager
def handing_over_files(log_files: Callable[[], Mapping[str, Path]], keep_logs: KeepLogs) -> Iterator[None]:
    """Hand over logs when the context ends. An error of the context hides an error of handing over."""
    try:
        yield
    except BaseException:
        with suppress(OSError, LabError):
            keep_logs(log_files())
        raise
    keep_logs(log_files())
