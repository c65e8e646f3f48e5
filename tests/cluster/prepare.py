"""`python -m tests.cluster.prepare` fetches and builds what the cluster's tests need, so that they work offline.

The results are kept in the user's cache folder. Debian packages are installed when a cluster is required and this
process is root's. On a machine that cannot run a cluster nothing is done; the tests then name the reason.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError, Unavailable
from lab.settings import load_settings
from tests.cluster import base_image, wheels
from tests.cluster.rig import requirements
from tests.cluster.rig.__main__ import say
from tests.cluster.rig.programs import build_programs, missing_programs
from tests.cluster.rig.settings import ClusterSettings


def missing(cache: Path) -> str:
    """Return a line about what the cluster's tests lack on this machine; empty when they lack nothing."""
    if lacks := requirements.missing() or missing_programs(cache):
        return lacks
    fetched = all(folder.is_dir() for folder in (base_image.folder_in(cache), wheels.folder_in(cache)))
    return "" if fetched else "base image and wheels are not fetched (python -m tests.cluster.prepare)"


def prepare() -> None:
    """Install, fetch and build what is missing.

    Raises:
        Unavailable: A cluster is required, and this machine cannot run one.
    """
    required, cache = ClusterSettings().cluster == "required", load_settings().cache_dir
    if required and requirements.is_root():
        requirements.install()
    if lacks := requirements.missing():
        if required:
            raise Unavailable(lacks)
        return
    _timed("base image", lambda: base_image.fetch(cache))
    _timed("wheels of both architectures", lambda: wheels.fetch(cache))
    build_programs(cache, say)


def _timed(what: str, fetch: Callable[[], None]) -> None:
    """Run *fetch*; print its time if it took a second or more."""
    started = time.monotonic()
    fetch()
    if (took := time.monotonic() - started) >= 1:
        say(what, took)


if __name__ == "__main__":
    try:
        prepare()
    except LabError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from error
