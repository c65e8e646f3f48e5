"""The store's functions of this version of the ledger, under names of their own.

A store may serve several versions at once: during a rolling update, or in two namespaces. Names of functions are global
in a store, and a library replaces another library of the same name. Library and functions therefore carry a hash of
their code in their names. Each version calls its own functions and leaves those of the others alone. All versions keep
the same keys; a version that adds a field reads its absence as 0.
"""

import hashlib
from functools import cache
from importlib import resources
from typing import Final

PARTS: Final = ("layout", "guards", "auditing", "append", "merging", "commit", "dead_letters", "upkeep", "reading")
"""Files of `functions/`, in the order in which they use each other."""
HEAD: Final = "#!lua name={name}\nlocal VERSION = '{version}'\n"


def _body() -> str:
    folder = resources.files("services.ledger").joinpath("functions")
    return "\n".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in PARTS)


_BODY: Final = _body()
VERSION: Final = hashlib.blake2b(_BODY.encode(), digest_size=6).hexdigest()
"""Hash of the code."""
LIBRARY: Final = f"lab_ledger_{VERSION}"
CODE: Final = HEAD.format(name=LIBRARY, version=VERSION) + _BODY


@cache
def function(name: str) -> bytes:
    """Return the name in the store of a function of this version, such as `append`."""
    return f"lab_{name}_{VERSION}".encode()
