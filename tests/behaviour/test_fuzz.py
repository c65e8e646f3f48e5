"""A short sample of `make fuzz`: nonsense for every method of every service, and files of nonsense to replay."""

import random
from typing import Final

import pytest

from tests.fuzz.__main__ import a_round
from tests.fuzz.stack import services

SEED: Final = 7
MESSAGES, FILES = 6_000, 200
MOST_GROWTH_MB: Final = 40.0


@pytest.mark.timeout(110)
def test_nonsense_does_no_harm() -> None:
    """No death, no call that hangs, no traceback, no INTERNAL; memory grows by little after the first part."""
    draw = random.Random(SEED)
    with services() as stack:
        a_round(stack, MESSAGES // 3, FILES // 2, draw=draw)
        before = {name: program.memory_mb() for name, program in stack.programs.items()}
        a_round(stack, MESSAGES - MESSAGES // 3, FILES // 2, draw=draw)
        growth_mb = {name: program.memory_mb() - before[name] for name, program in stack.programs.items()}
        assert stack.harm() == []
        assert max(growth_mb.values()) < MOST_GROWTH_MB, growth_mb
        assert sum(stack.answers.counts.values()) >= MESSAGES // 2
