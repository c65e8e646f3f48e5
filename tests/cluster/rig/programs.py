"""Builds the rig's programs from Go modules, once, into the user's cache folder."""

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from lab.errors import Unavailable
from lab.settings import inherited_environment
from tests.cluster.rig.requirements import go_version
from tests.cluster.rig.whole import as_a_whole

KUBERNETES: Final = "1.34.4"
"""The last minor version whose kubelet starts on cgroup v1 by default (`failCgroupV1`)."""
STAGING: Final = f"v0.{KUBERNETES.removeprefix('1.')}"
COLLECTOR_BUILDER: Final = "go.opentelemetry.io/collector/cmd/builder@v0.155.0"
VERSION: Final = "k8s.io/component-base/version"
STRIPPED: Final = "-s -w"
VERSIONED: Final = (
    f"{STRIPPED} -X {VERSION}.gitVersion=v{KUBERNETES} -X {VERSION}.gitMajor=1"
    f" -X {VERSION}.gitMinor={KUBERNETES.split('.')[1]} -X {VERSION}.gitTreeState=clean"
)
GO: Final = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false", "GOTOOLCHAIN": "local", "GOWORK": "off"}
SOURCES: Final = Path(__file__).parent / "sources"
BUILD_TIMEOUT_S: Final = 3600.0

Progress = Callable[[str, float], None]
"""Called with the name of what was built and the seconds it took."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program: its name in the cache, its Go package, its architecture, its linker flags."""

    name: str
    package: str = "."
    architecture: str = "amd64"
    flags: str = STRIPPED


@dataclass(frozen=True, slots=True)
class Module:
    """A main module that exists to build programs.

    Attributes:
        name: Its path.
        programs: The programs that are built in it.
        requires: The module that it needs, with its version; empty for none.
        sources: File name → text of a source file in it.
        go: Language version of the built program; it also decides the runtime's defaults (GODEBUG).
        written_by: What writes the rest: `staging` the replacements that Kubernetes needs, `collector` everything.
    """

    name: str
    programs: tuple[Program, ...]
    requires: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    go: str = "1.26.0"
    written_by: Literal["", "staging", "collector"] = ""


def _source(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")


def _kubernetes(command: str, name: str = "", architecture: str = "amd64") -> Program:
    return Program(name or command, f"k8s.io/kubernetes/cmd/{command}", architecture, VERSIONED)


MODULES: Final = (
    Module(
        "rig",
        (
            _kubernetes("kube-apiserver"),
            _kubernetes("kube-controller-manager"),
            _kubernetes("kube-scheduler"),
            _kubernetes("kube-proxy"),
            _kubernetes("kubelet", "kubelet-amd64"),
            _kubernetes("kubelet", "kubelet-arm64", "arm64"),
        ),
        requires=f"k8s.io/kubernetes v{KUBERNETES}",
        go="1.24.0",
        written_by="staging",
    ),
    Module(
        "rigdns",
        (Program("coredns"),),
        "github.com/coredns/coredns v1.14.5",
        {"main.go": _source("coredns.go")},
        go="1.25.0",
    ),
    Module("rigotel", (Program("otelcol"),), sources={"otelcol.yaml": _source("otelcol.yaml")}, written_by="collector"),
    Module(
        "rigbk",
        tuple(Program(name, f"github.com/moby/buildkit/cmd/{name}") for name in ("buildkitd", "buildctl")),
        "github.com/moby/buildkit v0.30.0",
    ),
    Module("rigbx", (Program("buildx", "github.com/docker/buildx/cmd/buildx"),), "github.com/docker/buildx v0.37.1"),
    Module(
        "rigprobe",
        (Program("probe-amd64"), Program("probe-arm64", architecture="arm64")),
        sources={"main.go": _source("probe.go")},
    ),
)


def programs_folder(cache: Path) -> Path:
    """Return the folder of the programs, which may not exist yet."""
    return cache / "rig" / key_of(MODULES, go_version())


def key_of(modules: tuple[Module, ...], go_version: str) -> str:
    """Return sixteen characters that change with everything that decides what is built."""
    decisive = repr((modules, GO, COLLECTOR_BUILDER, STAGING, go_version))
    return hashlib.sha256(decisive.encode()).hexdigest()[:16]


def missing_programs(cache: Path) -> str:
    """Return a line that says that the programs are not built; empty when they are."""
    built = programs_folder(cache).is_dir()
    return "" if built else "the rig's programs are not built (python -m tests.cluster.rig build)"


def build_programs(cache: Path, progress: Progress) -> Path:
    """Build the programs unless they are built; Go downloads their sources.

    Raises:
        Unavailable: Go failed; the message has the end of its output.
    """
    folder = programs_folder(cache)
    if not folder.is_dir():
        with as_a_whole(folder) as built:
            for module in MODULES:
                _build(module, built.parent / module.name, into=built, progress=progress)
    return folder


def _build(module: Module, folder: Path, *, into: Path, progress: Progress) -> None:
    folder.mkdir()
    _write(module, folder)
    for program in module.programs:
        started = time.monotonic()
        target = str(into / program.name)
        flags = ("-trimpath", "-ldflags", program.flags, "-o", target)
        where = folder / "dist" if module.written_by == "collector" else folder
        _go(where, "build", *flags, program.package, GOOS="linux", GOARCH=program.architecture)
        progress(program.name, time.monotonic() - started)


def _write(module: Module, folder: Path) -> None:
    for name, text in module.sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    if module.written_by == "collector":
        _write_collector(folder)
        return
    requires = [f"require {module.requires}"] if module.requires else []
    replaces = _staging(module.requires, folder) if module.written_by == "staging" else []
    lines = [f"module {module.name}", f"go {module.go}", *requires, *replaces]
    (folder / "go.mod").write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def _staging(requires: str, folder: Path) -> list[str]:
    """Return `replace` lines for the parts of Kubernetes, which it requires as v0.0.0 and keeps in other folders."""
    downloaded = json.loads(_go(folder, "mod", "download", "-json", requires.replace(" ", "@")))
    names = set(
        re.findall(r"(k8s\.io/[a-z0-9-]+) v0\.0\.0$", Path(downloaded["GoMod"]).read_text("utf-8"), re.MULTILINE)
    )
    return [f"replace {name} => {name} {STAGING}" for name in sorted(names)]


def _write_collector(folder: Path) -> None:
    """Let the collector's builder write `dist`. Its `go mod tidy` may fail on modules that only tests need."""
    command = ("run", COLLECTOR_BUILDER, "--config", "otelcol.yaml", "--skip-compilation")
    try:
        _go(folder, *command, GOFLAGS="")
    except Unavailable:
        if not (folder / "dist" / "go.mod").is_file():
            raise


def _go(folder: Path, *arguments: str, **environment: str) -> str:
    """Run Go; return what it printed."""
    done = subprocess.run(
        ["go", *arguments],
        cwd=folder,
        env=inherited_environment() | GO | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if not line.startswith("go: downloading")]
        shown = " ".join(arguments[-1:])
        raise Unavailable(f"`go {arguments[0]} … {shown}` failed", found="\n".join(words[-3:]))
    return done.stdout
