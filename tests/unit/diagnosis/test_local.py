"""Faults of this machine and of its stack: every rule finds its own, and none of the others."""

import json
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.rules import LOCAL_RULES
from lab.snapshots.answers import LedgerProbe
from lab.snapshots.files import load, save
from lab.snapshots.machine import Listener
from tests.unit.diagnosis.builders import TAKEN_AT
from tests.unit.diagnosis.local_cases import (
    IN_USE,
    LOCAL_CASES,
    STORE,
    TRACEBACK,
    URL,
    LocalCase,
    failed,
    healthy,
    on,
    silent,
    with_environment,
    with_program,
    with_store,
)

if TYPE_CHECKING:
    from lab.snapshots.snapshot import Snapshot

PLACEHOLDER = re.compile(r"<[a-z-]+>|\\.\\.\\.|…")
LISTEN_FAILS = 'err="listen tcp 127.0.0.1:9390: bind: address already in use"'


def test_every_rule_has_a_case() -> None:
    """And no case is left of a rule that is gone."""
    assert list(LOCAL_CASES) == list(LOCAL_RULES)


@pytest.mark.parametrize(("cause", "case"), LOCAL_CASES.items(), ids=LOCAL_CASES)
def test_a_fault_is_named_with_evidence_and_remedy(cause: str, case: LocalCase) -> None:
    """It is the only finding."""
    [finding] = diagnose(case.snapshot)
    assert (finding.cause, finding.object) == (cause, case.object)
    assert case.found in finding.found
    assert case.do in finding.do
    assert finding.title
    assert finding.why


@pytest.mark.parametrize("case", LOCAL_CASES.values(), ids=LOCAL_CASES)
def test_a_remedy_can_be_pasted_here(case: LocalCase) -> None:
    """One line, nothing to fill in, no cluster in it."""
    for finding in diagnose(case.snapshot):
        assert "\n" not in finding.do
        assert not PLACEHOLDER.search(finding.do)
        assert shlex.split(finding.do)
        assert "kubectl" not in finding.do
        assert "ssh" not in finding.do
        parsed = subprocess.run(["bash", "-n", "-c", finding.do], capture_output=True, text=True, check=False)
        assert (parsed.returncode, parsed.stderr) == (0, "")


@pytest.mark.parametrize(("cause", "case"), LOCAL_CASES.items(), ids=LOCAL_CASES)
def test_a_snapshot_of_this_machine_comes_back_as_it_was(cause: str, case: LocalCase, tmp_path: Path) -> None:
    """And gives the same diagnosis."""
    file = tmp_path / f"{cause}.json"
    save(case.snapshot, file)
    assert load(file) == case.snapshot


def test_a_stack_that_is_up_has_no_finding() -> None:
    """Nor has a machine without a stack."""
    assert diagnose(healthy()) == ()
    assert diagnose(replace(on(healthy(), stack=""), programs=())) == ()


def test_the_program_that_died_first_is_blamed() -> None:
    """The worker and bootstrap only needed what had died before them."""
    here = failed("bootstrap", "bootstrap: STORE_UNREACHABLE", exit_code=69)
    full = "Write error writing to the AOF file: No space left on device"
    here = with_program(here, "redis", died_at=TAKEN_AT - 20, exit_code=1, log=(full,))
    here = with_program(here, "process-worker", died_at=TAKEN_AT - 18, exit_code=70, log=TRACEBACK)
    [finding] = diagnose(here)
    assert (finding.cause, finding.object) == ("disk-full", "Machine/disk")
    assert full in finding.found


def test_what_did_not_need_the_first_is_told_as_well() -> None:
    """Prometheus needs no store."""
    here = failed("redis", "fatal: cannot load the file")
    here = with_program(here, "prometheus", died_at=TAKEN_AT - 5, signal=11)
    assert [(finding.cause, finding.object) for finding in diagnose(here)] == [
        ("not-ready", "Program/prometheus"),
        ("not-ready", "Program/redis"),
    ]


def test_a_program_that_came_back_is_no_fault() -> None:
    """A run kills programs on purpose."""
    back = with_program(healthy(), "process-worker", deaths=1, died_at=TAKEN_AT - 5, signal=9)
    assert diagnose(on(back, out_of_memory_kills=3)) == ()


def test_a_signal_9_alone_is_no_want_of_memory() -> None:
    """Somebody else may have sent it; the kernel's count alone makes it likely."""
    killed = failed("process-worker", exit_code=0, signal=9)
    assert [finding.cause for finding in diagnose(killed)] == ["not-ready"]
    [finding] = diagnose(on(killed, out_of_memory_kills=3))
    assert (finding.cause, finding.title) == (
        "out-of-memory", "process-worker may have been ended for want of memory"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "do"),
    [
        ({}, "lab up"),
        ({"LAB_WORKER_COST_US": "x"}, "unset LAB_WORKER_COST_US && lab up"),
    ],
    ids=["by --set", "by the shell"],
)
def test_a_wrong_setting_is_taken_back_where_it_was_set(variables: dict[str, str], do: str) -> None:
    """The lab does not set variables of the user's shell."""
    [finding] = diagnose(with_environment(LOCAL_CASES["wrong-settings"].snapshot, **variables))
    assert finding.do == do


def test_a_setting_of_the_lab_itself_is_looked_up() -> None:
    """Only `lab config show` tells where it comes from."""
    [finding] = diagnose(failed("bootstrap", "LAB_REDIS_URL: not a URL", exit_code=78))
    assert (finding.cause, finding.do) == ("wrong-settings", "lab config show")


def test_a_port_that_services_share_is_named_by_its_variable() -> None:
    """The service that came first has stopped by now, so that nobody listens."""
    text = "ingest-api: cannot listen on 127.0.0.1:9000: Failed to bind to address 127.0.0.1:9000"
    shared = failed("ingest-api", text, exit_code=78, settings={"LAB_BIND": "127.0.0.1:9000"})
    [finding] = diagnose(shared)
    assert (finding.cause, finding.do) == ("port-taken", "lab up")
    assert "LAB_BIND gives every service the same port" in finding.why
    own = with_environment(failed("ingest-api", f"OSError: [Errno 98] {IN_USE}"), OTEL_EXPORTER_PROMETHEUS_PORT="9464")
    [finding] = diagnose(own)
    assert (finding.cause, finding.do) == ("port-taken", "unset OTEL_EXPORTER_PROMETHEUS_PORT && lab up")


@pytest.mark.parametrize(
    ("line", "addresses"),
    [
        (
            f'time=2026-11-24T13:24:58.123Z level=ERROR source=main.go:1284 msg="cannot start" {LISTEN_FAILS}',
            ("127.0.0.1:9390",),
        ),
        (f"ts=2026-11-24T13:24:58.123Z caller=main.go:1113 level=error {LISTEN_FAILS}", ()),
        (f"24 Nov 2026 13:24:58.123 127.0.0.1:9390: {IN_USE} (10.0.0.1:8080)", ()),
        (f"2026-11-24 13:24:58,123 {IN_USE}", ("127.0.0.1:9390",)),
    ],
    ids=["wanted", "not wanted", "before the system's words", "not named"],
)
def test_a_taken_port_is_read_from_an_address_and_not_from_a_time(line: str, addresses: tuple[str, ...]) -> None:
    """Its holder is named, and the variable that gives the program this port."""
    taken = failed("prometheus", line, addresses=addresses, settings={"LAB_PROMETHEUS_PORT": "9390"})
    [finding] = diagnose(on(taken, listeners=(Listener(24, 1, "other"), Listener(9390, 78, "prometheus"))))
    assert finding.title == "prometheus cannot listen: port 9390 is taken by process 78 (prometheus)"
    assert finding.why.startswith("LAB_PROMETHEUS_PORT gives every service the same port")


def test_a_bind_that_fails_for_another_reason_is_no_taken_port() -> None:
    """Nothing names the port, nobody listens there."""
    text = "ingest-api: cannot listen on 192.0.2.1:9000: Failed to bind to address 192.0.2.1:9000"
    assert [finding.cause for finding in diagnose(failed("ingest-api", text, exit_code=78))] == ["not-ready"]
    taken = on(failed("ingest-api", text, exit_code=78), listeners=(Listener(9000),))
    assert [finding.cause for finding in diagnose(taken)] == ["port-taken"]


@pytest.mark.parametrize(
    ("name", "changes", "do"),
    [
        ("prometheus", {"install": "sudo apt install prometheus"}, "sudo apt install prometheus && lab up"),
        ("prometheus", {"program": "/opt/prometheus"}, "unset LAB_PROMETHEUS && lab up"),
        ("redis", {"install": "pip install x"}, "unset LAB_REDIS_SERVER && lab up"),
    ],
)
def test_a_missing_program_is_installed_or_not_asked_for(name: str, changes: dict[str, str], do: str) -> None:
    """As the settings choose it."""
    here = on(healthy(), stack="")
    assert here.settings is not None
    chosen = replace(here.settings, prometheus_program="/opt/prometheus", redis_server="path")
    gone = {"program": "", "is_there": False, "error": "no such program", "pid": 0, **changes}
    [finding] = diagnose(replace(with_program(here, name, **gone), settings=chosen))
    assert (finding.cause, finding.do) == ("program-missing", do)


def test_a_prometheus_that_will_be_fetched_is_not_missing() -> None:
    """Where this machine has what fetching needs."""
    here = with_program(on(healthy(), stack=""), "prometheus", program="", is_there=False, pid=0)
    assert here.settings is not None
    assert diagnose(replace(here, settings=replace(here.settings, fetches=True))) == ()


@pytest.mark.parametrize(
    ("reason", "do"),
    [
        ("STORE_EMPTY", "lab down && lab up"),
        ("STORE_TOO_OLD", "unset LAB_REDIS_URL && lab up"),
        ("NOT_DURABLE", "unset LAB_REQUIRE_DURABILITY && lab up"),
        ("STORE_FULL", "redis-cli -e -h 127.0.0.1 -p 6390 info"),
    ],
)
def test_a_store_that_is_refused_has_a_remedy(reason: str, do: str) -> None:
    """By the word of bootstrap, where the store itself tells nothing."""
    [finding] = diagnose(with_store(failed("bootstrap", f"bootstrap: {reason}", "more", exit_code=78)))
    assert (finding.cause, finding.do) == ("store-refused", do)


def test_servers_of_the_stack_that_do_not_answer_are_started_anew() -> None:
    """Nobody restarts a unit of the system for them."""
    here = healthy()
    assert here.probes.prometheus is not None
    store = replace(STORE, reachable=False, error="timed out")
    metrics = replace(here.probes.prometheus, reachable=False, samples=None, error="timed out")
    findings = diagnose(replace(here, probes=replace(here.probes, store=store, prometheus=metrics)))
    assert [(finding.cause, finding.do) for finding in findings] == [
        ("redis-unreachable", "lab down && lab up"),
        ("prometheus-receives-nothing", "lab down && lab up"),
    ]


def test_a_store_without_functions_is_refused() -> None:
    """By its version, before anything is started."""
    [finding] = diagnose(with_store(healthy(), kind="redis", version="6.2.1", speaks="6.2.1"))
    assert (finding.cause, finding.found) == ("store-refused", "redis 6.2.1; functions need ≥ 7.0")


def test_the_place_of_a_crash_is_that_of_its_own_traceback() -> None:
    """An earlier traceback of the log is of another fault; services log theirs inside JSON lines."""
    library = '  File "/usr/lib/python3/x.py", line 3, in y'
    [finding] = diagnose(failed("query-api", *TRACEBACK, TRACEBACK[0], library, "ValueError: no"))
    assert "ValueError: no, at /usr/lib/python3/x.py:3;" in finding.found
    text = "\n".join((*TRACEBACK[:3], library, "ValueError: no"))
    [finding] = diagnose(failed("process-worker", json.dumps({"message": "stopped", "exception": text})))
    assert finding.do == '"${EDITOR:-vi}" +41 /src/lab/services/process_worker/consumer.py && lab up'


def test_a_crash_outside_of_the_project_shows_the_log() -> None:
    """Nobody edits a library."""
    lines = (TRACEBACK[0], '  File "/usr/lib/python3/x.py", line 3, in y', "ValueError: no")
    [finding] = diagnose(failed("query-api", *lines))
    assert finding.do.startswith("tail -n 60 ")


@pytest.mark.parametrize(
    ("variables", "stage", "do"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, "exporting", "unset OTEL_SDK_DISABLED && lab down && lab up"),
        ({"OTEL_METRICS_EXPORTER": "none"}, "exporting", "unset OTEL_METRICS_EXPORTER && lab down && lab up"),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, "exporting", "unset OTEL_METRICS_EXPORTER && lab down && lab up"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"},
            "the collector",
            "unset OTEL_EXPORTER_OTLP_ENDPOINT && lab down && lab up",
        ),
        ({}, "scraping", f"curl -s '{URL}/api/v1/targets?state=active'"),
    ],
)
def test_services_without_metrics_are_told_once(variables: dict[str, str], stage: str, do: str) -> None:
    """With the first silent stage, by the variables that the processes have."""
    here = silent("ingest-api", "process-worker", "query-api", "simulator")
    for service in ("ingest-api", "process-worker", "query-api", "simulator"):
        here = with_program(here, service, settings=variables)
    [finding] = diagnose(with_environment(here, **variables))
    assert (finding.cause, finding.object) == ("no-metrics", f"Prometheus/{URL}")
    assert finding.title == f"4 services run, no metric arrives: the first silent stage is {stage}"
    assert finding.do == do


def test_services_that_share_a_port_are_told_once() -> None:
    """One of them has the port, and is scraped."""
    port = {"OTEL_EXPORTER_PROMETHEUS_PORT": "9464"}
    here = silent("process-worker", "query-api", "simulator")
    for service in ("ingest-api", "process-worker", "query-api", "simulator"):
        here = with_program(here, service, settings=port)
    [finding] = diagnose(with_environment(here, **port))
    assert finding.title == "3 services run, no metric arrives: the first silent stage is scraping"
    assert finding.do == "unset OTEL_EXPORTER_PROMETHEUS_PORT && lab down && lab up"


def test_services_that_are_silent_each_for_itself_are_told_apart() -> None:
    """A restarted service has a port of its own."""
    here = silent("process-worker", "query-api")
    for service, port in (("process-worker", "9464"), ("query-api", "9465")):
        here = with_program(here, service, settings={"OTEL_EXPORTER_PROMETHEUS_PORT": port})
    assert [finding.object for finding in diagnose(here)] == ["Program/process-worker", "Program/query-api"]


def test_a_prometheus_of_the_user_is_told_what_to_scrape() -> None:
    """Nothing tells it of new targets but file_sd."""
    here = silent("ingest-api", "process-worker", "query-api", "simulator")
    assert here.settings is not None
    [finding] = diagnose(replace(here, settings=replace(here.settings, prometheus="outside", prometheus_url=URL)))
    assert "/prometheus/targets/*.json" in finding.why


def test_a_service_that_is_ready_for_a_moment_is_not_silent() -> None:
    """Prometheus looks for new targets every five seconds."""
    assert diagnose(with_program(silent("process-worker"), "process-worker", ready_at=TAKEN_AT - 5)) == ()


def test_a_worker_that_takes_nothing_is_found() -> None:
    """It is alive, it is well, and events wait."""
    here = healthy()
    still = replace(here, probes=replace(here.probes, ledger=LedgerProbe(400, 0, 400, still_s=16.2)))
    [finding] = diagnose(still)
    assert (finding.cause, finding.object) == ("no-metrics", "Program/process-worker")
    assert "the first silent stage is consuming" in finding.title
    assert finding.do == "kill -KILL 4004"


def test_secrets_of_programs_are_hidden() -> None:
    """In their variables and in their logs."""
    planted = "hunter2-planted"
    here: Snapshot = failed("redis", f"requirepass {planted}", settings={"REDIS_PASSWORD": planted})
    assert planted not in repr(here)
