"""Snapshots of this machine, each with one fault, and what has to be found in it."""

from dataclasses import replace
from typing import Any, Final, NamedTuple

from lab.snapshots.answers import LastSample, LedgerProbe, Probes, PrometheusProbe, StoreProbe
from lab.snapshots.choices import SettingsProbe
from lab.snapshots.machine import Listener, MachineProbe
from lab.snapshots.programs import ProgramProbe
from lab.snapshots.snapshot import Snapshot
from services.contracts.signals import PROMISED
from tests.unit.diagnosis.builders import TAKEN_AT

STORE: Final = StoreProbe(
    "127.0.0.1:6390", reachable=True, authenticated=True, policy="noeviction", durability="durable", kind="valkey",
    version="9.1.2", speaks="7.2.4",
)  # fmt: skip
URL: Final = "http://127.0.0.1:9390"
FOLDER: Final = "/srv/state/stacks/kept-1"
NEEDS: Final = {"redis": (), "prometheus": (), "bootstrap": ("redis",)}
PROGRAMS: Final = ("prometheus", "redis", "bootstrap", *PROMISED)
PORTS: Final = {"prometheus": 9390, "redis": 6390}
TRACEBACK: Final = (
    "Traceback (most recent call last):",
    '  File "/src/lab/services/process_worker/consumer.py", line 41, in run',
    "    settle(batch)",
    "NameError: name 'settle' is not defined",
)


class LocalCase(NamedTuple):
    """A snapshot of this machine with one fault.

    Attributes:
        snapshot: With the fault.
        object: That has the fault.
        found: Part of the evidence.
        do: Part of the remedy.
    """

    snapshot: Snapshot
    object: str
    found: str
    do: str


def program(name: str) -> ProgramProbe:
    """Return a program that is ready for an hour."""
    port = PORTS.get(name, 0)
    return ProgramProbe(
        name,
        phase="done" if name == "bootstrap" else "ready",
        program=f"/usr/bin/{name}",
        is_there=True,
        pid=0 if name == "bootstrap" else 4_000 + PROGRAMS.index(name),
        instance=f"{name}-1" if name in PROMISED else "",
        ready_at=TAKEN_AT - 3_600,
        after=NEEDS.get(name, ("bootstrap",)),
        addresses=(f"127.0.0.1:{port}",) if port else (),
        log_file=f"{FOLDER}/logs/{name}.log",
    )


def healthy() -> Snapshot:
    """Return a snapshot of a stack that is up for an hour."""
    samples = tuple(
        LastSample(signal.prometheus_name, f"{service}-1", TAKEN_AT - 1) for service, signal in PROMISED.items()
    )
    return Snapshot(
        namespace="",
        taken_at=TAKEN_AT,
        probes=Probes(
            store=STORE,
            prometheus=PrometheusProbe(URL, reachable=True, receives=False, samples=samples, error="404: off"),
            ledger=LedgerProbe(500, 500, 0),
        ),
        machine=MachineProbe(
            system="Linux",
            architecture="x86_64",
            python="3.11.7",
            state_dir="/srv/state",
            state_free_bytes=70_000_000_000,
            runs_dir="/srv/runs",
            runs_free_bytes=70_000_000_000,
            memory_bytes=8_000_000_000,
            memory_available_bytes=6_000_000_000,
            out_of_memory_kills=0,
            stack="ready",
            stack_dir=FOLDER,
        ),
        programs=tuple(map(program, PROGRAMS)),
        settings=SettingsProbe(store="inside", prometheus="inside"),
    )


def on(snapshot: Snapshot, **machine: Any) -> Snapshot:
    """Return a snapshot of another machine."""
    assert snapshot.machine is not None
    return replace(snapshot, machine=replace(snapshot.machine, **machine))


def with_program(snapshot: Snapshot, name: str, **changes: Any) -> Snapshot:
    """Return a snapshot in which one program is otherwise."""
    programs = tuple(replace(probe, **changes) if probe.name == name else probe for probe in snapshot.programs)
    return replace(snapshot, programs=programs)


def failed(name: str, *log: str, exit_code: int = 1, **changes: Any) -> Snapshot:
    """Return a snapshot of a stack that did not start, since the supervisor gave one program up."""
    reason = f"was ended by signal {changes['signal']}" if "signal" in changes else f"exited with {exit_code}"
    stopped = replace(
        on(healthy(), stack="failed"),
        programs=tuple(replace(program(each), phase="stopped", pid=0, ready_at=0.0) for each in PROGRAMS),
        probes=Probes(),
    )
    return with_program(stopped, name, gave_up=True, error=reason, exit_code=exit_code, log=log, **changes)


def with_store(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Return a snapshot of a stack that uses a store at a URL, which is otherwise than it should be."""
    assert snapshot.settings is not None
    return replace(
        snapshot,
        probes=replace(snapshot.probes, store=replace(STORE, **changes)),
        programs=tuple(probe for probe in snapshot.programs if probe.name != "redis"),
        settings=replace(snapshot.settings, store="outside", redis_url=f"redis://{STORE.address}/0"),
    )


def with_environment(snapshot: Snapshot, **variables: str) -> Snapshot:
    """Return a snapshot taken in a shell with these variables."""
    assert snapshot.settings is not None
    return replace(snapshot, settings=replace(snapshot.settings, environment=variables))


def with_metrics_server(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Return a snapshot in which Prometheus answers otherwise."""
    assert snapshot.probes.prometheus is not None
    probe = replace(snapshot.probes.prometheus, **changes)
    return replace(snapshot, probes=replace(snapshot.probes, prometheus=probe))


def silent(*services: str) -> Snapshot:
    """Return a snapshot in which the promised metrics of some services are missing."""
    here = healthy()
    assert here.probes.prometheus is not None
    samples = here.probes.prometheus.samples or ()
    kept = tuple(sample for sample in samples if sample.instance.removesuffix("-1") not in services)
    return with_metrics_server(here, samples=kept)


IN_USE: Final = "bind: Address already in use"
LOCAL_CASES: Final = {
    "not-linux": LocalCase(on(healthy(), system="Darwin"), "Machine/system", "this is Darwin", "--target kubernetes"),
    "python-too-old": LocalCase(
        on(healthy(), python="3.10.4"), "Machine/python", "3.11 or newer", "python3.11 -m venv"
    ),
    "disk-full": LocalCase(
        on(healthy(), state_free_bytes=120 << 20, runs_free_bytes=120 << 20), "Machine/disk", "126 MB free", "df -h"
    ),
    "out-of-memory": LocalCase(
        on(failed("process-worker", exit_code=0, signal=9), memory_available_bytes=90_000_000),
        "Program/process-worker",
        "was ended by signal 9; 90 of 8,000 MB of memory are available",
        "ps -eo rss",
    ),
    "program-missing": LocalCase(
        failed("prometheus", "parent_death: cannot run /opt/prometheus: Permission denied", exit_code=127),
        "Program/prometheus",
        "cannot run /opt/prometheus: Permission denied",
        "lab up",
    ),
    "wrong-settings": LocalCase(
        failed(
            "process-worker",
            "process-worker: the environment is not right:",
            "  LAB_WORKER_COST_US: Input should be a valid number",
            exit_code=78,
        ),
        "Program/process-worker",
        "LAB_WORKER_COST_US: Input should be a valid number",
        "lab up",
    ),
    "port-taken": LocalCase(
        on(
            failed(
                "redis",
                "77:M 24 Nov 2026 13:24:58.123 # Warning: Could not create server TCP listening socket "
                f"127.0.0.1:6390: {IN_USE}",
                "77:M 24 Nov 2026 13:24:58.123 # Failed listening on port 6390 (tcp), aborting.",
            ),
            listeners=(Listener(6390, 77, "redis-server 127.0.0.1:6390"),),
        ),
        "Program/redis",
        "process 77 (redis-server 127.0.0.1:6390) listens on it",
        "lab up",
    ),
    "redis-unreachable": LocalCase(
        with_store(
            failed(
                "bootstrap", "bootstrap: STORE_UNREACHABLE", "redis 127.0.0.1:6390: Connection refused.", exit_code=69
            ),
            reachable=False,
            error="Connection refused",
        ),
        "Redis/127.0.0.1:6390",
        "Connection refused",
        "sudo systemctl restart redis-server",
    ),
    "redis-password": LocalCase(
        with_store(
            failed("bootstrap", "bootstrap: STORE_DENIED", "redis 127.0.0.1:6390: NOAUTH", exit_code=69),
            authenticated=False,
            error="NOAUTH Authentication required.",
        ),
        "Redis/127.0.0.1:6390",
        "NOAUTH",
        "LAB_REDIS_PASSWORD_FILE",
    ),
    "redis-not-asked": LocalCase(
        with_store(healthy(), reachable=None, authenticated=None, error="cannot read /run/ca.crt"),
        "Redis/127.0.0.1:6390",
        "cannot read /run/ca.crt",
        "lab config show",
    ),
    "redis-evicts": LocalCase(
        with_store(
            failed(
                "bootstrap", "bootstrap: STORE_EVICTS", "maxmemory-policy allkeys-lru can delete events", exit_code=78
            ),
            policy="allkeys-lru",
        ),
        "Redis/127.0.0.1:6390",
        "maxmemory-policy is allkeys-lru",
        "redis-cli -e -h 127.0.0.1 -p 6390 config set maxmemory-policy noeviction",
    ),
    "redis-not-durable": LocalCase(
        with_store(
            failed("bootstrap", "bootstrap: NOT_DURABLE", "the store is volatile: appendonly is no", exit_code=78),
            durability="volatile",
        ),
        "Redis/127.0.0.1:6390",
        "durability class volatile",
        "config set appendonly yes",
    ),
    "store-refused": LocalCase(
        with_store(
            failed(
                "bootstrap",
                "bootstrap: KEY_CLASH",
                "lab:ev is a string, not a stream; choose another LAB_STORE_NAMESPACE",
                exit_code=78,
            )
        ),
        "Program/bootstrap",
        "lab:ev is a string, not a stream",
        "lab up --set LAB_STORE_NAMESPACE=lab-2",
    ),
    "crash-at-start": LocalCase(
        failed("process-worker", *TRACEBACK),
        "Program/process-worker",
        "NameError: name 'settle' is not defined, at /src/lab/services/process_worker/consumer.py:41",
        "+41 /src/lab/services/process_worker/consumer.py && lab up",
    ),
    "stack-orphaned": LocalCase(
        replace(on(healthy(), stack="orphaned"), probes=Probes()),
        "Program/supervisor",
        "nothing supervises",
        "lab up",
    ),
    "prometheus-not-asked": LocalCase(
        with_metrics_server(healthy(), receives=None, samples=None, error="401: no"),
        f"Prometheus/{URL}",
        "401",
        "read -rsp",
    ),
    "prometheus-receives-nothing": LocalCase(
        with_metrics_server(
            replace(healthy(), programs=tuple(probe for probe in healthy().programs if probe.name != "prometheus")),
            reachable=False,
            receives=None,
            samples=None,
            error="Connection refused",
        ),
        f"Prometheus/{URL}",
        "Connection refused",
        "sudo systemctl restart prometheus",
    ),
    "metrics-elsewhere": LocalCase(
        replace(
            on(healthy(), stack=""),
            moment="before",
            programs=(),
            probes=Probes(),
            settings=SettingsProbe(environment={"OTEL_SDK_DISABLED": "true"}),
        ),
        "Variable/OTEL_SDK_DISABLED",
        "OTEL_SDK_DISABLED is true",
        "unset OTEL_SDK_DISABLED",
    ),
    "no-metrics": LocalCase(
        silent("process-worker"),
        "Program/process-worker",
        "no sample of worker_events_processed_total in the last 60 s",
        "kill -KILL 4004",
    ),
}
