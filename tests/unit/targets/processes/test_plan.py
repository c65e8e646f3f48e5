"""A plan is read as it was written, and knows which programs need each other."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.targets.processes.plan import Plan, Program, Ready, read_plan, write_plan


def program(name: str, *after: str) -> Program:
    """Return a program that needs others."""
    return Program(name, ("/bin/true",), Ready("once"), f"{name}.log", after=after, environment={"A": "1"})


STACK = Plan(
    (
        program("prometheus"),
        program("redis"),
        program("bootstrap", "redis"),
        program("worker", "redis", "bootstrap"),
        program("viewer", "worker", "prometheus"),
    ),
    config_hash="abc",
    throw_away=False,
    redis_url="redis://127.0.0.1:1/0",
)


@pytest.mark.parametrize(
    ("name", "depth"), [("prometheus", 0), ("redis", 0), ("bootstrap", 1), ("worker", 2), ("viewer", 3)]
)
def test_the_depth_is_the_longest_chain_of_needed_programs(name: str, depth: int) -> None:
    """A program that others need has a smaller depth, and stops later."""
    assert STACK.depth(name) == depth


def test_programs_of_one_depth_stop_together() -> None:
    """The longest grace of each depth counts."""
    slow = replace(program("worker", "redis", "bootstrap"), grace_s=65.0)
    programs = tuple(slow if program.name == "worker" else program for program in STACK.programs)
    assert (STACK.grace_s, replace(STACK, programs=programs).grace_s) == (40.0, 95.0)


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    """The supervisor reads it in another process."""
    write_plan(tmp_path / "plan.json", STACK)
    assert read_plan(tmp_path / "plan.json") == STACK
