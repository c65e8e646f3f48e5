"""The plan of a stack is decided from what was provided; nothing is fetched, claimed or started."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from lab.errors import BadConfig
from lab.model import StoreLogin
from lab.settings import LabSettings
from lab.systems.services import PROCESS_WORKER, SERVICES
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import BOOTSTRAP, METRICS, STORE, Plan, Program, write_plan
from lab.targets.processes.provisions import OwnServer, Provisions
from lab.targets.processes.recipe import MALLOC, Recipe
from lab.targets.processes.stacks import stop_timeout_s

FOLDER: Final = StackFolder(Path("/stacks/a"))
OWN: Final = Provisions(
    store=OwnServer(Path("/bin/a-store"), 15_001),
    metrics=OwnServer(Path("/bin/a-prometheus"), 15_002),
    telemetry={"OTEL_METRICS_EXPORTER": "prometheus"},
    secrets={},
    config_hash="abc",
)
NONE: Final = replace(OWN, store=None, metrics=None)
"""For settings that name both servers."""
SETTINGS: Final = LabSettings(start_timeout_s=20.0)
OUTSIDE: Final = LabSettings(redis_url="redis://127.0.0.1:1/0", prometheus_url="http://127.0.0.1:2")


def planned(provisions: Provisions = OWN, settings: LabSettings = SETTINGS, **services: str) -> Plan:
    """Return the plan of a stack in a folder that does not exist."""
    return Recipe(settings, services).plan(FOLDER, provisions)


def program(plan: Plan, name: str) -> Program:
    """Return a program of a plan."""
    return next(program for program in plan.programs if program.name == name)


def test_programs_are_in_the_order_in_which_they_need_each_other() -> None:
    """The metrics server is first; bootstrap waits for the store, and services for bootstrap."""
    plan = planned()
    assert [program.name for program in plan.programs] == [METRICS, STORE, BOOTSTRAP, *SERVICES]
    assert (program(plan, METRICS).after, program(plan, STORE).after) == ((), ())
    assert program(plan, BOOTSTRAP).after == (STORE,)
    assert {program(plan, name).after for name in SERVICES} == {(BOOTSTRAP,)}


def test_servers_listen_where_a_port_was_found() -> None:
    """Everybody is told the same address."""
    plan = planned()
    assert (plan.redis_url, plan.prometheus_url) == ("redis://127.0.0.1:15001/0", "http://127.0.0.1:15002")
    store, metrics = program(plan, STORE), program(plan, METRICS)
    assert (store.command[0], store.ready.kind, store.ready.where) == ("/bin/a-store", "redis", "127.0.0.1:15001")
    assert (metrics.command[0], metrics.ready.where) == ("/bin/a-prometheus", "http://127.0.0.1:15002/-/ready")
    assert {program(plan, name).environment["LAB_REDIS_URL"] for name in (BOOTSTRAP, *SERVICES)} == {plan.redis_url}


def test_servers_of_the_users_own_are_used_and_not_started() -> None:
    """Bootstrap waits for nothing then."""
    plan = planned(NONE, OUTSIDE)
    assert [program.name for program in plan.programs] == [BOOTSTRAP, *SERVICES]
    assert program(plan, BOOTSTRAP).after == ()
    assert (plan.redis_url, plan.prometheus_url) == (OUTSIDE.redis_url, OUTSIDE.prometheus_url)


def test_every_program_has_a_log_and_the_same_time_to_get_ready() -> None:
    """The user sets that time."""
    plan = planned()
    assert {program.log for program in plan.programs} == {f"/stacks/a/logs/{each.name}.log" for each in plan.programs}
    assert {program.ready.deadline_s for program in plan.programs} == {20.0}


def test_services_get_their_settings_and_where_telemetry_goes() -> None:
    """Bootstrap, which sends no metrics, gets the settings alone."""
    plan = planned(LAB_LOG_LEVEL="debug")
    for name in SERVICES:
        environment = program(plan, name).environment
        assert (environment["LAB_LOG_LEVEL"], environment["OTEL_METRICS_EXPORTER"]) == ("debug", "prometheus")
        assert environment["LAB_READY_FILE"] == program(plan, name).ready.where
    assert program(plan, BOOTSTRAP).environment.keys() == {
        "LAB_LOG_LEVEL",
        "LAB_REDIS_URL",
        "LAB_REDIS_USER",
        "LAB_REDIS_PASSWORD_FILE",
    }


def test_only_the_worker_keeps_the_memory_that_it_freed() -> None:
    """Other services free little."""
    with_malloc = [name for name in SERVICES if program(planned(), name).environment.keys() >= MALLOC.keys()]
    assert with_malloc == [PROCESS_WORKER]


def test_whoever_uses_the_store_is_told_where_its_secrets_are() -> None:
    """In files; no secret stands in a plan."""
    plan = planned(replace(NONE, secrets={"LAB_REDIS_PASSWORD_FILE": "/secrets/store"}), OUTSIDE)
    for name in (BOOTSTRAP, *SERVICES):
        assert program(plan, name).environment["LAB_REDIS_PASSWORD_FILE"] == "/secrets/store"


def test_every_program_logs_in_to_the_stack_s_own_store_as_itself() -> None:
    """The simulator does not use the store; callers of all services need the stack's token."""
    plan = planned()
    users = {name: program(plan, name).environment.get("LAB_REDIS_USER") for name in (BOOTSTRAP, *SERVICES)}
    files = {program(plan, name).environment.get("LAB_REDIS_PASSWORD_FILE") for name in (BOOTSTRAP, *SERVICES)}
    assert users == {name: None if name == "simulator" else name for name in (BOOTSTRAP, *SERVICES)}
    assert files == {str(FOLDER.password_of(user)) if user else None for user in users.values()}
    assert plan.store_login == StoreLogin(FOLDER.password_of(BOOTSTRAP), BOOTSTRAP)
    assert planned(NONE, OUTSIDE).store_login is None
    assert {program(plan, name).environment["LAB_TOKEN_FILE"] for name in SERVICES} == {plan.token_file}


def test_a_plan_knows_what_it_was_made_from() -> None:
    """By the hash of the configuration; the stack is thrown away unless it is to stay."""
    assert (planned().config_hash, planned().throw_away) == ("abc", True)
    assert not Recipe(SETTINGS, {}, throw_away=False).plan(FOLDER, OWN).throw_away


def test_a_service_on_this_machine_is_given_the_time_it_drains(tmp_path: Path) -> None:
    """The lab waits as long when it takes the stack down."""
    folder = StackFolder(tmp_path)

    def planned_grace_s(**services: str) -> float:
        plan = planned(NONE, OUTSIDE, **services)
        write_plan(folder.plan, plan)
        [grace_s] = {program.grace_s for program in plan.programs if program.name in SERVICES}
        return grace_s

    assert stop_timeout_s(folder) == 45.0
    assert (planned_grace_s(), stop_timeout_s(folder)) == (10.0, 45.0)
    assert (planned_grace_s(LAB_DRAIN_SECONDS="60"), stop_timeout_s(folder)) == (65.0, 90.0)


def test_a_drain_that_is_no_number_of_seconds_makes_no_plan() -> None:
    """The message names the variable."""
    with pytest.raises(BadConfig, match="LAB_DRAIN_SECONDS"):
        planned(LAB_DRAIN_SECONDS="soon")
