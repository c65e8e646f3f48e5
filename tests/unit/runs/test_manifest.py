"""A manifest comes back from JSON as it was, and tells how a run goes on."""

from dataclasses import replace
from typing import Final

import pytest

from lab.errors import LabError, Unavailable, to_data
from lab.runs.documents import JsonObject
from lab.runs.manifest import ABANDONED, FAILED, INTERRUPTED, RUNNING, SCHEMA, SUCCEEDED, Process, RunManifest
from tests.unit import trials

VALID: Final = {"status": "VALID"}
AT: Final = "2026-11-23T06:53:12.000+00:00"
BEGUN: Final = RunManifest(
    id="a", notebook="notebooks/a.ipynb", parameters={"rate": 7.0}, target="processes", started=AT,
    process=Process(7, 1_800_000_000.25),
)  # fmt: skip
FAULT: Final = Unavailable("no stack", found="nothing listens", next_step="lab up", code="NO_STACK")
ENDS: Final = [
    BEGUN,
    replace(BEGUN, measuring=True),
    BEGUN.judged(trials.rich()),
    BEGUN.ended_by(FAULT, at=AT),
    BEGUN.ended_by(ZeroDivisionError("by zero"), at=AT),
    BEGUN.ended_by(KeyboardInterrupt(), at=AT),
    BEGUN.failed(ABANDONED),
    BEGUN.followed_by("b").followed_by("c"),
]


# ------------------------------------------------------------------------------------------------------------ JSON


@pytest.mark.parametrize("manifest", ENDS)
def test_a_manifest_comes_back_from_json_as_it_was(manifest: RunManifest) -> None:
    """However the run went on."""
    assert RunManifest.of(manifest.document()) == manifest


def test_a_run_that_has_begun_has_the_facts_of_a_run_alone() -> None:
    """In the order in which a reader wants them; there is no fact yet about an end or a trial."""
    document = BEGUN.document()
    assert list(document) == [
        "schema", "id", "notebook", "parameters", "target", "started", "status", "ended", "process",
    ]  # fmt: skip
    assert (document["schema"], document["status"], document["ended"]) == (SCHEMA, RUNNING, None)
    assert document["process"] == [7, 1_800_000_000.25]


def test_a_fact_that_the_lab_does_not_know_is_kept() -> None:
    """A later version of the lab may have written it."""
    assert RunManifest.of({"status": SUCCEEDED, "colour": "red"}).document()["colour"] == "red"


def test_a_fact_that_a_manifest_lacks_is_empty() -> None:
    """A reader tests for emptiness, never for a key; null is empty, too."""
    assert RunManifest.of({"status": FAILED, "ended": None, "schema": SCHEMA}) == RunManifest(status=FAILED)


# --------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("document", "headline"),
    [
        ({"verdict": {"status": "NOT_MET"}, "validity": VALID}, "NOT_MET"),
        ({"verdict": {"status": None}, "validity": {"status": "INVALID"}}, "INVALID"),
        ({}, ""),
    ],
)
def test_the_headline_is_the_verdict_where_there_is_one(document: JsonObject, headline: str) -> None:
    """An invalid run has no verdict; a run that was not judged has no headline."""
    assert RunManifest.of({"status": SUCCEEDED} | document).headline == headline


@pytest.mark.parametrize(
    ("manifest", "fresh"),
    [(BEGUN, True), (replace(BEGUN, measuring=True), False), (replace(BEGUN, status=FAILED), False)],
)
def test_a_run_is_fresh_until_something_is_measured(manifest: RunManifest, *, fresh: bool) -> None:
    """A run that has ended is not fresh."""
    assert manifest.is_fresh is fresh


# ------------------------------------------------------------------------------------------------------- a run's way


def test_a_trial_that_was_judged_leaves_the_run_running() -> None:
    """Its files are not on the disk yet; the run began with the trial."""
    trial = trials.rich()
    judged = BEGUN.judged(trial)
    assert (judged.status, judged.headline) == (RUNNING, "MET")
    assert (judged.trial["experiment"], judged.started != AT) == (trial.experiment.name, True)


@pytest.mark.parametrize(("parameters", "stands"), [({}, {"rate": 7.0}), ({"rate": 9.0}, {"rate": 9.0})])
def test_parameters_stand_unless_the_kernel_knows_better(parameters: JsonObject, stands: JsonObject) -> None:
    """A kernel that cannot tell its parameters does not erase those that `lab run` was given."""
    assert BEGUN.judged(replace(trials.trial(), parameters=parameters)).parameters == stands


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyboardInterrupt(), INTERRUPTED, "interrupted"),
        (LabError("no stack", found="nothing listens"), FAILED, "no stack\n  nothing listens"),
        (ZeroDivisionError("by zero"), FAILED, "ZeroDivisionError: by zero"),
    ],
)
def test_the_end_of_a_run_is_told_in_words(error: BaseException, status: str, reason: str) -> None:
    """With the time."""
    ended = BEGUN.ended_by(error, at=AT)
    assert (ended.status, ended.reason, ended.ended) == (status, reason, AT)


def test_an_error_of_the_lab_is_also_kept_as_data() -> None:
    """Any other error has neither an exit code nor parts."""
    assert BEGUN.ended_by(FAULT, at=AT).error == to_data(FAULT)
    assert BEGUN.ended_by(FAULT, at=AT).exit_code == FAULT.exit_code
    other = BEGUN.ended_by(RuntimeError("x"), at=AT).document()
    assert (other["error"], other["exit_code"]) == (None, None)


def test_later_runs_are_named_in_their_order() -> None:
    """The first run of a notebook names all that follow."""
    assert BEGUN.followed_by("b").followed_by("c").document()["also"] == ["b", "c"]


def test_what_means_nothing_elsewhere_is_left_out_for_another_machine() -> None:
    """The rest stays, in today's schema."""
    measured = replace(BEGUN, measuring=True, schema=1).judged(trials.rich())
    document = measured.portable().document()
    assert not {"process", "measuring", "exit_code", "error"} & document.keys()
    assert (document["schema"], document["experiment"]) == (SCHEMA, trials.rich().experiment.name)
