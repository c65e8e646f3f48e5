"""Refuses an experiment that makes no sense, or that its target or this process cannot carry out."""

import resource
from collections.abc import Mapping
from typing import Final

from lab.analysis.objectives import kind_of
from lab.errors import Unavailable, UsageFault
from lab.faults.kinds import refuse_loss_of_ledger
from lab.model import NANOS, Burst, Constant, Experiment, Fault, Load, Objective, Poisson, Ramp, Step
from lab.model.arguments import BAD_ARGUMENT, check_number, check_text, check_whole
from lab.targets.port import Target
from services.contracts.limits import (
    LARGEST_DEFAULT_BATCH,
    MAX_BATCH_EVENTS,
    MAX_BATCHES,
    MAX_DURATION_S,
    MIN_WINDOW_NS,
)

LEAST_FILES: Final = 128
"""Files that a process must be allowed to hold open: a short run failed with 64, and succeeded with 96."""


def refuse_few_files(allowed: int | None = None) -> None:
    """Raise where this process may hold too few files open, before one of its parts finds out.

    Args:
        allowed: How many; the limit of this process unless given.

    Raises:
        Unavailable: The message names the limit, and how it is raised.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if allowed is None else allowed
    if 0 <= limit < LEAST_FILES:
        allowance = f"this shell allows {limit} open files, a run needs {LEAST_FILES}"
        raise Unavailable(
            "too few open files are allowed", found=allowance, next_step="ulimit -n 4096", code="NO_FILES"
        )


def refuse_impossible(experiment: Experiment, target: Target) -> None:
    """Raise where no judge knows an objective, a fault would destroy the ledger, or the target cannot carry it out.

    Raises:
        UsageFault: The message names the objective or fault, why it is impossible, and what to request instead.
    """
    for objective in experiment.objectives:
        kind_of(objective)
    for fault in experiment.faults:
        refuse_loss_of_ledger(fault)
        if hindrance := target.hindrance(fault):
            raise UsageFault(
                f"cannot {fault.kind} {fault.service} on target {target.declaration.name}",
                found=hindrance.why,
                next_step=hindrance.next_step,
                code="NO_SUCH_FAULT",
            )


def refuse_senseless(experiment: Experiment) -> None:
    """Raise where a field of an experiment has the wrong type, or is out of its bounds.

    Raises:
        UsageFault: The message names the field and its value.

    >>> refuse_senseless(Experiment("a", Load(None, Constant(500.0)), (), duration=float("nan")))
    Traceback (most recent call last):
    lab.errors.UsageFault: duration: nan is not a finite number
    """
    if not isinstance(experiment, Experiment):
        raise UsageFault(
            f"{experiment!r:.60} is no experiment",
            found=_type_of(experiment),
            next_step="lab.run(lab.Experiment(…))",
        )
    for name in ("name", "target", "architecture"):
        check_text(name, getattr(experiment, name))
    check_number("duration", experiment.duration, above=0, at_most=MAX_DURATION_S)
    check_number("warm_up", experiment.warm_up, at_least=0, at_most=MAX_DURATION_S)
    check_number("window_s", experiment.window_s, at_least=0, at_most=MAX_DURATION_S)
    if 0 < experiment.window_s < MIN_WINDOW_NS / NANOS:
        raise UsageFault(
            f"window_s: {experiment.window_s:g} must be 0, or at least {MIN_WINDOW_NS / NANOS:g}",
            found="the store keeps no shorter window",
            next_step="window_s=0      (one second, or a width that fits a replayed file)",
        )
    _check_kinds("objectives", experiment.objectives, Objective)
    _check_kinds("faults", experiment.faults, Fault)
    _check_settings(experiment.settings)
    _check_load(experiment.load, experiment.duration)


def _check_kinds(name: str, values: object, kind: type) -> None:
    """Raise unless a field is a list of values of one type."""
    if not isinstance(values, list | tuple):
        raise _not_of_kind(name, values, "is not a list", next_step=f"{name}=[…]")
    for value in values:
        if not isinstance(value, kind):
            step = "lab.latency(…), lab.kill(…) and the like make them"
            raise _not_of_kind(name, value, f"is no {kind.__name__.lower()}", next_step=step)


def _check_settings(settings: object) -> None:
    if not isinstance(settings, Mapping):
        step = 'settings={"LAB_WORKER_COST_US": "5"}      (name → text)'
        raise _not_of_kind("settings", settings, "is no mapping", next_step=step)
    for name, value in settings.items():
        check_text("the name of a setting", name)
        check_text(name, value)


def _check_load(load: object, duration_s: float) -> None:
    if not isinstance(load, Load):
        raise _not_of_kind("load", load, "is no load", next_step="load=lab.load(…)")
    check_whole("batch_events", load.batch_events)
    check_number("batch_events", load.batch_events, at_least=0, at_most=MAX_BATCH_EVENTS)
    rate = _mean_rate(load)
    check_number("rate", rate, at_least=0)
    batches = rate * duration_s / (load.batch_events or LARGEST_DEFAULT_BATCH)
    if batches > MAX_BATCHES:
        raise UsageFault(
            f"rate: {rate:g} events/s for {duration_s:g} s are too many",
            found=f"about {batches:.3g} batches, limit {MAX_BATCHES:,}",
            next_step="a lower rate, a shorter duration, or a larger batch_events",
            code=BAD_ARGUMENT,
        )


def _not_of_kind(name: str, value: object, problem: str, *, next_step: str) -> UsageFault:
    """Return the error for a field that holds a value of the wrong type."""
    attempted = f"{name}: {value!r:.60} {problem}"
    return UsageFault(attempted, found=_type_of(value), next_step=next_step, code=BAD_ARGUMENT)


def _type_of(value: object) -> str:
    return f"its type is {type(value).__name__}"


def _mean_rate(load: Load) -> float:
    """Return the mean rate of a load in events per second; 0 where the load has no rate."""
    match load.shape:
        case Constant(rate) | Poisson(rate):
            return rate
        case Step(rates):
            return sum(rates) / max(1, len(rates))
        case Ramp(from_rate, to_rate):
            return from_rate / 2 + to_rate / 2
        case Burst(base_rate, peak_rate, period_s, burst_s):
            return base_rate + (peak_rate - base_rate) * burst_s / period_s
    return 0.0
