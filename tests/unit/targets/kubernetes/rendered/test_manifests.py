"""Everything that is rendered for a cluster keeps the rules, and every rule finds a planted fault."""

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
from lab.targets.kubernetes.rendering.never_applied import pinned_to_a_node, removed_components, unpinned
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
"""Variables of OpenTelemetry, as our settings and the SDK name them."""
LIBRARIES: Final = re.compile(r"MALLOC_[A-Z_]+")

every_sample = pytest.mark.parametrize("sample", SAMPLES)


def pod_of(body: Any) -> Any:
    """Return the pod in a Deployment's body, to change it."""
    return body["spec"]["template"]["spec"]


def first(body: Any) -> Any:
    """Return the first container of that pod."""
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
def test_a_pod_that_may_do_too_much_is_found(finding: str) -> None:
    """Each planted fault is reported, with the object that has it."""
    findings = pod_findings(planted("Deployment", "ingest-api-arm64", POD_FAULTS[finding]))
    assert findings
    assert all(text.startswith("Deployment ingest-api-arm64") and finding in text for text in findings), findings


@every_sample
def test_nothing_is_rendered_that_is_known_to_fail(sample: str) -> None:
    """No image without a digest, no volume that pins a pod, no collector that would not start."""
    objects = rendered(sample)
    assert [*unpinned(objects), *pinned_to_a_node(objects), *removed_components(objects)] == []


def test_an_image_by_tag_is_found() -> None:
    """Also in an init container."""
    findings = unpinned(
        planted(
            "Deployment", "query-api-amd64", lambda body: pod_of(body)["initContainers"][0].update(image="a:latest")
        )
    )
    assert list(findings) == ["Deployment query-api-amd64: a:latest"]


def test_a_volume_claim_is_found() -> None:
    """A claim pins its pod to a node."""
    claim = {"name": "sqlite", "persistentVolumeClaim": {"claimName": "sqlite-pvc"}}
    findings = pinned_to_a_node(
        planted("Deployment", "query-api-arm64", lambda body: pod_of(body)["volumes"].append(claim))
    )
    assert list(findings) == ["Deployment query-api-arm64: volume sqlite is persistentVolumeClaim"]


@every_sample
def test_labels_and_selectors_are_ours(sample: str) -> None:
    """Every object names its manager and its stack; selectors select name, or name and architecture."""
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
    findings = label_findings(objects, "sample") + selector_findings(objects) + placement_findings(objects)
    assert len(findings) == 1
    assert findings[0].startswith(f"{kind} {name}")


def test_replicas_placement_and_settings_never_change_a_selector() -> None:
    """Kubernetes refuses another selector for a Deployment that is there."""
    workloads = tuple(replace(workload, replicas=3) for workload in OUTSIDE.workloads)
    placed = replace(OUTSIDE, workloads=workloads, node_selector={"nodetype": "vm"}, tolerations=())
    changed = render(replace(placed, settings={}, config_hash="other"))
    assert selectors_of(changed) == selectors_of(rendered("k3s"))


def selectors_of(objects: Sequence[KubeObject]) -> dict[str, Any]:
    """Return Deployment → selector."""
    return {str(item): item.body["spec"]["selector"] for item in objects if item.kind == "Deployment"}


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
    """Return the entries of a table."""
    return set(re.findall(r"\S+ → \S+", table))


@every_sample
def test_pods_may_connect_only_where_they_have_to(sample: str) -> None:
    """The matrix that the policies give is the golden one, in both directions."""
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
    """The matrix then has more entries."""
    matrix = network_matrix(planted("NetworkPolicy", name, change, sample="k3s"))
    assert matrix > pairs(GOLDEN["k3s"])
    assert more in {*matrix, ""}


@every_sample
def test_no_secret_leaves_its_object(sample: str) -> None:
    """Neither a ConfigMap nor an argument nor an annotation contains a value of a Secret."""
    assert leaks(rendered(sample), SAMPLES[sample].secrets) == []


def test_a_secret_in_an_argument_is_found() -> None:
    """The object is named."""
    objects = planted("Deployment", "redis", lambda body: first(body)["args"].append("--requirepass planted-password"))
    assert leaks(objects, OUTSIDE.secrets) == ["Deployment redis"]


@every_sample
def test_every_variable_is_a_setting(sample: str) -> None:
    """Of exactly the program that the manifest gives it to."""
    assert [*unknown_variables(rendered(sample))] == []


@pytest.mark.parametrize("name", ["LAB_WORKER_COST_US", "LAB_BINDS", "OTEL_EXPORTER_OTLP_ENDPOINTS", "FOO"])
def test_a_variable_that_its_program_does_not_read_is_found(name: str) -> None:
    """Also where another service reads it."""
    objects = planted("Deployment", "query-api-amd64", lambda body: first(body)["env"].append({"name": name}))
    assert [*unknown_variables(objects)] == [f"query-api: {name}"]


def test_a_setting_that_another_service_would_refuse_is_found() -> None:
    """All services read the same ConfigMap, and each refuses what it does not know."""
    objects = planted("ConfigMap", "lab-settings", lambda body: body["data"].update(LAB_BACKLOG="1"))
    assert [finding.rpartition(" ")[2] for finding in unknown_variables(objects)] == ["LAB_BACKLOG"]


def unknown_variables(objects: Sequence[KubeObject]) -> Iterator[str]:
    """Yield variables of containers that their program does not read, and settings that a service would refuse."""
    for item in objects:
        service = item.pod.get("serviceAccountName", "")
        for container in item.containers() if service in SETTINGS else ():
            program = PROGRAMS["bootstrap" if container["name"] == "bootstrap" else service]
            environment = container.get("env") or ()
            values = str([variable.get("value") for variable in environment])
            names = [variable["name"] for variable in environment]
            known = variables(program) | {name for name in names if f"$({name})" in values}
            yield from (f"{service}: {name}" for name in names if not is_known(name, known))
        if item.kind == "ConfigMap" and item.name.startswith("lab-settings"):
            of_any = set[str]().union(*(variables(settings) for settings in PROGRAMS.values()))
            # Every service reads all of them, and accepts those of other services by their prefixes.
            accepted = {name for name in of_any if name.startswith((*FAMILIES, *LAB_ITSELF))}
            known = accepted | variables(SimulatorSettings)
            yield from (f"{item}: {name}" for name in item.body["data"] if not is_known(name, known))


def is_known(name: str, known: set[str]) -> bool:
    """Return whether a name is among these, or is read by a library."""
    return name in known or name in STANDARD or LIBRARIES.fullmatch(name) is not None


def variables(settings: type[BaseSettings]) -> set[str]:
    """Return the environment names of the fields of a settings class."""
    return {f"LAB_{name.upper()}" for name in settings.model_fields}


@every_sample
def test_a_changed_configuration_rolls_the_pods(sample: str) -> None:
    """Names of ConfigMaps end with a hash of their content; pods of services carry the hash of the configuration."""
    for item in rendered(sample):
        if item.kind == "ConfigMap":
            assert re.fullmatch(r".*-[a-z0-9]{10}", item.name)
        if item.kind == "Deployment" and item.pod["serviceAccountName"] in SETTINGS:
            assert item.body["spec"]["template"]["metadata"]["annotations"] == {CONFIG_ANNOTATION: "0123456789ab"}


def test_rendering_is_deterministic() -> None:
    """The same request gives the same objects, so that a second `up` changes nothing."""
    assert render(OUTSIDE) == rendered("k3s")


def test_a_schema_finds_unknown_and_wrong_fields() -> None:
    """By a part of a real document; the whole document comes from a running API server."""
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

    def findings(spec: Any) -> list[str]:
        return schema_findings([kube_object(body | {"spec": spec})], document)

    assert findings({"port": 7000}) == []
    assert "'prot' was unexpected" in findings({"port": "grpc", "prot": 1})[0]
    assert "spec.type: 1 is not of type" in findings({"port": 1, "type": 1})[0]
    assert "'port' is a required" in findings({})[0]
    assert "no such kind" in schema_findings([kube_object(body | {"kind": "Sevenfold"})], document)[0]


def test_every_folder_of_manifests_is_used_by_a_sample() -> None:
    """A folder that no sample renders would not be checked."""
    folder = Path(__file__).parents[5] / "manifests"
    assert {path.name for path in (folder / "overlays").iterdir()} == {request.overlay for request in SAMPLES.values()}
    used = {name for request in SAMPLES.values() for name in components(request)}
    assert {path.name for path in (folder / "components").iterdir()} == used
