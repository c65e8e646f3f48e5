"""What `lab status` shows of what the parts of a stack answered."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from lab.cli.answers import print_answer, print_json
from lab.cli.status import JUST_READ_MS, StackStatus, document_of, lines_of
from lab.model import Access, Balance, Bound, ServiceStatus, StoreFacts, StoreView
from tests.fakes.target import ENDPOINTS

LEDGER: Final = StoreView(
    Balance(accepted=1_200, counted=1_190, dead=3, backlog=7),
    known=True,
    instances={},
    last_commit_ns=1,
    audited_backlog=None,
    epoch="e",
    version=1,
    staleness_ms=JUST_READ_MS,
    durability="durable",
)
WELL: Final = StackStatus(
    ENDPOINTS,
    StoreFacts("valkey", "9.1.2", "durable"),
    services=(ServiceStatus("ingest-api", ENDPOINTS.ingest, healthy=True, instance_id="0123456789"),),
    ledger=LEDGER,
)
ACCOUNT: Final = "  ledger  accepted 1,200, counted 1,190, dead 3, backlog 7, duplicates 0"


def test_of_a_stack_that_is_well_every_part_has_its_address() -> None:
    """And the ledger its numbers; an instance is shown by the first eight characters of its id."""
    assert list(lines_of(WELL)) == [
        "  ✓ ingest-api      127.0.0.1:1            01234567",
        "  ✓ redis           redis://127.0.0.1:5/0  valkey 9.1.2, durable",
        "  ✓ prometheus      http://127.0.0.1:6",
        ACCOUNT,
    ]


def test_a_ledger_from_the_cache_tells_that_the_store_is_away() -> None:
    """Its numbers are shown all the same."""
    stale = replace(WELL, ledger=replace(LEDGER, staleness_ms=JUST_READ_MS + 1))
    lines = list(lines_of(stale))
    assert lines[1] == "  ✗ redis           redis://127.0.0.1:5/0  does not answer query-api"
    assert lines[3] == ACCOUNT
    assert document_of(stale)["servers"] == {
        "redis": {"error": "does not answer query-api"},
        "prometheus": {"error": ""},
    }


def test_a_ledger_that_cannot_be_read_is_explained() -> None:
    """Nobody knows then whether the store answers."""
    unread = replace(WELL, ledger=None, ledger_error="query-api cannot be reached")
    lines = list(lines_of(unread))
    assert lines[1] == "  ✗ redis           redis://127.0.0.1:5/0  query-api cannot be reached"
    assert lines[3] == "  ledger  query-api cannot be reached"
    assert document_of(unread)["ledger"] == {"error": "query-api cannot be reached"}


def test_a_metrics_server_that_is_away_is_explained() -> None:
    """Beside its address; the other parts are well."""
    away = replace(WELL, metrics_error="Prometheus does not answer")
    assert [line for line in lines_of(away) if "✗" in line] == [
        "  ✗ prometheus      http://127.0.0.1:6  Prometheus does not answer"
    ]
    assert document_of(away)["servers"] == {
        "redis": {"error": ""},
        "prometheus": {"error": "Prometheus does not answer"},
    }


def test_a_bound_that_replicas_share_is_shown_by_its_last_reading() -> None:
    """In one line for the whole stack."""
    memory = Bound("memory", 5_000_000, 0, "bytes")
    backlogs = [Bound("backlog", used, 1_000, "events") for used in (7, 9)]
    replicas = [replace(WELL.services[0], bounds=(backlog, memory)) for backlog in backlogs]
    [*_, line] = lines_of(replace(WELL, services=replicas))
    assert line == "  bounds  backlog 9 of 1,000 events, memory 5.0 MB without a limit"


def test_a_program_gets_numbers_and_paths(capsys: pytest.CaptureFixture[str]) -> None:
    """Where a person gets words."""
    endpoints = replace(ENDPOINTS, access=Access(token_file=Path("secrets/token")))
    print_answer([], document_of(replace(WELL, endpoints=endpoints)), as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["endpoints"]["access"] == {"ca_file": None, "token_file": "secrets/token"}
    assert document["ledger"] == {"accepted": 1200, "counted": 1190, "dead": 3, "backlog": 7, "duplicates": 0}
    assert document["store"] == {"kind": "valkey", "version": "9.1.2", "durability": "durable"}
    assert [service["instance_id"] for service in document["services"]] == ["0123456789"]


def test_a_number_that_json_lacks_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    """An infinite latency is one; a strict reader refuses `Infinity`."""
    print_json({"observed": float("inf"), "interval": [float("nan"), 1.5]})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "observed": None,
        "interval": [None, 1.5],
    }
