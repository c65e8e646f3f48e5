"""`python -m services.bootstrap` prepares the store; exit code 0, or 78 or 69 with the reason.

The last line of its output is one JSON object with the facts of the store, for example
`{"kind": "valkey", "version": "9.1.2", "durability": "durable"}`.
"""

import json
import os
import sys

from services.bootstrap.settings import BootstrapSettings
from services.bootstrap.store import UnfitStore, bootstrap
from services.ledger.errors import LedgerError, StoreLost
from services.serving.settings import ServiceFault, read_settings


def main() -> int:
    """Prepare the store that the environment names. Return 0, 78 for an unfit store or setting, 69 for no store."""
    try:
        settings = read_settings(BootstrapSettings)
        facts = bootstrap(settings, require_durability=settings.require_durability, wait_s=settings.bootstrap_wait_s)
    except ServiceFault as fault:
        print(f"bootstrap: {fault}", file=sys.stderr)
        return fault.exit_code
    except UnfitStore as error:
        print(f"bootstrap: {error.reason}\n{error}", file=sys.stderr)
        return os.EX_CONFIG
    except LedgerError as error:
        print(f"bootstrap: {error.reason}\n{error}", file=sys.stderr)
        return os.EX_CONFIG if isinstance(error, StoreLost) else os.EX_UNAVAILABLE
    print(json.dumps({"kind": facts.kind, "version": facts.version, "durability": facts.durability}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
