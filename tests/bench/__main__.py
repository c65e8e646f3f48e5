"""`make bench` measures the cost of an event beside a naive chain, and prints the ratios of one interleaved run."""

import argparse
import statistics
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from tests.bench import machine, startup
from tests.bench.chains import Chain, naive_chain, our_chain
from tests.bench.load import batched_calls, send, single_calls

if TYPE_CHECKING:
    from io import TextIOWrapper

ROUNDS: Final = 12
WARM_SLICES: Final = 0.5
EX_VOID: Final = 75
"""Code TEMPFAIL of sysexits: run again on a quieter machine."""
Cost = dict[str, float]


@dataclass(frozen=True, slots=True)
class Contender:
    """One chain with its load. A slice is *calls* calls of *events* events."""

    name: str
    chain: Callable[[], AbstractContextManager[Chain]]
    calls: int
    events: int


# All chains run all the time and their slices take turns, so that a disturbance of the machine hits all of them.
CONTENDERS: Final = (
    Contender("batch 500", our_chain, 800, 500),
    Contender("naive", naive_chain, 500, 1),
    Contender("batch 500, telemetry off", partial(our_chain, telemetry=False), 800, 500),
    Contender("batch 2,000", our_chain, 400, 2_000),
)
BOUNDS: Final = (
    ("naive / batch 500", "naive", "batch 500", 350.0, True),
    ("naive / batch 2,000", "naive", "batch 2,000", 1_200.0, True),
    ("telemetry on / off", "batch 500", "batch 500, telemetry off", 1.15, False),
)
"""(name, numerator, denominator, bound, whether the ratio must be above the bound)."""


class Course:
    """One contender on its running chain."""

    def __init__(self, contender: Contender, chain: Chain) -> None:
        self.contender, self._chain, self._sent = contender, chain, 0
        self.slice(share=WARM_SLICES)

    def slice(self, *, share: float = 1.0) -> Cost:
        """Send a slice. Return the CPU microseconds per event of each process. Raises where an event is not counted."""
        calls = _calls(self.contender, round(share * self.contender.calls))
        events = len(calls) * self.contender.events
        self._sent += events
        before = machine.cpu_of(self._chain.pids.values())
        send(self._chain.address, self._chain.method, calls)
        self._chain.await_counted(self._sent)
        after = machine.cpu_of(self._chain.pids.values())
        return {name: (after[pid] - before[pid]) / events * 1e6 for name, pid in self._chain.pids.items()}


def _calls(contender: Contender, number: int) -> list[bytes]:
    if contender.events == 1:
        return single_calls(number)
    return batched_calls(number, contender.events, run="bench", producer=uuid.uuid4().bytes)


def main(arguments: list[str]) -> int:
    """Print the ratios. Return 0 when all bounds hold, 1 when one does not, 75 when the machine was disturbed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds (default %(default)s)")
    rounds = parser.parse_args(arguments).rounds
    cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)
    costs: dict[str, list[Cost]] = defaultdict(list)
    starts: list[tuple[float, float]] = []
    stolen = [machine.stolen_share()]
    with ExitStack() as chains:
        courses = [Course(contender, chains.enter_context(contender.chain())) for contender in CONTENDERS]
        for number in range(1, rounds + 1):
            courses = [*courses[1:], courses[0]]  # another contender begins each round
            for course in courses:
                costs[course.contender.name].append(course.slice())
                _print_cost(number, course.contender.name, costs[course.contender.name][-1])
            starts.append((startup.up_to_first_count_s(), startup.imports_s()))
            stolen.append(machine.stolen_share())
            print(
                f"  round {number:2d}  lab up to first count {starts[-1][0]:.2f} s, bare imports {starts[-1][1]:.2f} s"
            )
    return _conclude(costs, starts, max(stolen))


def _print_cost(number: int, name: str, cost: Cost) -> None:
    parts = "  ".join(f"{process} {value:.3f}" for process, value in cost.items())
    print(f"  round {number:2d}  {name:26s} {sum(cost.values()):8.3f} µs CPU an event   {parts}", flush=True)


def _conclude(costs: dict[str, list[Cost]], starts: list[tuple[float, float]], stolen: float) -> int:
    totals = {name: [sum(cost.values()) for cost in slices] for name, slices in costs.items()}
    held = True
    for name, above, below, bound, at_least in BOUNDS:
        ratios = [a / b for a, b in zip(totals[above], totals[below], strict=True)]
        ratio = statistics.median(ratios)
        good = ratio >= bound if at_least else ratio <= bound
        held = held and good
        print(f"  {name:26s} {ratio:8.2f}  [{min(ratios):.2f}, {max(ratios):.2f}]  {_wanted(bound, at_least, good)}")
    up, imports = (statistics.median(seconds) for seconds in zip(*starts, strict=True))
    print(f"  lab up to first count      {up:8.2f} s, {up / imports:.2f} × the bare imports ({imports:.2f} s)")
    if stolen > machine.DISTURBED_SHARE:
        print(f"  VOID: the machine took up to {100 * stolen:.1f} % of a core away; run it again when it is quiet")
        return EX_VOID
    print(f"  the machine was quiet: at most {100 * stolen:.1f} % of a core was taken away")
    return 0 if held else 1


def _wanted(bound: float, at_least: bool, good: bool) -> str:  # noqa: FBT001
    return f"wanted {'≥' if at_least else '≤'} {bound:g}  {'ok' if good else 'MISSED'}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
