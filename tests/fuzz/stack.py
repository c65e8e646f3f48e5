"""Runs the four services for a time of nonsense, and looks afterwards whether anything took harm."""

import contextlib
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.bootstrap.store import bootstrap
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub
from services.ledger.connection import StoreSettings
from tests import programs
from tests.fuzz.files import nonsense_file
from tests.fuzz.methods import SERVED, WAIT_S, Answers, Method, Sender

NEVER: Final = frozenset({"INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE"})
"""Statuses that no message may lead to: a fault of ours, a call that hangs, a service that is gone."""
NO_SPEED: Final = "neither"
"""A file that was read is refused for this speed, so that no load run begins."""


@dataclass(frozen=True)
class Program:
    """A service that runs."""

    name: str
    process: psutil.Process
    channel: grpc.Channel
    log: Path

    def harm(self) -> Iterator[str]:
        """Yield what is wrong with it."""
        if not self.process.is_running() or self.process.status() == psutil.STATUS_ZOMBIE:
            yield f"{self.name} died: {self.log.read_text()[-2_000:]}"
            return
        stub: Any = health_pb2_grpc.HealthStub(self.channel)
        if stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S).status != health_pb2.HealthCheckResponse.SERVING:
            yield f"{self.name} does not serve"
        for line in self.log.read_text().splitlines():
            if not line.startswith("{") or '"exception"' in line or json.loads(line)["level"] == "ERROR":
                yield f"{self.name} logged {line[:2_000]}"

    def memory_mb(self) -> float:
        """Return its resident memory."""
        return float(self.process.memory_info().rss) / 1e6


class Stack:
    """The four services.

    Args:
        running: The services by name.
        ingest: Address of ingest-api.
        folder: Folder for files to replay.
    """

    def __init__(self, running: dict[str, Program], *, ingest: str, folder: Path) -> None:
        self.programs, self._ingest, self._folder = running, ingest, folder
        self.answers = Answers()

    def send(self, method: Method, number: int, *, draw: random.Random) -> None:
        """Send nonsense to one method."""
        channel = self.programs[method.program].channel
        Sender(method, channel, ingest=self._ingest, draw=draw).send(number, self.answers)

    def replay(self, number: int, *, draw: random.Random) -> None:
        """Let the simulator read files of nonsense."""
        stub = SimulatorServiceStub(self.programs["simulator"].channel)
        for _ in range(number):
            suffix, content = nonsense_file(draw)
            path = self._folder / f"nonsense{suffix}"
            path.write_bytes(content)
            request = pb.RunLoadRequest(
                run="r",
                ingest_address=self._ingest,
                profile=pb.Profile(duration_seconds=1),
                replay=pb.ReplaySource(path=str(path), speed=NO_SPEED),
            )
            self.answers.count("simulator, files", partial(_read_whole, stub, request))

    def harm(self) -> list[str]:
        """Return what is wrong with the services, and which answers must not be."""
        wrong = [line for program in self.programs.values() for line in program.harm()]
        return wrong + [
            f"{number} times {status} from {name}"
            for (name, status), number in self.answers.counts.items()
            if status in NEVER
        ]


def _read_whole(stub: SimulatorServiceStub, request: pb.RunLoadRequest) -> None:
    for _ in stub.RunLoad(request, timeout=WAIT_S):
        pass


@contextlib.contextmanager
def services() -> Iterator[Stack]:
    """Run a store and the four services."""
    with contextlib.ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
        port, _, _ = cleanup.enter_context(programs.store())
        url = f"redis://127.0.0.1:{port}/0"
        bootstrap(StoreSettings(redis_url=url))
        room = folder / "room"
        room.mkdir()
        running, ingest = {}, ""
        for name in SERVED:
            extra = {"LAB_REDIS_URL": url, "TMPDIR": str(room)}
            process = cleanup.enter_context(programs.service(name, folder, extra))
            ready = programs.ready_file(folder, name)
            channel = cleanup.enter_context(grpc.insecure_channel(ready["grpc"]))
            running[name] = Program(name, psutil.Process(process.pid), channel, folder / f"{name}.log")
            ingest = ingest or ready["grpc"]
        yield Stack(running, ingest=ingest, folder=folder)
