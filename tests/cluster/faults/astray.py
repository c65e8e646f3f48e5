"""A small stack of its own, whose metrics go astray between the processes and the query, in one way after another."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from lab.settings import LabSettings, load_settings
from lab.targets.processes.metrics_server import find_prometheus
from tests import programs
from tests.cluster.builder import checked_out
from tests.cluster.faults.case import RigFault
from tests.cluster.faults.place import Place
from tests.cluster.faults.remote_write import pushed
from tests.cluster.rig.facts import HOST
from tests.cluster.stack import metrics_server

PORT: Final = 9391
FIRST: Final = 9395
NOBODY: Final = 9397
URL: Final = f"http://{HOST}:{PORT}"
FIRST_URL: Final = f"http://{HOST}:{FIRST}"
DATABASE: Final = 2
"""Of the shared store: what this stack counts is its own."""
AHEAD_S: Final = 540
"""Later than now, and within the ten minutes that a Prometheus takes from the future."""
RECEIVER: Final = "--web.enable-remote-write-receiver"
RESTART: Final = f"ssh {HOST} 'sudo systemctl restart prometheus'"


def bring_up(place: Place) -> None:
    """A stack for one architecture, its metrics server, and another one that is a unit of its machine."""
    mine = {
        "architectures": "amd64",
        "redis_url": f"redis://{HOST}:6379/{DATABASE}",
        "prometheus_url": FIRST_URL,
        "state_dir": str(place.folder / "state"),
    }
    place.settings |= load_settings().model_dump(mode="json", exclude_defaults=True, exclude_none=True) | mine
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
    _pasted(place, "lab up --target kubernetes")


def look_elsewhere(place: Place) -> None:
    """The lab was told of the other metrics server, and the collector was not."""
    place.settings["prometheus_url"] = URL


def deafen(place: Place) -> None:
    """Nobody turned the remote-write receiver on."""
    _defaults(place.common.machines.etc(HOST)).write_text('ARGS=""\n')
    _pasted(place, RESTART)


def misdirect(place: Place) -> None:
    """Somebody wrote a port into the collector's configuration at which nobody listens."""
    mine = f"--namespace={place.namespace}"
    for config in place.kubectl.get("configmaps", mine)["items"]:
        if any(URL in text for text in config["data"].values()):
            data = {name: text.replace(URL, f"http://{HOST}:{NOBODY}") for name, text in config["data"].items()}
            change = json.dumps({"data": data})
            place.kubectl("patch", "configmap", config["metadata"]["name"], mine, "--type=merge", f"--patch={change}")
    place.kubectl("rollout", "restart", "deployment/otel-collector", mine)
    place.kubectl("rollout", "status", "deployment/otel-collector", mine)


def foretell(place: Place) -> None:
    """Every series was written with a later time, as by processes whose clock was ahead until somebody set it right."""
    asked = {"match[]": '{job=~"lab/.+"}', "start": str(time.time() - 60)}
    series = httpx.get(f"{URL}/api/v1/series", params=asked).raise_for_status().json()["data"]
    body, headers = pushed(series, at_ms=round((time.time() + AHEAD_S) * 1000))
    httpx.post(f"{URL}/api/v1/write", content=body, headers=headers).raise_for_status()


FAULTS: Final[Mapping[str, RigFault]] = {
    "running-no-metrics-query": RigFault(
        "running-no-metrics", f"Prometheus/{URL}", "the first silent stage is the query", look_elsewhere
    ),
    "prometheus-receives-nothing": RigFault("prometheus-receives-nothing", f"Prometheus/{URL}", "404", deafen),
    "running-no-metrics-remote-write": RigFault(
        "running-no-metrics", "Deployment/otel-collector", "the first silent stage is remote write", misdirect
    ),
    "prometheus-receives-nothing-out-of-order": RigFault(
        "prometheus-receives-nothing", f"Prometheus/{URL}", "out of order sample", foretell
    ),
}
"""In the order in which they are made: each begins with a collector that has refused nothing, or makes one."""


def _pasted(place: Place, command: str) -> None:
    done = place.paste(command)
    assert done.returncode == 0, f"{command}: {done.stdout[-600:]}{done.stderr[-600:]}"


def _defaults(etc: Path) -> Path:
    return etc / "default" / "prometheus"


def _configuration(etc: Path) -> Path:
    return etc / "prometheus" / "prometheus.yml"


@contextlib.contextmanager
def _prometheus(folder: Path, etc: Path) -> Iterator[None]:
    """A metrics server with its machine's configuration, and the options in its unit's file of defaults."""
    options = _defaults(etc).read_text().split('"')[1].split()
    command = [str(find_prometheus(LabSettings())), f"--config.file={_configuration(etc)}", *options]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={HOST}:{PORT}"]
    with programs.tied_to_parent(command, {}, folder / "prometheus.log"):
        programs.await_address(f"{HOST}:{PORT}")
        yield
