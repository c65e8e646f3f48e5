"""The commands of builders, and the meaning of their complaints."""

import tomllib
from pathlib import Path

import pytest

from lab.errors import BadConfig, DataFault, Forbidden, LabError, Unavailable
from lab.images.access import RegistryAccess
from lab.images.bake import Target, read_bake
from lab.images.build import BuildOrder, Tool, ToolKind, bake_command, build, buildah_commands, registries_conf
from lab.images.build_faults import explain
from lab.systems.services import SERVICES

PROJECT = Path(__file__).parents[3]
ACCESS = RegistryAccess("registry.example:5000", "team", plain_http=True)
ORDER = BuildOrder(ACCESS, "dev")
LOG = Path("build.log")
HTTP = (
    "ERROR: target simulator: failed to solve: r:1/base:3: failed to resolve source metadata for r:1/base:3: "
    'failed to do request: Head "https://r:1/v2/base/manifests/3": http: server gave HTTP response to HTTPS client'
)


def targets() -> tuple[Target, ...]:
    """Return the project's own targets, for a registry and a tag."""
    return read_bake(PROJECT / "docker-bake.json", ORDER.variables)


def test_the_bake_file_builds_every_service_for_both_platforms() -> None:
    """Every service is one target, under the name that is resolved afterwards."""
    assert [(target.name, target.stage, target.tags) for target in targets()] == [
        (name, name, (f"registry.example:5000/team/{name}:dev",)) for name in SERVICES
    ]
    assert {target.platforms for target in targets()} == {("linux/amd64", "linux/arm64")}


def test_a_base_image_replaces_the_public_one() -> None:
    """The public image is the default."""
    assert targets()[0].args["BASE"].startswith("docker.io/library/python:3.11-slim")
    own = read_bake(PROJECT / "docker-bake.json", BuildOrder(ACCESS, "dev", base="mine:1").variables)
    assert {target.args["BASE"] for target in own} == {"mine:1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Invalid JSON"),
        ('{"variable": {}, "group": {"default": {"targets": ["a"]}}, "target": {"b": {}}}', "it names 'a'"),
        ('{"variable": {}, "group": {}, "target": {"b": {"cache-to": []}}}', "target.b.cache-to"),
    ],
)
def test_a_bake_file_with_more_than_is_understood_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """Buildah would build it differently."""
    (tmp_path / "bake.json").write_text(text)
    with pytest.raises(BadConfig) as failure:
        read_bake(tmp_path / "bake.json", {})
    assert words in str(failure.value)


def test_bake_is_told_to_push_and_nothing_secret() -> None:
    """Names are variables of the bake file."""
    command = bake_command(Tool("buildx", ("docker", "buildx")), BuildOrder(ACCESS, "dev", builder="lab"))
    assert " ".join(command) == ("docker buildx bake --file docker-bake.json --push --progress plain --builder lab")
    assert ORDER.variables == {"REGISTRY": "registry.example:5000/team", "TAG": "dev"}


@pytest.mark.parametrize(
    ("kind", "first"), [("buildx", "bake --file"), ("buildah", "manifest rm registry.example:5000/team/ingest-api:dev")]
)
def test_each_kind_of_tool_builds_in_its_own_way(kind: ToolKind, first: str, tmp_path: Path) -> None:
    """A list of images that an earlier build left goes first; there need not be one."""
    program, calls, steps = tmp_path / "builder", tmp_path / "calls", list[str]()
    program.write_text(f'#!/bin/sh\necho "$*" >> {calls}\n[ "$1" != manifest ] || [ "$2" != rm ]\n')
    program.chmod(0o755)
    build(ORDER, Tool(kind, (str(program),)), project=PROJECT, log=tmp_path / "log", progress=steps.append)
    lines = calls.read_text().splitlines()
    assert lines[0].startswith(first)
    assert len(lines) == (1 if kind == "buildx" else len(SERVICES) * 4)
    assert len(steps) == (1 if kind == "buildx" else len(SERVICES))


def test_buildah_trusts_the_ca_that_is_named_and_nothing_beside_it(tmp_path: Path) -> None:
    """It reads authorities from `*.crt` alone, and wants a certificate for every key that it sees."""
    authority, calls = tmp_path / "authority.pem", tmp_path / "calls"
    authority.write_text("a certificate\n")
    (tmp_path / "authority.key").write_text("a key\n")
    program = tmp_path / "builder"
    program.write_text(
        "#!/bin/sh\n"
        'while [ $# -gt 0 ]; do [ "$1" != --cert-dir ] || (cd "$2" && echo "$(ls) $(cat ca.crt)") '
        f">> {calls}; shift; done\n"
    )
    program.chmod(0o755)
    access = RegistryAccess("registry.example:5000", "team", ca_file=authority)
    build(BuildOrder(access, "dev"), Tool("buildah", (str(program),)), project=PROJECT, log=tmp_path / "log")
    assert set(calls.read_text().splitlines()) == {"ca.crt a certificate"}
    assert len(calls.read_text().splitlines()) == len(SERVICES) * 3


def test_bake_takes_the_base_of_its_file_whatever_the_shell_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bake reads variables of its file from the environment. The base that is pinned would be replaced in silence."""
    program, calls = tmp_path / "builder", tmp_path / "calls"
    program.write_text(f'#!/bin/sh\necho "$BASE" >> {calls}\n')
    program.chmod(0o755)
    monkeypatch.setenv("BASE", "somebody:elses")
    for base in ("", "mine:1"):
        order = BuildOrder(ACCESS, "dev", base=base)
        build(order, Tool("buildx", (str(program),)), project=PROJECT, log=tmp_path / "log")
    assert calls.read_text().splitlines() == [targets()[0].args["BASE"], "mine:1"]


def test_wheels_replace_the_index(tmp_path: Path) -> None:
    """With either builder."""
    order = BuildOrder(ACCESS, "dev", wheels=tmp_path)
    bake = bake_command(Tool("buildx", ("buildx",)), order)
    assert f"*.contexts.wheels={tmp_path}" in bake
    assert "*.args.PIP_NO_INDEX=1" in bake
    first = buildah_commands(Tool("buildah", ("buildah",)), order, targets()[0])[0]
    assert f"wheels={tmp_path}" in first
    assert "PIP_NO_INDEX=1" in first


def test_buildah_builds_one_platform_after_the_other_and_pushes_the_list() -> None:
    """Builds that run together would share the base image's name, and take each other's image."""
    *builds, push = buildah_commands(Tool("buildah", ("buildah",)), ORDER, targets()[0])
    assert [build[build.index("--platform") + 1] for build in builds] == ["linux/amd64", "linux/arm64"]
    name = "registry.example:5000/team/ingest-api:dev"
    assert all(build[build.index("--manifest") + 1] == name for build in builds)
    assert push == ("buildah", "manifest", "push", "--all", name, f"docker://{name}")


def test_buildah_speaks_plain_http_with_the_configured_host_alone() -> None:
    """No option allows it for every registry."""
    assert tomllib.loads(registries_conf(ACCESS))["registry"] == [
        {"location": "registry.example:5000", "insecure": True}
    ]
    assert "registry" not in tomllib.loads(registries_conf(RegistryAccess("registry.example:5000")))
    commands = buildah_commands(Tool("buildah", ("buildah",)), ORDER, targets()[0])
    assert not any("tls-verify" in word for command in commands for word in command)


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        (
            HTTP,
            BadConfig,
            ["plain HTTP", "lab registry config"],
        ),
        (
            '#9 0.1 Get "https://r:1/v2/": x509: certificate signed by unknown authority',
            BadConfig,
            ["trust", "buildkitd.toml"],
        ),
        (
            "ERROR: Multi-platform build is not supported for the docker driver.",
            BadConfig,
            ["one platform", "docker buildx create"],
        ),
        ("ERROR: Cannot connect to the Docker daemon at unix:///run/docker.sock", Unavailable, ["does not run"]),
        ('ERROR: no builder "rig" found', BadConfig, ["no such builder", "docker buildx create", "buildx ls"]),
        ('ERROR: failed to find driver "other"', BadConfig, ["no such builder", "docker buildx create"]),
        (
            "#8 ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            DataFault,
            ["requirements-services"],
        ),
        ("#8 3.1 ERROR: No matching distribution found for grpcio==1.85.1", Unavailable, ["--wheels"]),
        ("unexpected status from HEAD request to https://r/v2/x: 401 Unauthorized", Forbidden, ["docker login"]),
        ("failed to resolve source metadata for r/base:3: r/base:3: not found", Unavailable, ["--base"]),
        ("dial tcp 10.0.0.7:5000: connect: connection refused", Unavailable, ["reach"]),
    ],
)
def test_a_known_complaint_has_a_cause_and_a_next_step(line: str, kind: type[LabError], words: list[str]) -> None:
    """In at most five lines; the next step can be pasted."""
    fault = explain(["#1 DONE", line, "#2 canceled"], ACCESS, LOG)
    message = str(fault)
    assert type(fault) is kind
    assert all(word in message for word in words), message
    assert len(message.splitlines()) <= 5


def test_an_unknown_complaint_shows_the_last_lines_and_the_log() -> None:
    """That is enough to go on."""
    fault = explain(["#1 DONE 0.1s", "#7 1.25 cc1: something new", "", "ERROR: it broke", ""], ACCESS, LOG)
    assert fault.found.splitlines() == ["cc1: something new", "ERROR: it broke", "all of it: build.log"]
