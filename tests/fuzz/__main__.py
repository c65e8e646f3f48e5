"""`python -m tests.fuzz [messages] [files] [seed]` sends that much nonsense, and ends with 1 where it did harm."""

import random
import sys
import time

from tests.fuzz.methods import methods
from tests.fuzz.stack import Stack, services

ROUNDS = 10
MOST_GROWTH_MB = 40.0
"""Growth of a service's memory after the first round, which fills what is kept."""


def main(messages: int = 1_000_000, files: int = 20_000, seed: int = 0) -> int:
    """Send nonsense in ten rounds. Return 1 where it did harm, else 0."""
    draw, begun = random.Random(seed), time.monotonic()
    with services() as stack:
        first: dict[str, float] = {}
        for number in range(ROUNDS):
            a_round(stack, messages // ROUNDS, files // ROUNDS, draw=draw)
            memory = {name: program.memory_mb() for name, program in stack.programs.items()}
            first = first or memory
            shown = ", ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in memory.items())
            print(f"round {number + 1} of {ROUNDS}, {time.monotonic() - begun:.0f} s: {shown}", flush=True)
        harm = [
            *stack.harm(),
            *(
                f"{name} grew by {memory[name] - first[name]:.0f} MB"
                for name in memory
                if memory[name] - first[name] > MOST_GROWTH_MB
            ),
        ]
    for (name, status), count in sorted(stack.answers.counts.items()):
        print(f"{count:>9,} {status:<20} {name}")
    print(f"{messages:,} messages, {files:,} files, seed {seed}: {len(harm)} faults")
    print("\n".join(harm))
    return 1 if harm else 0


def a_round(stack: Stack, messages: int, files: int, *, draw: random.Random) -> None:
    """Send an equal part of the messages to every method, except that a load run takes its time."""
    every = methods()
    slow = [method for method in every if method.path.endswith("/RunLoad")]
    for method in slow:
        stack.send(method, messages // 500, draw=draw)
    rest = messages - messages // 500 * len(slow)
    others = [method for method in every if method not in slow]
    for number, method in enumerate(others):
        stack.send(method, rest // len(others) + (number < rest % len(others)), draw=draw)
    stack.replay(files, draw=draw)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
