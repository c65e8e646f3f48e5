"""The collector's configuration, which it refuses."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import Thing
from lab.snapshots.snapshot import Snapshot, not_ready

OTLP: Final = ("otlp_grpc", "otlp")
OTLP_HTTP: Final = ("otlp_http", "otlphttp")
REPLACED: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("exporters", "logging"): ("debug",),
    ("exporters", "otlp"): OTLP,
    ("exporters", "otlp_grpc"): OTLP,
    ("exporters", "jaeger"): OTLP,
    ("exporters", "jaeger_thrift"): OTLP_HTTP,
    ("exporters", "loki"): OTLP_HTTP,
    ("exporters", "opencensus"): OTLP,
    ("exporters", "sapm"): OTLP_HTTP,
    ("receivers", "opencensus"): ("otlp",),
}
"""(section, component that is gone) → what took its place, newest name first. Names that differ by an underscore
alone, as after the renaming of 2025 and 2026, need no line here."""
ELSEWHERE: Final[Mapping[tuple[str, str], str]] = {
    ("extensions", "memory_ballast"): "it was removed; set GOMEMLIMIT in the collector's environment",
    ("processors", "spanmetrics"): "it was removed; the connector span_metrics does its work",
    ("processors", "servicegraph"): "it was removed; the connector service_graph does its work",
}
OPTIONS: Final = {"loglevel": r"s/\bloglevel: *\w+/verbosity: detailed/"}
"""Option that is gone → what changes it in its line."""
FOLDED: Final = re.compile(r"[ \t]$|\t", re.MULTILINE)
"""A text that kubectl does not write line by line."""
USED_AS: Final = {"connectors": "(?:exporters|receivers)"}
"""Section → the lists of a pipeline that name its components, where they are called otherwise."""
REMOVED: Final = re.compile(r"'(?P<section>\w+)':? the (?P<name>\w+) \w+ has been deprecated, use the (?P<new>\w+)")
UNKNOWN: Final = re.compile(
    r"'(?P<section>\w+)':? unknown type: \"(?P<name>[\w]+)\"[^(]*(?:\(valid values: \[(?P<valid>[^\]]*)\]\))?"
)
UNDEFINED: Final = re.compile(r'(?P<section>service)::\S+ references \w+ "(?P<name>[^"]+)" which is not configured')
OPTION: Final = re.compile(r"'(?P<section>[\w.]+)' has invalid keys: (?P<name>\w+)")


class Place(NamedTuple):
    """Where a word stands: the ConfigMap, its key, the line; and the whole text."""

    config_map: str
    key: str
    line: int
    text: str


class Line(NamedTuple):
    """A line of a configuration: where it stands, the line of its component, the last key that opened a block."""

    number: int
    text: str
    section: str
    component: str
    key: str


def collector_refuses_configuration(snapshot: Snapshot) -> Iterator[Finding]:
    """The collector ends at once, because its configuration names what it does not have."""
    for pod in snapshot.pods:
        log = snapshot.log(pod)
        for pattern in (REMOVED, UNKNOWN, UNDEFINED, OPTION):
            found = next((found for line in reversed(log) if (found := pattern.search(line))), None)
            if found and not pod.is_ready:
                section, name = found["section"], found["name"]
                place, new = _place(snapshot, section, name), _successor(found)
                where = f"{place.config_map}, {place.key}:{place.line}: " if place else ""
                pods = not_ready(snapshot, pod.workload)
                yield Finding(
                    "collector-configuration",
                    pod.workload,
                    f"the collector refuses its configuration: {name}",
                    found=f"{where}{found.string.strip()}",
                    why=_why(section, name, new),
                    do=_cure(snapshot, pod.workload, place, found, new=new),
                    stops=(*pods, "collector"),
                    rests_on=pods,
                )
                break


def _successor(found: re.Match[str]) -> str:
    """The component to write instead, as this collector calls it; empty where there is none."""
    known = found.groupdict()
    if known.get("new"):
        return known["new"]
    valid = (known.get("valid") or "").split()
    candidates = REPLACED.get((known["section"], known["name"]), ())
    same = [one for one in valid if one.replace("_", "") == known["name"].replace("_", "")]
    return next((one for one in (*candidates, *same) if one in valid), "")


def _why(section: str, name: str, new: str) -> str:
    if note := ELSEWHERE.get((section, name)):
        return note
    kind = section.removesuffix("s")
    if section == "service":
        return f"a pipeline uses {name}, and no section of the file defines it"
    if new:
        return f"this collector has no {kind} {name}; {new} took its place"
    return f"this version of the collector knows no {name} there; its change log says since when"


def _cure(snapshot: Snapshot, workload: str, place: Place | None, found: re.Match[str], *, new: str) -> str:
    again = remedies.restart(snapshot.namespace, workload)
    if place is None:
        return f"{remedies.up(snapshot.namespace)} && {again}"
    changes: list[tuple[int, str]] = []
    if found["name"] in OPTIONS:
        changes = [(place.line, OPTIONS[found["name"]])]
    elif new:
        changes = list(_renamings(place.text, found["section"], found["name"], new))
    if not changes or FOLDED.search(place.text):
        return f"{remedies.kubectl(snapshot.namespace, 'edit', f'configmap/{place.config_map}')} && {again}"
    # Lines are counted from the one that names the file: kubectl writes its text below, one line each.
    count = rf"$n = /^  {re.escape(place.key)}: [|]/ ? 1 : $n && $n + 1"
    script = "; ".join([count, *(f"if ($n == {line + 1}) {{ {change} }}" for line, change in changes)])
    get = remedies.kubectl(snapshot.namespace, "get", f"configmap/{place.config_map}", "-o", "yaml")
    return f"{get} | perl -pe {shlex.quote(script)} | kubectl replace -f - && {again}"


def _renamings(text: str, section: str, name: str, new: str) -> Iterator[tuple[int, str]]:
    """Lines, counted from 1, each with what changes it: a component's key, its options that are gone, its uses.

    The same word elsewhere, as in an address or in a section of other components, stays.
    """
    word = rf"(?<![\w\/.-]){name}"
    key = rf"{word}(?=(?:\/[\w.-]+)?[\"\x27]?\s*:(?:\s|$))"
    lists = USED_AS.get(section, section)
    listed = rf"(\b{lists}:\s*\[[^\]]*?){word}(?![\w.-])"
    item = rf"^(\s*-\s*[\"\x27]?){name}(?![\w.-])"
    for line in _lines(text):
        if line.section == section and re.search(key, line.component):
            if line.text == line.component:
                yield line.number, f"s/{key}/{new}/"
            if new == "debug":
                yield from ((line.number, change) for option, change in OPTIONS.items() if f"{option}:" in line.text)
        elif line.section == "service" and re.search(listed, line.text):
            yield line.number, f"1 while s/{listed}/$1{new}/"
        elif line.section == "service" and re.fullmatch(lists, line.key) and re.search(item, line.text):
            yield line.number, f"s/{item}/$1{new}/"


def _lines(text: str) -> Iterator[Line]:
    """Lines of a configuration that say something, without their comments."""
    section, component, key, depth = "", "", "", 0
    for number, whole in enumerate(text.splitlines(), 1):
        line = whole.partition("#")[0].rstrip()
        if not line:
            continue
        indent = len(line) - len(line.lstrip())
        if top := re.match(r"(\w+):", line):
            section, depth = top[1], 0
        depth = depth or indent
        component = line if indent <= depth else component
        key = opened[1] if (opened := re.match(r"\s*(\w+):$", line)) else key
        yield Line(number, line, section, component, key)


def _place(snapshot: Snapshot, section: str, name: str) -> Place | None:
    """The first line of a ConfigMap that names a component in its section."""
    word = re.compile(rf"(?<![\w/]){re.escape(name)}(?!\w)")
    for one in map(Thing, snapshot.objects.config_maps):
        for key, text in (one.raw.get("data") or {}).items():
            inside = "." in section
            for number, line in enumerate(text.splitlines(), 1):
                if top := re.match(r"(\w+):", line):
                    inside = "." in section or top[1] == section
                if inside and word.search(line.partition("#")[0]):
                    return Place(one.name, key, number, text)
    return None
