"""A load run ends when it is stopped, whatever it waits for."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import grpc
import pytest

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub
from tests.grpc_server import served
from tests.programs import free_port, ready_file, service
from tests.waiting import until

WAIT_S: Final = 20.0
HOUR_S: Final = 3_600.0
INGEST: Final = "lab.ingest.v1.IngestService"

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def ingest() -> Iterator[str]:
    """Yield the address of a server that stands in for ingest-api; the load runs below send it nothing."""
    with served(INGEST, {}, ThreadPoolExecutor(1)) as address:
        yield address


@pytest.fixture
def silent_ingest() -> Iterator[str]:
    """Yield the address of an ingest-api that takes every call and answers none."""
    over = threading.Event()

    def wait(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        over.wait()
        return b""

    with served(INGEST, {"Append": grpc.unary_unary_rpc_method_handler(wait)}, ThreadPoolExecutor(8)) as address:
        yield address
        over.set()


def test_a_simulator_that_is_ended_still_reports(tmp_path: Path, silent_ingest: str) -> None:
    """Its batches wait for answers, and could be tried for a minute; the program has five seconds to end."""
    request = pb.RunLoadRequest(
        run="r", ingest_address=silent_ingest, profile=pb.Profile(duration_seconds=HOUR_S), deadline_ms=60_000
    )
    request.profile.constant.rate = 1_000
    request.synthetic.SetInParent()
    with (
        service("simulator", tmp_path, {}) as process,
        grpc.insecure_channel(ready_file(tmp_path, "simulator")["grpc"]) as channel,
    ):
        answers = SimulatorServiceStub(channel).RunLoad(request, timeout=2 * WAIT_S)
        progress = (answer for answer in answers if answer.WhichOneof("part") == "progress")
        assert any(answer.progress.account.sent for answer in progress)
        process.terminate()
        *_, last = answers
        assert last.result.stopped
        assert last.result.account.unknown == last.result.account.sent > 0
        assert process.wait(WAIT_S) == 0


def test_a_load_run_that_is_stopped_before_ingest_answers_reports_that_nothing_was_sent(tmp_path: Path) -> None:
    """Its end is a stop, and no fault of ingest-api, which was not waited for."""
    address = f"127.0.0.1:{free_port()}"
    request = pb.RunLoadRequest(run="r", ingest_address=address, profile=pb.Profile(duration_seconds=HOUR_S))
    request.profile.constant.rate = 1_000
    request.synthetic.SetInParent()
    with (
        service("simulator", tmp_path, {}),
        grpc.insecure_channel(ready_file(tmp_path, "simulator")["grpc"]) as channel,
    ):
        simulator = SimulatorServiceStub(channel)
        answers = simulator.RunLoad(request, timeout=WAIT_S)
        until(lambda: simulator.Stop(pb.StopRequest(), timeout=WAIT_S).was_running, within_s=5.0)
        *_, last = answers
        assert last.result.stopped
        assert last.result.account.sent == last.result.account.intended == 0


@pytest.mark.parametrize("source", ["host", "synthetic"])
def test_a_load_that_is_due_much_later_ends_at_a_stop(tmp_path: Path, ingest: str, source: str) -> None:
    """The first event is due after a quarter of an hour. The report comes now, and the next load run may begin."""
    request = pb.RunLoadRequest(run="r", ingest_address=ingest, profile=pb.Profile(duration_seconds=HOUR_S))
    request.profile.constant.rate = 1 / (HOUR_S / 4)
    getattr(request, source).SetInParent()
    with (
        service("simulator", tmp_path, {}),
        grpc.insecure_channel(ready_file(tmp_path, "simulator")["grpc"]) as channel,
    ):
        simulator = SimulatorServiceStub(channel)
        for _ in range(2):
            answers = simulator.RunLoad(request, timeout=WAIT_S)
            assert next(answers).WhichOneof("part") == "progress"
            assert simulator.Stop(pb.StopRequest(), timeout=WAIT_S).was_running
            *_, last = answers
            assert last.result.stopped
            assert last.result.account.sent == 0
