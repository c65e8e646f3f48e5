"""The baseline on two architectures, with a diagnosis every ten seconds, is exact and has no findings."""

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
from lab.wiring import snapshots
from tests.cluster.rig.settings import ClusterSettings
from tests.cluster.stack import ON_THE_CLUSTER, PROJECT
from tests.waiting import beside

BASELINE: Final = PROJECT / "notebooks" / "10_baseline.ipynb"
RATE: Final = 500
CALLS: Final = 100
PROBE_EVERY_S: Final = 10.0
SECONDS: Final = ClusterSettings().soak_seconds

pytestmark = pytest.mark.timeout(SECONDS + 600)


class Soaked(NamedTuple):
    """A run, the exit code of its command, and the findings of every diagnosis."""

    code: int
    run: RunFolder
    diagnoses: list[tuple[Finding, ...]]


@pytest.fixture(scope="module")
def soaked(runs: Path) -> Soaked:
    """Run `lab run notebooks/10_baseline.ipynb`."""
    assert main(["up", *ON_THE_CLUSTER]) == 0
    before = set(runs.glob("*"))
    options = {"target": "kubernetes", "rate": RATE, "duration": SECONDS, "p99_ms": 5000}
    with diagnosing() as diagnoses:
        code = main(["run", str(BASELINE), *(word for name in options for word in ("-p", name, str(options[name])))])
    [run] = set(runs.iterdir()) - before
    return Soaked(code, RunFolder(run), diagnoses)


@contextmanager
def diagnosing() -> Iterator[list[tuple[Finding, ...]]]:
    """Diagnose the stack every ten seconds for as long as the context lasts; yield the findings."""
    diagnoses = list[tuple[Finding, ...]]()

    def probe(ending: threading.Event) -> None:
        while not ending.wait(PROBE_EVERY_S):
            diagnoses.append(diagnose(snapshots("kubernetes", load_settings()).take()))

    with beside(probe):
        yield diagnoses


def test_nothing_is_found_wrong_with_a_stack_that_is_well(soaked: Soaked) -> None:
    """No diagnosis has a finding."""
    assert [findings for findings in soaked.diagnoses if findings] == []
    assert len(soaked.diagnoses) >= SECONDS / PROBE_EVERY_S / 2


def test_a_load_on_two_architectures_is_counted_exactly(soaked: Soaked) -> None:
    """MET, VALID, residual 0; Prometheus agrees; there are 100 calls a second; each worker has a fair share."""
    manifest = soaked.run.document()
    assert manifest["validity"]["status"] == "VALID", manifest["validity"]
    assert soaked.code == 0, manifest["verdict"]
    ledger = manifest["ledger"]
    assert (ledger["residual"], ledger["lost"], ledger["double_counted"]) == (0, 0, 0)
    assert ledger["intended"] == ledger["sent"] == RATE * SECONDS
    # On a busy machine a few batches may get no answer in time; those that were accepted are counted.
    assert manifest["comparison"]["prometheus_counted"] == ledger["counted"] == ledger["accepted"]
    assert read_table(soaked.run.path / "samples.parquet").num_rows >= CALLS * SECONDS
    [trial] = [json.loads(line) for line in (soaked.run.path / "trial.json").read_text().splitlines()]
    shares = [count / ledger["counted"] for count in trial["evidence"]["store"]["instances"].values()]
    assert len(shares) == 2
    assert min(shares) >= 0.2


def test_a_run_says_where_it_ran(soaked: Soaked) -> None:
    """The manifest has the nodes with their clocks, results for each node, and a note on the emulated node."""
    manifest = soaked.run.document()
    nodes = manifest["environment"]["nodes"]
    assert {name: (node["architecture"], node["emulated"]) for name, node in nodes.items()} == {
        "clus1": ("amd64", False),
        "r3": ("arm64", True),
    }
    # The rig's nodes and the lab share one clock.
    assert all(abs(node["clock"]["offset_ms"]) <= node["clock"]["error_ms"] for node in nodes.values())
    assert [(row["architecture"], row["node"]) for row in manifest["breakdown"]] == [
        ("amd64", "clus1"),
        ("arm64", "r3"),
    ]
    assert any("r3 is emulated" in note for note in manifest["notes"])
