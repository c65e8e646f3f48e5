"""`python -m services.bootstrap` prepares the store; exit code 0, or 78 or 69 with the reason.

The last line of its output is one JSON object with the facts of the store, for example
`{"kind": "valkey", "version": "9.1.2", "durability": "durable"}`.
"""

import json
import sys
from typing import Final

from pydantic import ValidationError

from services.bootstrap.settings import BootstrapSettings
from services.bootstrap.store import UnfitStore, bootstrap, wait_until_loaded
from services.ledger.errors import LedgerError, StoreLost

SHOWN_FAULTS: Final = 4


def main() -> int:
    """Prepare the store that the environment names. Return 0, 78 for an unfit store or setting, 69 for no store."""
    try:
        settings = BootstrapSettings()
        wait_until_loaded(settings, seconds=settings.bootstrap_wait_s)
        facts = bootstrap(settings, require_durability=settings.require_durability)
    except ValidationError as error:
        faults = [f"  LAB_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
        print("\n".join(["bootstrap: the environment is not right:", *faults[:SHOWN_FAULTS]]), file=sys.stderr)
        return 78
    except UnfitStore as error:
        print(f"bootstrap: {error.reason}\n{error}", file=sys.stderr)
        return 78
    except LedgerError as error:
        print(f"bootstrap: {error.reason}\n{error}", file=sys.stderr)
        return 78 if isinstance(error, StoreLost) else 69
    print(json.dumps({"kind": facts.kind, "version": facts.version, "durability": facts.durability}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
