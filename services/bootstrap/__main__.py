"""`python -m services.bootstrap`: makes the store fit, exit 0; 78 with the reason where it cannot be."""

import sys

from services.bootstrap.settings import BootstrapSettings
from services.bootstrap.store import UnfitStore, bootstrap, wait_until_loaded
from services.ledger.errors import LedgerError, StoreLost


def main() -> int:
    """Prepare the store that the environment names."""
    settings = BootstrapSettings()
    try:
        wait_until_loaded(settings, seconds=settings.bootstrap_wait_s)
        facts = bootstrap(settings, require_durability=settings.require_durability)
    except UnfitStore as error:
        print(f"bootstrap: {error.reason}\n{error}", file=sys.stderr)
        return 78
    except LedgerError as error:
        print(f"bootstrap: {error.reason}\n{error}", file=sys.stderr)
        return 78 if isinstance(error, StoreLost) else 69
    print(f"bootstrap: {facts.kind} {facts.version}, {facts.durability}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
