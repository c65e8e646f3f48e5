"""`python -m tests.cluster.prepare` fetches and builds what the cluster's tests need: they reach nothing outside.

Everything is kept in the user's cache folder. Where a cluster is required and this is root, Debian packages are
installed; where this machine cannot have one, nothing happens, and the tests say why.
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
    """One line about what tests of the cluster lack on this machine; empty where they lack nothing."""
    if lacks := requirements.missing() or missing_programs(cache):
        return lacks
    fetched = all(folder.is_dir() for folder in (base_image.folder_in(cache), wheels.folder_in(cache)))
    return "" if fetched else "base image and wheels are not fetched (python -m tests.cluster.prepare)"


def prepare() -> None:
    """Install, fetch and build what is missing.

    Raises:
        Unavailable: A cluster is required, and this machine cannot have one.
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
    """Say what took a second or more."""
    begun = time.monotonic()
    fetch()
    if (took := time.monotonic() - begun) >= 1:
        say(what, took)


if __name__ == "__main__":
    try:
        prepare()
    except LabError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from error
