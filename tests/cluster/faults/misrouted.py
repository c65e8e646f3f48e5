"""A small stack whose metrics are lost between the processes and the query, in several ways."""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from lab.settings import LabSettings, load_settings
from lab.targets.processes.metrics.metrics_server import find_prometheus
from tests import programs
from tests.cluster.builder import checked_out
from tests.cluster.faults.case import RigFault
from tests.cluster.faults.place import Place
from tests.cluster.faults.remote_write import pushed
from tests.cluster.rig.facts import HOST
from tests.cluster.stack import metrics_server

PORT: Final = 9391
FIRST: Final = 9395
UNUSED_PORT: Final = 9397
URL: Final = f"http://{HOST}:{PORT}"
FIRST_URL: Final = f"http://{HOST}:{FIRST}"
DATABASE: Final = 2
"""The database of this stack in the shared store."""
AHEAD_S: Final = 540
"""How far the samples lie in the future; a Prometheus accepts ten minutes."""
RECEIVER: Final = "--web.enable-remote-write-receiver"
RESTART: Final = f"ssh {HOST} 'sudo systemctl restart prometheus'"


def bring_up(place: Place) -> None:
    """Bring up a stack for one architecture, its metrics server, and a second metrics server as a systemd unit."""
    own = {
        "architectures": "amd64",
        "redis_url": f"redis://{HOST}:6379/{DATABASE}",
        "prometheus_url": FIRST_URL,
        "state_dir": str(place.folder / "state"),
    }
    place.settings |= load_settings().model_dump(mode="json", exclude_defaults=True, exclude_none=True) | own
    etc = place.common.machines.etc(HOST)
    for file, text in ((_defaults(etc), f'ARGS="{RECEIVER}"\n'), (_configuration(etc), "global: {}\n")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    run = partial(_prometheus, place.folder, etc)
    place.until.enter_context(place.common.machines.unit(HOST, "prometheus", run, started=True))
    first = place.folder / "first"
    first.mkdir()
    place.until.enter_context(metrics_server(place.common.rig, first, port=FIRST))
    checked_out(place.folder)
    _paste(place, "lab up --target kubernetes")


def query_elsewhere(place: Place) -> None:
    """The lab queries the second metrics server; the collector writes to the first."""
    place.settings["prometheus_url"] = URL


def refuse_writes(place: Place) -> None:
    """The metrics server runs without its remote-write receiver."""
    _defaults(place.common.machines.etc(HOST)).write_text('ARGS=""\n')
    _paste(place, RESTART)


def misroute(place: Place) -> None:
    """The collector's configuration has a port on which no server listens."""
    namespace = f"--namespace={place.namespace}"
    for config in place.kubectl.get("configmaps", namespace)["items"]:
        if any(URL in text for text in config["data"].values()):
            data = {name: text.replace(URL, f"http://{HOST}:{UNUSED_PORT}") for name, text in config["data"].items()}
            change = json.dumps({"data": data})
            place.kubectl(
                "patch", "configmap", config["metadata"]["name"], namespace, "--type=merge", f"--patch={change}"
            )
    place.kubectl("rollout", "restart", "deployment/otel-collector", namespace)
    place.kubectl("rollout", "status", "deployment/otel-collector", namespace)


def write_the_future(place: Place) -> None:
    """Every series has a sample in the future, as from processes whose clocks were ahead until they were corrected."""
    parameters = {"match[]": '{job=~"lab/.+"}', "start": str(time.time() - 60)}
    series = httpx.get(f"{URL}/api/v1/series", params=parameters).raise_for_status().json()["data"]
    body, headers = pushed(series, at_ms=round((time.time() + AHEAD_S) * 1000))
    httpx.post(f"{URL}/api/v1/write", content=body, headers=headers).raise_for_status()


FAULTS: Final[Mapping[str, RigFault]] = {
    "running-no-metrics-query": RigFault(
        "running-no-metrics", f"Prometheus/{URL}", "the first silent stage is the query", query_elsewhere
    ),
    "prometheus-receives-nothing": RigFault("prometheus-receives-nothing", f"Prometheus/{URL}", "404", refuse_writes),
    "running-no-metrics-remote-write": RigFault(
        "running-no-metrics", "Deployment/otel-collector", "the first silent stage is remote write", misroute
    ),
    "prometheus-receives-nothing-out-of-order": RigFault(
        "prometheus-receives-nothing", f"Prometheus/{URL}", "out of order sample", write_the_future
    ),
}
"""In the order in which they are made: each needs, or itself starts, a collector without refused samples."""


def _paste(place: Place, command: str) -> None:
    done = place.paste(command)
    assert done.returncode == 0, f"{command}: {done.stdout[-600:]}{done.stderr[-600:]}"


def _defaults(etc: Path) -> Path:
    return etc / "default" / "prometheus"


def _configuration(etc: Path) -> Path:
    return etc / "prometheus" / "prometheus.yml"


@contextlib.contextmanager
def _prometheus(folder: Path, etc: Path) -> Iterator[None]:
    """Run a metrics server with the machine's configuration, and the options in its unit's file of defaults."""
    options = _defaults(etc).read_text().split('"')[1].split()
    command = [str(find_prometheus(LabSettings())), f"--config.file={_configuration(etc)}", *options]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={HOST}:{PORT}"]
    with programs.tied_to_parent(command, {}, folder / "prometheus.log"):
        programs.await_address(f"{HOST}:{PORT}")
        yield


def in_order(names: Iterable[str]) -> list[str]:
    """Return faults in the order in which they are made. The first is always made; the others start from its end."""
    first, *_ = FAULTS
    return [name for name in FAULTS if name in {first, *names}]
