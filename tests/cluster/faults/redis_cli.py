"""`python -m tests.cluster.faults.redis_cli -h HOST -p PORT COMMAND…`: the part of redis-cli that next steps use."""

import argparse
import sys

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lab.settings import inherited_environment


def main(arguments: list[str]) -> int:
    """Send a command and print the answer; an error gives exit code 1 only with `-e`."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-h", dest="host", required=True)
    parser.add_argument("-p", dest="port", type=int, default=6379)
    parser.add_argument("-e", dest="fails", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--cacert")
    parser.add_argument("--user")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    client = redis.Redis(
        host=options.host,
        port=options.port,
        username=options.user,
        password=inherited_environment().get("REDISCLI_AUTH") or None,
        ssl=options.tls,
        ssl_ca_certs=options.cacert,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=5,
    )
    try:
        print(client.execute_command(*options.words))
    except redis.exceptions.ResponseError as error:
        print(f"(error) {error}")
        return int(options.fails)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
