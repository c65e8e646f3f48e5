"""`python -m tests.cluster.faults.redis_cli -h HOST -p PORT COMMAND…`: as much of redis-cli as next steps use."""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from lab.probes.resp import Line, Refused
from lab.settings import inherited_environment


def main(arguments: list[str]) -> int:
    """Send one command and print the answer; an error is one of the exit code only where that is asked for."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-h", dest="host", required=True)
    parser.add_argument("-p", dest="port", type=int, default=6379)
    parser.add_argument("-e", dest="fails", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--cacert", type=Path)
    parser.add_argument("--user", default="")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    password = inherited_environment().get("REDISCLI_AUTH", "")
    with Line(urlsplit(f"{'rediss' if given.tls else 'redis'}://{given.host}:{given.port}"), given.cacert) as line:
        try:
            if password:
                line.ask("AUTH", *([given.user] if given.user else []), password)
            print(line.ask(*given.words))
        except Refused as error:
            print(f"(error) {error}")
            return int(given.fails)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
