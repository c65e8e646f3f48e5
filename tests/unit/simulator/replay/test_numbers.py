"""Numbers in files are the numbers that they mean, and what is none is told."""

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.recognition.numbers import decimals_of, lost_by_rounding, values_of
from services.simulator.sources.replay import open_replay
from services.simulator.tables.table import Table
from tests.unit.simulator.replay.files import events_in, fault_of, write

HERE: Final = Path("x.csv")
MILLIS: Final = st.integers(-(10**12), 10**12)
"""Numbers with three decimals, in thousandths."""


def read(*texts: str, commas_split: bool = False) -> list[float | None]:
    """Return the numbers in a column, None where a row has none."""
    column = pa.array(texts, pa.string())
    table = Table({"x": column}, pa.array(range(len(texts))).to_numpy(), commas_split=commas_split)
    commas = decimals_of(table, ("x",), "", HERE)["x"]
    values = values_of(column, "x", commas=commas).value
    return [None if value != value else float(value) for value in values]  # noqa: PLR0124  NaN differs from itself


def german(thousandths: int, *, grouped: bool) -> str:
    """Return a number with a decimal comma and two or three decimals, with points between thousands where asked for."""
    whole, part = divmod(abs(thousandths), 1_000)
    digits = f"{whole:,}".replace(",", ".") if grouped else str(whole)
    return f"{'-' if thousandths < 0 else ''}{digits},{part:03d}"


@given(st.lists(MILLIS, min_size=1), st.booleans())
def test_decimal_commas_are_read(thousandths: list[int], grouped: bool) -> None:  # noqa: FBT001
    """One number that cannot be thousands decides for its column."""
    texts = [*(german(number, grouped=grouped) for number in thousandths), "21,6", "7"]
    assert read(*texts) == [*(number / 1_000 for number in thousandths), 21.6, 7]


@given(st.lists(MILLIS, min_size=1))
def test_a_comma_separates_cells_and_no_decimals(thousandths: list[int]) -> None:
    """In a file whose cells are separated by commas, a number with a comma is none."""
    texts = [german(number, grouped=False) for number in thousandths]
    assert read(*texts, "1.5", commas_split=True) == [*(None for _ in texts), 1.5]


@pytest.mark.parametrize("text", ["1,234", "-12,345", "999,000"])
def test_commas_before_three_digits_are_unclear(tmp_path: Path, text: str) -> None:
    """They may separate thousands. The caller decides, or another column does."""
    rows = f"2026-11-20T10:00:00Z;{text};%s\n2026-11-20T10:00:01Z;{text};%s\n"
    path = write(tmp_path, "a.csv", "time;p;q\n" + rows % (1, 2))
    fault = fault_of(path)
    assert fault.reason == "UNCLEAR_NUMBERS"
    assert text in fault.message
    expected = float(text.replace(",", "."))
    assert [event.value for event in events_in(path, fault.advice)] == [expected, 1, expected, 2]
    assert [event.value for event in events_in(path, "decimal=point")] == [1, 2]
    other = write(tmp_path, "b.csv", "time;p;q\n" + rows % ("0,5", "0,25"))
    assert [event.value for event in events_in(other)] == [expected, 0.5, expected, 0.25]


def test_commas_and_points_in_a_column_are_unclear(tmp_path: Path) -> None:
    """Half of the column would be wrong either way."""
    path = write(tmp_path, "a.csv", "time;p\n2026-11-20T10:00:00Z;21,6\n2026-11-20T10:00:01Z;21.7\n")
    assert fault_of(path).reason == "UNCLEAR_NUMBERS"


@pytest.mark.parametrize(
    ("name", "content", "total"),
    [
        ("tabs.tsv", "time\tp\n2026-11-20T10:00:00Z\t1,25\n2026-11-20T10:00:01Z\t2\n", 3.25),
        ("bars.csv", "time|p\n2026-11-20T10:00:00Z|1,25\n2026-11-20T10:00:01Z|2\n", 3.25),
        ("texts.jsonl", '{"time":1795168800,"p":"1,25"}\n{"time":1795168801,"p":2}\n', 3.25),
        ("quoted.csv", 'time,p\n2026-11-20T10:00:00Z,"1,25"\n2026-11-20T10:00:01Z,2\n2026-11-20T10:00:02Z,3\n', 5),
        ("spaces.csv", "time,p\n2026-11-20T10:00:00Z, 1.25 \n2026-11-20T10:00:01Z,\u202f2\u00a0\n", 3.25),
        ("late.csv", "time,p\n" + "2026-11-20T10:00:00Z,\n" * 1_500 + "2026-11-20T10:00:01Z,5\n", 5),
    ],
)
def test_numbers_are_read_in_every_format(tmp_path: Path, name: str, content: str, total: float) -> None:
    """Decimal commas, spaces of spreadsheets, a column that begins with a thousand empty cells."""
    assert sum(event.value for event in events_in(write(tmp_path, name, content))) == total


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("abc", "x: 'abc' is not a number"), ("", "x: empty"), ("N/A", "x: empty"), ("-", "x: empty"),
        ("1e400", "x: 1e400 is not finite"), ("1e15", "x: 1e15 is beyond 2^45"),
        ("9" * 5_000, f"x: {'9' * 40} is not finite"),
        ("Infinity", "x: 'Infinity' is not a number"), ("1 000", "x: '1 000' is not a number"),
        ("12%", "x: '12%' is not a number"),
    ],
)  # fmt: skip
def test_a_cell_without_a_number_says_why(tmp_path: Path, text: str, reason: str) -> None:
    """With its line; the numbers beside it stay."""
    path = write(tmp_path, "a.csv", f"time,x\n1795168800,{text}\n1795168801,1\n1795168802,2\n")
    source = open_replay(str(path), "")
    assert (len(source), source.skipped_rows) == (2, 1)
    assert [(row.line, row.reason) for row in source.skipped] == [(2, reason)]


TYPED: Final[dict[str, Any]] = {
    "half": pa.array([1.5, 2.5], pa.float16()),
    "float": pa.array([1.5, 2.5], pa.float32()),
    "small decimal": pa.array(["1.50", "2.50"]).cast(pa.decimal128(6, 2)),
    "large decimal": pa.array(["1.50", "2.50"]).cast(pa.decimal256(60, 2)),
    "large text": pa.array(["1.5", "2.5"], pa.large_string()),
    "view": pa.array(["1.5", "2.5"], pa.string_view()),
    "bytes": pa.array([b"1.5", b"2.5"], pa.large_binary()),
    "fixed bytes": pa.array([b"1.5", b"2.5"], pa.binary(3)),
    "dictionary": pa.array(["1.5", "2.5"], pa.large_string()).dictionary_encode(),
}


@pytest.mark.parametrize("name", TYPED)
def test_numbers_of_every_type_are_read(tmp_path: Path, name: str) -> None:
    """Also texts in the types that data frames write."""
    pq.write_table(pa.table({"time": [1_795_168_800, 1_795_168_801], "x": TYPED[name]}), tmp_path / "a.parquet")
    assert [event.value for event in events_in(tmp_path / "a.parquet")] == [1.5, 2.5]


@given(st.floats(1e-12, 4.9e-7) | st.floats(-4.9e-7, -1e-12))
def test_values_that_sums_lose_are_counted(value: float) -> None:
    """Sums are kept in millionths: such a value counts as 0."""
    assert lost_by_rounding(pa.array([value, 0.0, 1.0, 0.000001, 2.0**45]).to_numpy()) == 1


def test_values_that_sums_lose_are_told_for_their_column(tmp_path: Path) -> None:
    """The other columns are not named."""
    path = write(tmp_path, "a.csv", "time,a,b\n1795168800,0.0000123,5\n1795168801,3.2e-7,6\n")
    told = "2 values of a too small for sums, which are kept in millionths"
    source = open_replay(str(path), "")
    assert told in source.notes
    assert told in source.description
