"""A trial as text, as a card, as pictures, as a report."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.model import Attribution, Comparison, CpuUse, LedgerAccount, Objective, Reason, Trial, Validity
from lab.reports import card, figures, flow, report, summary, words
from lab.reports.ledger_words import Leak, leaks
from lab.runs.contents import CONTENTS
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from tests.unit import trials
from tests.unit.analysis import builders, places

EXACT = LedgerAccount(100, 100, 100, 0, 0, 100, 0, 100, 0, 0, 0, 0, 0)
VOID = {"meta", "br", "img", "hr", "link", "input", "rect", "path"}


class Balanced(HTMLParser):
    """Collects the elements that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.trouble: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Open one more element."""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last element."""
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.trouble.append(tag)


def test_the_verdict_comes_first() -> None:
    """Then validity, then the figures, then the ledger."""
    lines = summary.text(trials.trial(), width=110).splitlines()
    assert lines[0].startswith("  MET   ")
    assert lines[0].endswith("run 2026-11-23-065312-k3f9-quickstart")
    assert lines[1].strip().startswith("VALID   schedule kept")
    assert "p99 acknowledgement" in lines[2]
    assert (
        "intended 2,000 = sent = acknowledged = accepted = counted; dead 0, double-counted 0; Prometheus agrees"
        in lines[5]
    )


def test_an_invalid_run_has_no_verdict() -> None:
    """The reason stands where the verdict would."""
    text = summary.text(trials.invalid())
    assert text.startswith("  INVALID")
    assert "volatile" in text


def test_a_missed_objective_is_marked() -> None:
    """With its figure and its bound."""
    text = summary.text(trials.trial(Objective("latency", 1.0)))
    assert text.startswith("  NOT MET")
    assert "✗" in text


def test_every_difference_in_the_ledger_is_said() -> None:
    """Which events left the path, and where."""
    ledger = replace(EXACT, acknowledged=90, refused=10, accepted=90, counted=85, dead=3, lost=2)
    text = words.account(replace(trials.trial(), ledger=ledger))
    assert "intended 100 = sent, acknowledged 90 = accepted, counted 85; dead 3, double-counted 0" in text
    assert "refused 10" in text
    assert "lost 2" in text


def nothing_acknowledged() -> Trial:
    """Return a run whose every batch was refused: no latency, nothing counted."""
    refused = builders.samples(np.full(2_000, 900.0), outcome=np.full(2_000, 2))
    return trials.trial(evidence=builders.evidence(refused))


@pytest.mark.parametrize("draw", [figures.load, figures.latency, figures.path, figures.backlog])
def test_the_worst_run_still_has_its_pictures_and_its_words(draw: Any) -> None:
    """Nothing was acknowledged: a dash in place of a figure, and a whole report."""
    trial = nothing_acknowledged()
    assert repr(draw(trial))
    assert "–" in figures.latency(trial).text
    assert "What Prometheus saw" in report.html(trial, (), contents={})
    assert summary.text(trial)


@pytest.mark.parametrize(
    "make",
    [trials.trial, trials.rich, trials.invalid, nothing_acknowledged],
    ids=["plain", "rich", "invalid", "nothing-acknowledged"],
)
def test_a_card_is_whole_and_needs_nothing_from_outside(make: Any) -> None:
    """Well-formed, escaped, without a script or an address."""
    html = card.html(make())
    parser = Balanced()
    parser.feed(html)
    assert (parser.open, parser.trouble) == ([], [])
    assert outside_addresses(html) == []
    assert "<script" not in html


def test_the_flow_draws_a_loss_where_it_happened() -> None:
    """Nothing when nothing was lost."""
    assert leaks(EXACT) == []
    left = leaks(replace(EXACT, refused=4, dead=2, lost=1))
    assert left == [Leak("sent", "refused", 4), Leak("acknowledged", "lost", 1), Leak("accepted", "dead", 2)]
    assert "4 refused" in flow.svg(replace(EXACT, refused=4))


@pytest.mark.parametrize(("never", "p99"), [(10, "9"), (1_000, "∞")])
def test_the_p99_of_a_figure_is_the_verdicts_own(never: int, p99: str) -> None:
    """Also where batches were refused: they have no latency, however quick the refusal was."""
    outcome = np.where(np.arange(2_000) < never, 2, 1)
    measured = builders.samples(np.where(outcome == 1, 9.0, 1.0), outcome=outcome)
    trial = trials.trial(evidence=builders.evidence(measured))
    assert words.figure(trial.verdict.objectives[0]) == f"{p99} ms"
    assert f"p99 {p99} ms, {2_000 - never:,} acknowledged batches" in figures.latency(trial).text
    assert figures.latencies([trial]).text.endswith(f"p99 {p99} ms")


def test_refusals_are_told_with_their_reasons() -> None:
    """How many events, why, and what the service said; in the card, in the terminal, beside their share."""
    outcome = np.where(np.arange(2_000) % 2, 1, 2)
    trial = trials.trial(evidence=builders.evidence(builders.samples(np.full(2_000, 3.0), outcome=outcome)))
    for shown in (summary.text(trial, width=200), card.html(trial)):
        assert "1,000 events were refused with BACKLOG_FULL: the backlog is full" in shown
        assert "events refused" in shown
    assert "NOT MET" in summary.text(trial)


def test_a_run_that_may_not_be_believed_has_no_ticks() -> None:
    """Its figures are shown; whether they meet anything is not said."""
    trial = trials.trial()
    invalid = replace(trial, validity=Validity("INVALID", (Reason("scrape-gap", "nobody looked"),)))
    assert "✓" in summary.text(trial)
    assert "✓" in card.html(trial)
    for shown in (summary.text(invalid), card.html(invalid)):
        assert not {"✓", "✗"} & set(shown)


def test_a_disturbed_run_says_who_disturbed_it() -> None:
    """A run whose generator was behind names the programs and what to do; any other run does not."""
    busy = (CpuUse("make", 0.41), CpuUse("services.ingest_api", 0.22))
    measured = builders.samples(np.full(2_000, 900.0), delay_ms=700.0)
    late = trials.trial(evidence=replace(builders.evidence(measured), cpu_uses=busy))
    well = trials.trial(evidence=replace(builders.evidence(), cpu_uses=busy))
    sentence = "this machine's CPUs meanwhile: make 41 %, services.ingest_api 22 %; end what does not belong here"
    for shown in (summary.text(late, width=300), card.html(late).replace("&#x27;", "'")):
        assert sentence in shown
    assert "meanwhile" not in summary.text(well) + card.html(well)


@pytest.mark.parametrize("draw", [figures.load, figures.latency, figures.backlog])
def test_a_figure_has_a_picture_and_a_line_of_text(draw: Any) -> None:
    """The same picture for the same trial."""
    shown = draw(trials.rich())
    assert shown.svg.startswith("<svg")
    assert repr(shown)
    assert draw(trials.rich()).svg == shown.svg


def test_a_report_is_one_file(tmp_path: Path) -> None:
    """Verdict first; text from data is escaped; nothing is fetched."""
    path = report.write(trials.rich(), tmp_path, contents={})
    html = path.read_text()
    assert outside_addresses(html) == []
    assert html.index("MET") < html.index("What was asked") < html.index("What Prometheus saw")
    assert "&lt;synthetic&gt; &amp; co" in html
    assert "value: &lt;empty&gt;" in html
    assert "worker_events_processed_total" in html
    assert sorted(file.name for file in (tmp_path / "figures").iterdir()) == ["latency.svg", "load.svg"]


def test_a_report_names_every_file_that_its_run_wrote_and_no_other(tmp_path: Path) -> None:
    """A reader finds each name in the folder, and each file of the folder in the report."""
    run, log = RunStore(tmp_path / "runs").new("a"), tmp_path / "process-worker.log"
    log.write_text("a line\n")

    def publish(trial: Trial) -> None:
        report.write(trial, Path(trial.folder), contents=CONTENTS)

    with RunRecord(run, publish=publish) as record:
        record.keep_logs({"process-worker": log})
        record.succeeded(trials.rich(), interrupted=False)
    page = run.path / report.REPORT
    kept = {f"{path.name}/" if path.is_dir() else path.name for path in run.path.iterdir()} - {page.name}
    _, _, files = page.read_text().partition("<h2>Files")
    assert set(re.findall(r"<tr><td><code>(.*?)</code>", files)) == kept


@pytest.mark.parametrize(
    ("counted", "sentence"),
    [
        (95, "Prometheus misses 5 (+5 scraping-stopped)"),
        (105, "Prometheus counted 5 more (-5 scraping-stopped)"),
        (100, "Prometheus agrees"),
        (None, "Prometheus has no series"),
    ],
)
def test_a_difference_of_prometheus_is_told_without_a_sign(counted: int | None, sentence: str) -> None:
    """It misses events, or it counted more."""
    difference = 0 if counted is None else 100 - counted
    attributions = (Attribution("scraping-stopped", "w", difference, explained=True),) if difference else ()
    trial = replace(trials.trial(), comparison=Comparison(100, counted, attributions))
    assert words.telemetry(trial) == sentence


def test_several_places_are_told_apart_in_a_line() -> None:
    """Share and cost of each; a single machine has no such line."""
    spread = trials.trial(evidence=places.evidence())
    assert words.places(spread) == (
        "amd64 on big counted 75 % at 1,000 ms of CPU per 1,000 events; "
        "arm64 on board counted 25 % at 4,000 ms of CPU per 1,000 events"
    )
    assert "arm64 on board counted 25 %" in summary.text(spread, width=200)
    assert words.places(trials.trial()) == ""


def test_a_report_tells_places_apart_where_there_are_several() -> None:
    """A row for each node and architecture; a single machine needs no table."""
    spread = report.html(trials.trial(evidence=places.evidence(load_on="big")), (), contents={})
    parser = Balanced()
    parser.feed(spread)
    assert parser.trouble == []
    assert spread.index("What was asked") < spread.index("Each architecture and node") < spread.index("What Prometheus")
    assert "ran on node big, beside ingest-api and process-worker" in spread
    assert "Each architecture and node" not in report.html(trials.trial(), (), contents={})


def test_distributions_of_several_trials_are_drawn_together() -> None:
    """A line for each, and its p99 in words."""
    first = trials.trial()
    second = replace(first, experiment=replace(first.experiment, name="heavier"))
    shown = figures.latencies([first, second])
    assert shown.svg.startswith("<svg")
    assert shown.text == f"latencies: {first.experiment.name} p99 3 ms, heavier p99 3 ms"


def test_a_report_shows_in_bold_what_was_asked_differently() -> None:
    """A value that is not the notebook's default; nothing where the defaults are not known."""
    changed = replace(trials.trial(), parameters={"rate": 800.0, "path": ""}, defaults={"rate": 0.0, "path": ""})
    shown = re.findall(r'<tr class="changed"><td>(\w+)</td>', report.html(changed, (), contents={}))
    assert shown == ["rate"]
    assert 'class="changed"' not in report.html(replace(changed, defaults={}), (), contents={})


def test_a_report_leaves_out_facts_without_a_value() -> None:
    """A fact may be a list, too; nested facts stand under both names."""
    facts = {"images": ["a", "b"], "revision": "", "node": {"cores": 2, "name": None}, "dirty": False}
    page = report.html(replace(trials.trial(), environment=facts), (), contents={})
    _, _, ran = page.partition("<h2>Where it ran")
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td></tr>", ran.partition("</section>")[0])
    assert rows == [("images", "[&#39;a&#39;, &#39;b&#39;]"), ("node cores", "2"), ("dirty", "False")]


def outside_addresses(html: str) -> list[str]:
    """Return the addresses that a browser would fetch or follow; names of XML vocabularies are none."""
    addresses = re.findall(r"(?:https?:)?//[\w.]+[^\s\"'<>]*", re.sub(r"xmlns(:\w+)?=\"[^\"]*\"", "", html))
    return [
        address for address in addresses if not re.search(r"w3\.org|purl\.org|creativecommons|matplotlib\.org", address)
    ]
