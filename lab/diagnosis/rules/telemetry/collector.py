"""A configuration that the collector refuses."""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.collector_components import change_of
from lab.snapshots.kubernetes import KubernetesObject
from lab.snapshots.snapshot import Snapshot, not_ready

OPTIONS: Final = {"loglevel": r"s/\bloglevel: *\w+/verbosity: detailed/"}
"""Removed option → the substitution that replaces it in its line."""
FOLDED: Final = re.compile(r"[ \t]$|\t", re.MULTILINE)
"""A text that kubectl prints as a single quoted line."""
PIPELINE_LISTS: Final = {"connectors": "(?:exporters|receivers)"}
"""Section → the lists of a pipeline that name its components, where their name differs from the section's."""
DEPRECATED: Final = re.compile(r"'(?P<section>\w+)':? the (?P<name>\w+) \w+ has been deprecated, use the (?P<new>\w+)")
UNKNOWN: Final = re.compile(
    r"'(?P<section>\w+)':? unknown type: \"(?P<name>[\w]+)\"[^(]*(?:\(valid values: \[(?P<valid>[^\]]*)\]\))?"
)
UNDEFINED: Final = re.compile(r'(?P<section>service)::\S+ references \w+ "(?P<name>[^"]+)" which is not configured')
OPTION: Final = re.compile(r"'(?P<section>[\w.]+)' has invalid keys: (?P<name>\w+)")


class Place(NamedTuple):
    """The position of a word: the ConfigMap, its key, the line; and the whole text under that key."""

    config_map: str
    key: str
    line: int
    text: str


class Line(NamedTuple):
    """A line of a configuration, with its section, the line of its component and the last key that opened a block."""

    number: int
    text: str
    section: str
    component: str
    key: str


def collector_refuses_configuration(snapshot: Snapshot) -> Iterator[Finding]:
    """The collector ends at once, because its configuration names a component or an option that it does not have."""
    for pod in snapshot.pods:
        match = _refusal(snapshot.log(pod))
        if match is None or pod.is_ready:
            continue
        section, name = match["section"], match["name"]
        place, new = _place(snapshot, section, name), _successor(match)
        where = f"{place.config_map}, {place.key}:{place.line}: " if place else ""
        pods = not_ready(snapshot, pod.workload)
        yield Finding(
            cause="collector-configuration",
            object=pod.workload,
            title=f"the collector refuses its configuration: {name}",
            found=f"{where}{match.string.strip()}",
            why=_why(section, name, new),
            do=_cure(snapshot, pod.workload, place, match, new=new),
            stops=(*pods, "collector"),
            rests_on=pods,
        )


def _refusal(log: Sequence[str]) -> re.Match[str] | None:
    """Return the newest line that refuses a part of the configuration."""
    matches = (pattern.search(line) for line in reversed(log) for pattern in (DEPRECATED, UNKNOWN, UNDEFINED, OPTION))
    return next((match for match in matches if match), None)


def _successor(match: re.Match[str]) -> str:
    """Return this collector's name for the component that replaces the refused one; empty where there is none."""
    parts = match.groupdict()
    if parts.get("new"):
        return parts["new"]
    valid = (parts.get("valid") or "").split()
    successors = change_of(parts["section"], parts["name"]).successors
    respelled = [name for name in valid if name.replace("_", "") == parts["name"].replace("_", "")]
    return next((name for name in (*successors, *respelled) if name in valid), "")


def _why(section: str, name: str, new: str) -> str:
    if advice := change_of(section, name).advice:
        return f"it was removed; {advice}"
    kind = section.removesuffix("s")
    if section == "service":
        return f"a pipeline uses {name}, and no section of the file defines it"
    if new:
        return f"this collector has no {kind} {name}; {new} took its place"
    return f"this version of the collector does not know {name} there; its change log says since when"


def _cure(snapshot: Snapshot, workload: str, place: Place | None, match: re.Match[str], *, new: str) -> str:
    """Return the command that corrects the configuration and restarts the collector."""
    restart = remedies.restart(snapshot.namespace, workload)
    if place is None:
        return f"{remedies.up(snapshot.namespace)} && {restart}"
    changes: list[tuple[int, str]] = []
    if match["name"] in OPTIONS:
        changes = [(place.line, OPTIONS[match["name"]])]
    elif new:
        changes = list(_renamings(place.text, match["section"], match["name"], new))
    if not changes or FOLDED.search(place.text):
        return f"{remedies.kubectl(snapshot.namespace, 'edit', f'configmap/{place.config_map}')} && {restart}"
    # The count starts at the line with the key: kubectl prints the text below it, line by line.
    count = rf"$n = /^  {re.escape(place.key)}: [|]/ ? 1 : $n && $n + 1"
    script = "; ".join([count, *(f"if ($n == {line + 1}) {{ {change} }}" for line, change in changes)])
    get = remedies.kubectl(snapshot.namespace, "get", f"configmap/{place.config_map}", "-o", "yaml")
    return f"{get} | perl -pe {shlex.quote(script)} | kubectl replace -f - && {restart}"


def _renamings(text: str, section: str, name: str, new: str) -> Iterator[tuple[int, str]]:
    """Yield lines, counted from 1, with their substitution: a component's key, its removed options, its uses.

    The same word in another place stays, for example in an address or in another section.
    """
    word = rf"(?<![\w\/.-]){name}"
    key = rf"{word}(?=(?:\/[\w.-]+)?[\"\x27]?\s*:(?:\s|$))"
    lists = PIPELINE_LISTS.get(section, section)
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
    """Yield the lines of a configuration that are not empty, without comments."""
    section, component, key, depth = "", "", "", 0
    for number, commented in enumerate(text.splitlines(), 1):
        line = commented.partition("#")[0].rstrip()
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
    """Return the first line of a ConfigMap that names a component in its section."""
    word = re.compile(rf"(?<![\w/]){re.escape(name)}(?!\w)")
    for config_map in map(KubernetesObject, snapshot.objects.config_maps):
        for key, text in (config_map.raw.get("data") or {}).items():
            inside = "." in section
            for number, line in enumerate(text.splitlines(), 1):
                if top := re.match(r"(\w+):", line):
                    inside = "." in section or top[1] == section
                if inside and word.search(line.partition("#")[0]):
                    return Place(config_map.name, key, number, text)
    return None
