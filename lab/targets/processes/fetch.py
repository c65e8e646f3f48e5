"""Fetches Prometheus when this machine has none: `python -m lab.targets.processes.fetch`."""

import sys

from lab.errors import LabError
from lab.settings import load_settings
from lab.targets.processes.metrics_server import provide_prometheus


def main() -> int:
    """Fetch Prometheus; return 0, or the exit code of the error."""
    try:
        provide_prometheus(load_settings(), lambda text: print(f"  metrics       {text}", file=sys.stderr))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
