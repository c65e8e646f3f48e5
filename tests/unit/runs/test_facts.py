"""The facts that the lab relies on are read from a manifest that may lack any of them but the status."""

import pytest

from lab.runs.documents import JsonObject
from lab.runs.facts import FAILED, RUNNING, SUCCEEDED, RunFacts

VALID = {"status": "VALID"}


def test_a_fact_that_a_manifest_lacks_is_empty() -> None:
    """A reader tests for emptiness, never for a key; null is empty, too."""
    assert RunFacts.of({"status": FAILED, "ended": None}) == RunFacts(FAILED)


@pytest.mark.parametrize(
    ("manifest", "headline"),
    [
        ({"verdict": {"status": "NOT_MET"}, "validity": VALID}, "NOT_MET"),
        ({"verdict": {"status": None}, "validity": {"status": "INVALID"}}, "INVALID"),
        ({}, ""),
    ],
)
def test_the_headline_is_the_verdict_where_there_is_one(manifest: JsonObject, headline: str) -> None:
    """An invalid run has no verdict; a run that was not judged has no headline."""
    assert RunFacts.of({"status": SUCCEEDED} | manifest).headline == headline


@pytest.mark.parametrize(
    ("manifest", "fresh"),
    [
        ({"status": RUNNING}, True),
        ({"status": RUNNING, "measuring": True}, False),
        ({"status": FAILED}, False),
    ],
)
def test_a_run_is_fresh_until_something_is_measured(manifest: JsonObject, *, fresh: bool) -> None:
    """A run that has ended is not fresh."""
    assert RunFacts.of(manifest).is_fresh is fresh
