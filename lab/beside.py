"""Loads the package `services` that belongs to this package, whatever folder of that name Python would find first."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

NAME: Final = "services"


def loaded_beside() -> ModuleType:
    """Return the package beside this package. A notebook's own folder, which Python searches first, may have another.

    Raises:
        ImportError: Another package of that name was loaded before.
    """
    folder = Path(__file__).parents[1] / NAME
    if NAME in sys.modules:
        package = sys.modules[NAME]
        if str(folder) not in map(str, package.__path__):
            raise ImportError(f"{next(iter(package.__path__))} hides the lab's own package; import lab before it")
        return package
    spec = spec_from_file_location(NAME, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} cannot be loaded")
    package = sys.modules[NAME] = module_from_spec(spec)
    spec.loader.exec_module(package)
    return package


SERVICES: Final = loaded_beside()
