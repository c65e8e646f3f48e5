"""`python -m tests.cluster.faults.redis_cli -h HOST -p PORT COMMAND…`: as much of redis-cli as next steps use."""

import sys
from urllib.parse import urlsplit

from lab.looks.resp import Line


def main(arguments: list[str]) -> int:
    """Send one command and print the answer."""
    host, port, *words = arguments[1], arguments[3], *arguments[4:]
    with Line(urlsplit(f"redis://{host}:{port}"), None) as line:
        print(line.ask(*words))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
