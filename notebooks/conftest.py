"""Lets `pytest --nbval-lax notebooks` replay the recorded runs, cell after cell.

A live run measures other figures than those that a notebook shows, so that it cannot be compared with them.
"""

import pytest

from lab.settings import environment_with, is_set

REPLAY = "LAB_REPLAY"


def pytest_configure(config: pytest.Config) -> None:
    """Replay unless the user says otherwise."""
    if not is_set(REPLAY):
        replaying = environment_with(**{REPLAY: "1"})
        replaying.__enter__()
        config.add_cleanup(lambda: replaying.__exit__(None, None, None))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort cells by notebook and place; tests of other kinds stay where they are."""
    places = [place for place, item in enumerate(items) if hasattr(item, "cell_num")]
    cells = sorted((items[place] for place in places), key=lambda item: (item.path, item.cell_num))
    for place, cell in zip(places, cells, strict=True):
        items[place] = cell
