"""The baseline on two architectures, beside which somebody looks again and again: exact, and nothing is found wrong."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from pyarrow.parquet import read_table

from lab.cli import main
from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.runs.folder import RunFolder
from lab.settings import load_settings
from lab.wiring import snapshot_source
from tests.cluster.rig.settings import ClusterSettings
from tests.cluster.stack import ON_THE_CLUSTER, PROJECT

BASELINE: Final = PROJECT / "notebooks" / "10_baseline.ipynb"
RATE: Final = 500
CALLS: Final = 100
LOOK_EVERY_S: Final = 10.0
SECONDS: Final = ClusterSettings().soak_seconds

pytestmark = pytest.mark.timeout(SECONDS + 600)


class Soaked(NamedTuple):
    """A run, how its command ended, and what every look beside it found."""

    code: int
    run: RunFolder
    looks: list[tuple[Finding, ...]]


@pytest.fixture(scope="module")
def soaked(runs: Path) -> Soaked:
    """`lab run notebooks/10_baseline.ipynb`, as a person would."""
    assert main(["up", *ON_THE_CLUSTER]) == 0
    before = set(runs.glob("*"))
    options = {"target": "kubernetes", "rate": RATE, "duration": SECONDS, "p99_ms": 5000}
    with looking() as looks:
        code = main(["run", str(BASELINE), *(word for name in options for word in ("-p", name, str(options[name])))])
    [run] = set(runs.iterdir()) - before
    return Soaked(code, RunFolder(run), looks)


@contextmanager
def looking() -> Iterator[list[tuple[Finding, ...]]]:
    """Look every ten seconds for as long as the context lasts."""
    found, over = list[tuple[Finding, ...]](), threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY_S):
            found.append(diagnose(snapshot_source(load_settings()).take()))

    looker = threading.Thread(target=look, name="looks")
    looker.start()
    try:
        yield found
    finally:
        over.set()
        looker.join()


def test_nothing_is_found_wrong_with_a_stack_that_is_well(soaked: Soaked) -> None:
    """At any of many looks."""
    assert [found for found in soaked.looks if found] == []
    assert len(soaked.looks) >= SECONDS / LOOK_EVERY_S / 2


def test_a_load_on_two_architectures_is_counted_exactly(soaked: Soaked) -> None:
    """MET, VALID, residual 0, Prometheus agrees, a hundred calls a second, and each worker a fair share."""
    manifest = soaked.run.manifest()
    assert manifest["validity"]["status"] == "VALID", manifest["validity"]
    assert soaked.code == 0, manifest["verdict"]
    ledger = manifest["ledger"]
    assert (ledger["residual"], ledger["lost"], ledger["double_counted"]) == (0, 0, 0)
    assert ledger["intended"] == ledger["sent"] == RATE * SECONDS
    # On a busy machine a few batches may get no answer in time; those that were accepted count as any other.
    assert manifest["comparison"]["prometheus_counted"] == ledger["counted"] == ledger["accepted"]
    assert read_table(soaked.run.path / "samples.parquet").num_rows >= CALLS * SECONDS
    [trial] = [json.loads(line) for line in (soaked.run.path / "trial.json").read_text().splitlines()]
    shares = [count / ledger["counted"] for count in trial["evidence"]["store"]["instances"].values()]
    assert len(shares) == 2
    assert min(shares) >= 0.2


def test_a_run_says_where_it_ran(soaked: Soaked) -> None:
    """Nodes with their clocks, results for each, and that one of them is emulated."""
    manifest = soaked.run.manifest()
    nodes = manifest["environment"]["nodes"]
    assert {name: (node["architecture"], node["emulated"]) for name, node in nodes.items()} == {
        "clus1": ("amd64", False),
        "r3": ("arm64", True),
    }
    # The rig's nodes share one clock, which is the lab's, too.
    assert all(abs(node["clock"]["offset_ms"]) <= node["clock"]["error_ms"] for node in nodes.values())
    assert [(one["architecture"], one["node"]) for one in manifest["breakdown"]] == [
        ("amd64", "clus1"),
        ("arm64", "r3"),
    ]
    assert any("r3 is emulated" in note for note in manifest["notes"])
