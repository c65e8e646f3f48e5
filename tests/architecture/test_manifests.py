"""Whatever is rendered for a cluster keeps the rules, and each rule notices when it is broken."""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic_settings import BaseSettings

from lab.targets.kubernetes.objects import CONFIG_ANNOTATION, KubeObject, kube_object
from lab.targets.kubernetes.rendering.kustomization import components
from lab.targets.kubernetes.rendering.refusals import pinned_to_a_node, removed_components, unpinned
from lab.targets.kubernetes.rendering.render import render
from services.bootstrap.settings import BootstrapSettings
from services.ingest_api.settings import IngestSettings
from services.process_worker.settings import WorkerSettings
from services.query_api.settings import QuerySettings
from services.serving.settings import FAMILIES, LAB_ITSELF
from services.simulator.settings import SimulatorSettings
from services.telemetry.settings import TelemetrySettings
from tests.rendered.hygiene import label_findings, leaks, placement_findings, selector_findings
from tests.rendered.network import network_matrix
from tests.rendered.openapi import schema_findings
from tests.rendered.pods import pod_findings
from tests.rendered.samples import OUTSIDE, SAMPLES, planted, rendered

Change = Callable[[Any], object]
SETTINGS: Final[Mapping[str, type[BaseSettings]]] = {
    "ingest-api": IngestSettings,
    "process-worker": WorkerSettings,
    "query-api": QuerySettings,
    "simulator": SimulatorSettings,
}
PROGRAMS: Final[Mapping[str, type[BaseSettings]]] = {**SETTINGS, "bootstrap": BootstrapSettings}
STANDARD: Final = {f"OTEL_{name.upper()}" for name in TelemetrySettings.model_fields} | {
    name for name in dir(importlib.import_module("opentelemetry.sdk.environment_variables")) if name.isupper()
}
"""OpenTelemetry's own variables, as our settings and the SDK name them."""
LIBRARIES: Final = re.compile(r"MALLOC_[A-Z_]+")

every_sample = pytest.mark.parametrize("sample", SAMPLES)


def pod_of(body: Any) -> Any:
    """The pod in a Deployment's body, to change it."""
    return body["spec"]["template"]["spec"]


def first(body: Any) -> Any:
    """Its first container."""
    return pod_of(body)["containers"][0]


@every_sample
def test_pods_are_restricted_and_bounded(sample: str) -> None:
    """Pod Security `restricted`, a read-only root, no token, requests and limits: nothing is found."""
    assert pod_findings(rendered(sample)) == []


POD_FAULTS: Final[dict[str, Change]] = {
    "hostNetwork": lambda body: pod_of(body).update(hostNetwork=True),
    "mounts a token": lambda body: pod_of(body).pop("automountServiceAccountToken"),
    "has no identity": lambda body: pod_of(body).pop("serviceAccountName"),
    "is hostPath": lambda body: pod_of(body)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "may fill the node": lambda body: pod_of(body)["volumes"].append({"name": "x", "emptyDir": {}}),
    "privileged": lambda body: first(body)["securityContext"].update(privileged=True),
    "may gain privileges": lambda body: first(body)["securityContext"].pop("allowPrivilegeEscalation"),
    "keeps capabilities": lambda body: first(body)["securityContext"].pop("capabilities"),
    "adds capabilities": lambda body: first(body)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
    "may be root": lambda body: pod_of(body)["securityContext"].update(runAsNonRoot=False),
    "no seccomp profile": lambda body: pod_of(body)["securityContext"].pop("seccompProfile"),
    "host port": lambda body: first(body)["ports"][0].update(hostPort=7000),
    "writable root": lambda body: first(body)["securityContext"].pop("readOnlyRootFilesystem"),
    "no memory in limits": lambda body: first(body)["resources"].pop("limits"),
    "no cpu in requests": lambda body: first(body)["resources"]["requests"].pop("cpu"),
    "is throttled": lambda body: first(body)["resources"]["limits"].update(cpu=1),
}


@pytest.mark.parametrize("finding", POD_FAULTS)
def test_a_pod_that_may_too_much_is_found(finding: str) -> None:
    """Each planted fault is reported, at the object that has it."""
    found = pod_findings(planted("Deployment", "ingest-api-arm64", POD_FAULTS[finding]))
    assert found
    assert all(one.startswith("Deployment ingest-api-arm64") and finding in one for one in found), found


@every_sample
def test_nothing_is_rendered_that_has_failed_before(sample: str) -> None:
    """No image without a digest, no volume that pins a pod, no collector that would not start."""
    objects = rendered(sample)
    assert [*unpinned(objects), *pinned_to_a_node(objects), *removed_components(objects)] == []


def test_an_image_by_tag_is_found() -> None:
    """Also in a container that only runs first."""
    found = unpinned(
        planted(
            "Deployment", "query-api-amd64", lambda body: pod_of(body)["initContainers"][0].update(image="a:latest")
        )
    )
    assert list(found) == ["Deployment query-api-amd64: a:latest"]


def test_a_claim_is_found() -> None:
    """What pinned the pods of old."""
    claim = {"name": "sqlite", "persistentVolumeClaim": {"claimName": "sqlite-pvc"}}
    found = pinned_to_a_node(
        planted("Deployment", "query-api-arm64", lambda body: pod_of(body)["volumes"].append(claim))
    )
    assert list(found) == ["Deployment query-api-arm64: volume sqlite is persistentVolumeClaim"]


@every_sample
def test_labels_and_selectors_are_ours(sample: str) -> None:
    """Everything tells whose it is; a Service selects the name, a service's Deployment name and architecture."""
    objects = rendered(sample)
    assert label_findings(objects, "sample") == []
    assert selector_findings(objects) == []
    assert placement_findings(objects) == []


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("Service", "ingest-api", lambda body: body["spec"]["selector"].update({"app.kubernetes.io/arch": "amd64"})),
        ("Deployment", "ingest-api-amd64", lambda body: body["spec"]["selector"]["matchLabels"].update(stack="a")),
        ("Deployment", "ingest-api-amd64", lambda body: pod_of(body).pop("nodeSelector")),
        ("Deployment", "redis", lambda body: pod_of(body)["nodeSelector"].pop("kubernetes.io/arch")),
        ("ConfigMap", "lab-settings", lambda body: body["metadata"].pop("labels")),
    ],
)
def test_a_wrong_label_or_selector_is_found(kind: str, name: str, change: Change) -> None:
    """One finding, naming the object."""
    objects = planted(kind, name, change)
    found = label_findings(objects, "sample") + selector_findings(objects) + placement_findings(objects)
    assert len(found) == 1
    assert found[0].startswith(f"{kind} {name}")


def test_replicas_placement_and_settings_never_change_a_selector() -> None:
    """Selectors cannot be changed once applied."""
    selectors = {str(thing): thing.body["spec"]["selector"] for thing in rendered("k3s") if thing.kind == "Deployment"}
    moved = tuple(replace(one, replicas=3, node_selector={"nodetype": "vm"}) for one in OUTSIDE.workloads)
    changed = render(replace(OUTSIDE, workloads=moved, tolerations=(), settings={}, config_hash="other"))
    assert {str(thing): thing.body["spec"]["selector"] for thing in changed if thing.kind == "Deployment"} == selectors


COMMON: Final = """
    ingest-api → anybody:53      process-worker → anybody:53      query-api → anybody:53     simulator → anybody:53
    otel-collector → anybody:53  simulator → ingest-api:7000
    ingest-api → otel-collector:4317   process-worker → otel-collector:4317
    query-api → otel-collector:4317    simulator → otel-collector:4317
"""
STORE_OUTSIDE: Final = """
    ingest-api → 198.18.0.1/32:6379    process-worker → 198.18.0.1/32:6379   query-api → 198.18.0.1/32:6379
"""
PARTS_INSIDE: Final = """
    ingest-api → redis:6379            process-worker → redis:6379           query-api → redis:6379
    redis → anybody:53                 prometheus → anybody:53               otel-collector → prometheus:9090
"""
REMOTE_WRITE: Final = "otel-collector → 198.18.0.1/32:9090"
OPEN: Final = "anybody → ingest-api:7000  anybody → query-api:7000  anybody → otel-collector:8889"
GOLDEN: Final = {
    "k3s": COMMON + STORE_OUTSIDE + REMOTE_WRITE,
    "k3s-scraped": COMMON + STORE_OUTSIDE + OPEN,
    "k3s-inside": COMMON + PARTS_INSIDE,
    "rig": COMMON + STORE_OUTSIDE + REMOTE_WRITE,
    "rig-inside": COMMON + PARTS_INSIDE,
}


def pairs(table: str) -> set[str]:
    """The entries of a table."""
    return set(re.findall(r"\S+ → \S+", table))


@every_sample
def test_only_those_may_talk_that_have_to(sample: str) -> None:
    """Worked out from the policies: the matrix is the golden one, both ways."""
    assert network_matrix(rendered(sample)) == pairs(GOLDEN[sample])


@pytest.mark.parametrize(
    ("name", "change", "more"),
    [
        ("ingest", lambda body: body["spec"]["ingress"][0].pop("from"), "anybody → ingest-api:7000"),
        ("store", lambda body: body["spec"]["podSelector"].clear(), ""),
        ("default-deny", lambda body: body["spec"].update(policyTypes=["Egress"]), "anybody → simulator:7000"),
    ],
)
def test_a_policy_that_opens_more_is_found(name: str, change: Change, more: str) -> None:
    """The matrix is another one."""
    matrix = network_matrix(planted("NetworkPolicy", name, change, sample="k3s"))
    assert matrix > pairs(GOLDEN["k3s"])
    assert more in {*matrix, ""}


@every_sample
def test_no_secret_leaves_its_object(sample: str) -> None:
    """Neither a ConfigMap nor an argument nor an annotation holds what a Secret holds."""
    assert leaks(rendered(sample), SAMPLES[sample].secrets) == []


def test_a_secret_in_an_argument_is_found() -> None:
    """The object is named."""
    objects = planted("Deployment", "redis", lambda body: first(body)["args"].append("--requirepass planted-password"))
    assert leaks(objects, OUTSIDE.secrets) == ["Deployment redis"]


@every_sample
def test_every_variable_is_somebody_s_setting(sample: str) -> None:
    """A name in a manifest is a field of the settings of exactly the program it is given to."""
    assert [*unknown_variables(rendered(sample))] == []


@pytest.mark.parametrize("name", ["LAB_WORKER_COST_US", "LAB_BINDS", "OTEL_EXPORTER_OTLP_ENDPOINTS", "FOO"])
def test_a_variable_nobody_reads_is_found(name: str) -> None:
    """Also one that another service reads."""
    objects = planted("Deployment", "query-api-amd64", lambda body: first(body)["env"].append({"name": name}))
    assert [*unknown_variables(objects)] == [f"query-api: {name}"]


def test_a_setting_that_another_service_would_refuse_is_found() -> None:
    """All services read the same ConfigMap, and each refuses what it does not know."""
    objects = planted("ConfigMap", "lab-settings", lambda body: body["data"].update(LAB_BACKLOG="1"))
    assert [one.rpartition(" ")[2] for one in unknown_variables(objects)] == ["LAB_BACKLOG"]


def unknown_variables(objects: Sequence[KubeObject]) -> Iterator[str]:
    """Variables of containers that their program's settings do not have, and settings that no service has."""
    for thing in objects:
        service = thing.pod.get("serviceAccountName", "")
        for container in thing.containers() if service in SETTINGS else ():
            program = PROGRAMS["bootstrap" if container["name"] == "bootstrap" else service]
            given = container.get("env") or ()
            used = str([one.get("value") for one in given])
            known = variables(program) | {one["name"] for one in given if f"$({one['name']})" in used}
            yield from (f"{service}: {one['name']}" for one in given if not is_known(one["name"], known))
        if thing.kind == "ConfigMap" and thing.name.startswith("lab-settings"):
            of_any = set[str]().union(*(variables(one) for one in PROGRAMS.values()))
            # Every service is given them all: those of one have to begin with what the others let pass.
            passed = {name for name in of_any if name.startswith((*FAMILIES, *LAB_ITSELF))}
            known = passed | variables(SimulatorSettings)
            yield from (f"{thing}: {name}" for name in thing.body["data"] if not is_known(name, known))


def is_known(name: str, known: set[str]) -> bool:
    """Whether a name is one of these, or is read by a library."""
    return name in known or name in STANDARD or LIBRARIES.fullmatch(name) is not None


def variables(settings: type[BaseSettings]) -> set[str]:
    """Names in the environment of the fields of a settings class of ours."""
    return {f"LAB_{name.upper()}" for name in settings.model_fields}


@every_sample
def test_a_changed_configuration_rolls_the_pods(sample: str) -> None:
    """ConfigMaps are named after their content, and the pods of services carry the hash of the configuration."""
    for thing in rendered(sample):
        if thing.kind == "ConfigMap":
            assert re.fullmatch(r".*-[a-z0-9]{10}", thing.name)
        if thing.kind == "Deployment" and thing.pod["serviceAccountName"] in SETTINGS:
            assert thing.body["spec"]["template"]["metadata"]["annotations"] == {CONFIG_ANNOTATION: "0123456789ab"}


def test_rendering_is_deterministic() -> None:
    """The same request gives the same objects, so that a second `up` changes nothing."""
    assert render(OUTSIDE) == rendered("k3s")


def test_a_schema_finds_unknown_and_wrong_fields() -> None:
    """Judged by a part of a real document; the whole one comes from a running API server."""
    string, port = {"type": "string"}, {"type": "string", "format": "int-or-string"}
    document = {
        "definitions": {
            "Service": {
                "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Service"}],
                "properties": {
                    "apiVersion": string,
                    "kind": string,
                    "metadata": {},
                    "spec": {"$ref": "#/definitions/S"},
                },
            },
            "S": {"properties": {"port": port, "type": string}, "required": ["port"]},
        }
    }
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}}

    def found(spec: Any) -> list[str]:
        return schema_findings([kube_object(body | {"spec": spec})], document)

    assert found({"port": 7000}) == []
    assert "'prot' was unexpected" in found({"port": "grpc", "prot": 1})[0]
    assert "spec.type: 1 is not of type" in found({"port": 1, "type": 1})[0]
    assert "'port' is a required" in found({})[0]
    assert "no such kind" in schema_findings([kube_object(body | {"kind": "Sevenfold"})], document)[0]


def test_every_folder_of_manifests_is_used_by_a_sample() -> None:
    """What nobody renders, nobody checks."""
    folder = Path(__file__).parents[2] / "manifests"
    assert {path.name for path in (folder / "overlays").iterdir()} == {one.overlay for one in SAMPLES.values()}
    used = {name for one in SAMPLES.values() for name in components(one)}
    assert {path.name for path in (folder / "components").iterdir()} == used
