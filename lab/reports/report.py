"""A trial as one HTML file that fetches nothing: verdict first, then the evidence."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from lab.analysis.traces.waterfall import slowest_trace
from lab.files import write_text
from lab.metrics.promql import PasteQuery, queries_to_paste
from lab.model import Trial
from lab.reports import breakdown, card, figures, waterfall, words
from lab.reports.picture import Picture

TEMPLATE: Final = "report.html.j2"
REPORT: Final = "report.html"
FIGURES: Final = "figures"
OWN_CONTENTS: Final[Mapping[str, str]] = {f"{FIGURES}/": "the pictures of this page"}
"""Folder that the report writes → what the folder holds."""
ABOUT_TRACE: Final = "From the simulator's send to the worker's commit; sampled at one batch in a hundred."


class Section(NamedTuple):
    """A section of the report with a picture.

    Attributes:
        name: Of its file, without the suffix.
        title: Stands above the picture.
        picture: The picture, and the line below the title.
    """

    name: str
    title: str
    picture: Picture


class Parameter(NamedTuple):
    """A parameter of the trial; *changed* where its value is not the notebook's default."""

    name: str
    value: object
    changed: bool


def write(trial: Trial, folder: Path, *, contents: Mapping[str, str]) -> Path:
    """Write `report.html` and `figures/*.svg` into a folder; return the path of the report.

    Args:
        trial: The trial to report.
        folder: The run's folder.
        contents: Name of each other file in that folder → what the file holds.

    Raises:
        OSError: There is no room; no partial file is left.
    """
    sections = tuple(section for section in _sections(trial) if section.picture.svg or section.picture.failed)
    (folder / FIGURES).mkdir(exist_ok=True)
    for section in sections:
        if section.picture.svg:
            write_text(folder / FIGURES / f"{section.name}.svg", section.picture.svg)
    report = folder / REPORT
    write_text(report, html(trial, sections, contents=contents))
    return report


def html(trial: Trial, sections: tuple[Section, ...], *, contents: Mapping[str, str]) -> str:
    """Return the page with these sections of pictures; *contents* as in `write`."""
    loader = PackageLoader("lab.reports", package_path="")
    template = Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template(TEMPLATE)
    load_run, places = trial.evidence.load_run, breakdown.table(trial)
    return template.render(
        word=words.HEADWORDS[words.headline(trial)],
        name=trial.experiment.name,
        run_id=trial.run_id,
        card=card.html(trial),
        parameters=list(_parameters(trial)),
        sections=sections,
        places=places.html if len(places.rows) > 1 else "",
        telemetry=words.telemetry(trial),
        comparison=trial.comparison,
        queries=(
            PasteQuery("What is compared with the ledger?", trial.comparison.query, "events"),
            *queries_to_paste(),
        ),
        skipped=load_run.skipped,
        skipped_rows=load_run.skipped_rows,
        environment=list(_flat(trial.environment)),
        files={**contents, **OWN_CONTENTS},
    )


def _sections(trial: Trial) -> Iterator[Section]:
    yield Section("load", "Load and backlog", figures.load(trial))
    latency = figures.latency(trial)
    about = "; ".join(filter(None, (latency.text, words.machine_pauses(trial))))
    yield Section("latency", "Latency over time and as a distribution", replace(latency, text=about))
    yield Section("path", "Where the time went", figures.path(trial))
    trace = waterfall.svg(slowest_trace(trial.evidence.spans))
    yield Section("slowest-trace", "The slowest sampled trace", Picture(trace, ABOUT_TRACE))


def _parameters(trial: Trial) -> Iterator[Parameter]:
    """Yield the notebook's parameters; those of the experiment where there is no notebook."""
    experiment = trial.experiment
    parameters = trial.parameters or {
        "target": experiment.target,
        "load": experiment.load,
        "duration": experiment.duration,
        "warm_up": experiment.warm_up,
    }
    for name, value in parameters.items():
        yield Parameter(name, value, changed=name in trial.defaults and trial.defaults[name] != value)


def _flat(facts: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield nested facts under their names, outer name first; facts without a value are left out."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        elif value is not None and value != "":
            yield f"{prefix}{name}", value
