"""Measures the time from `lab up` to the first counted event, and the time that bare imports take."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from lab.metrics.ledger import QueryLedger
from lab.rpc.channels import connector
from lab.settings import load_settings
from lab.systems.services import SERVICES
from lab.targets.processes.target import ProcessTarget
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest
from services.contracts.generated.lab.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from tests.bench.load import batched_calls

RUN: Final = "bench"
LAB: Final = (sys.executable, "-c", "import sys; from lab.cli import main; sys.exit(main())")


def imports_s() -> float:
    """Return the seconds until four interpreters, started together, have imported one service each."""
    started = time.perf_counter()
    modules = [f"services.{name.replace('-', '_')}.__main__" for name in SERVICES]
    children = [subprocess.Popen([sys.executable, "-c", f"import {module}"]) for module in modules]
    codes = [child.wait() for child in children]
    if any(codes):
        raise RuntimeError(f"the imports ended with {codes}")
    return time.perf_counter() - started


def up_to_first_count_s() -> float:
    """Return the seconds from `lab up` to the first counted event, on a new stack that is removed afterwards."""
    with tempfile.TemporaryDirectory() as state:
        environment = os.environ | {"LAB_STATE_DIR": state}  # noqa: TID251  a child inherits it
        started = time.perf_counter()
        subprocess.run([*LAB, "up"], env=environment, check=True, capture_output=True)
        try:
            _count_an_event(Path(state))
            return time.perf_counter() - started
        finally:
            subprocess.run([*LAB, "down"], env=environment, check=True, capture_output=True)


def _count_an_event(state: Path) -> None:
    deployment = ProcessTarget(load_settings(state_dir=state)).current()
    if deployment is None:
        raise RuntimeError("lab up left no stack")
    endpoints = deployment.endpoints
    [call] = batched_calls(1, 1, run=RUN, producer=b"bench-of-startup")
    with connector(endpoints.access)(endpoints.ingest) as channel:
        IngestServiceStub(channel).Append(AppendRequest.FromString(call), timeout=10)
    ledger = QueryLedger(endpoints.query, connect=connector(endpoints.access))
    try:
        while ledger.view(RUN).balance.counted < 1:
            pass
    finally:
        ledger.close()
