"""Names the files of a run's folder, each with its content in words."""

from collections.abc import Mapping
from typing import Final

MANIFEST: Final = "run.json"
TRIAL: Final = "trial.json"
SAMPLES: Final = "samples.parquet"
SERIES: Final = "series.parquet"
SPANS: Final = "spans.jsonl"
TOTALS: Final = "totals"
WINDOWS: Final = "windows"
PRODUCER_LEDGER: Final = "producer_ledger"
PRODUCER_LEDGER_UNKNOWN: Final = "producer_ledger_unknown"
LOGS: Final = "logs"


def table_file(table: str) -> str:
    """Return the name of the file that holds a table.

    >>> table_file(WINDOWS)
    'windows.parquet'
    """
    return f"{table}.parquet"


CONTENTS: Final[Mapping[str, str]] = {
    MANIFEST: "the record: validity, verdict, ledger, environment",
    SAMPLES: "one row a batch: intended, sent, completed (ns after the start), events, outcome",
    SERIES: "what Prometheus stored",
    table_file(TOTALS): "what query-api answered at the end: source, kind, count, exact sum, minimum, maximum",
    table_file(WINDOWS): "the same per window",
    table_file(PRODUCER_LEDGER): "the same per window, as the simulator counted: acknowledged events",
    table_file(PRODUCER_LEDGER_UNKNOWN): "the same for events whose outcome the simulator never learnt",
    SPANS: "sampled spans, OTLP JSON",
    TRIAL: "everything else of the trial, as the lab reads it back",
    f"{LOGS}/": "logs of every program",
}
"""File or folder of a run that succeeded → its description in the report."""
