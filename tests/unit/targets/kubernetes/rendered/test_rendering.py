"""A request becomes exactly the objects that it describes; a request that makes no sense is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.errors import BadConfig, Exists, LabError, UsageFault
from lab.systems.services import SERVICES
from lab.targets.kubernetes.objects import APPLY_ORDER, KubeObject
from lab.targets.kubernetes.rendering.files import write_rendered
from lab.targets.kubernetes.rendering.render import render
from lab.targets.kubernetes.rendering.request import RenderRequest, Workload
from tests.rendered.samples import EVERYWHERE, OUTSIDE, REGISTRY, SAMPLES, image, rendered, workload


def named(objects: tuple[KubeObject, ...], kind: str, name: str) -> Any:
    """Return the body of an object; *name* may be the beginning of its name."""
    return next(dict(item.body) for item in objects if item.kind == kind and item.name.startswith(name))


def names(objects: tuple[KubeObject, ...], kind: str) -> set[str]:
    """Return the names of the objects of a kind."""
    return {item.name for item in objects if item.kind == kind}


def test_each_architecture_gets_its_own_digest() -> None:
    """For every container of a Deployment, init containers included."""
    for service in SERVICES:
        for architecture in ("amd64", "arm64"):
            deployment = next(item for item in rendered("k3s") if item.name == f"{service}-{architecture}")
            assert {container["image"] for container in deployment.containers()} == {image(service, architecture)}
            assert deployment.pod["nodeSelector"] == {"kubernetes.io/arch": architecture, "nodetype": "board"}


def test_a_workload_that_is_not_wanted_is_not_rendered() -> None:
    """All other workloads are."""
    fewer = tuple(workload for workload in OUTSIDE.workloads if workload.deployment != "simulator-arm64")
    deployments = names(render(replace(OUTSIDE, workloads=fewer)), "Deployment")
    assert names(rendered("k3s"), "Deployment") - deployments == {"simulator-arm64"}


def test_replicas_and_placement_are_those_of_the_request() -> None:
    """Replicas change one Deployment alone; a label of nodes stands beside the architecture."""
    many = replace(workload("process-worker", "arm64"), replicas=3)
    workloads = tuple(many if item.deployment == many.deployment else item for item in OUTSIDE.workloads)
    objects = render(replace(OUTSIDE, workloads=workloads, node_selector={"nodetype": "jetson"}))
    assert named(objects, "Deployment", "process-worker-arm64")["spec"]["replicas"] == 3
    assert named(objects, "Deployment", "process-worker-amd64")["spec"]["replicas"] == 1
    selector = named(objects, "Deployment", "process-worker-arm64")["spec"]["template"]["spec"]["nodeSelector"]
    assert selector == {"kubernetes.io/arch": "arm64", "nodetype": "jetson"}


def test_a_single_replica_has_no_budget() -> None:
    """A budget for one pod would only block a drain."""
    assert names(rendered("k3s"), "PodDisruptionBudget") == set(SERVICES)
    single = tuple(item for item in EVERYWHERE if item.architecture == "amd64")
    objects = render(replace(OUTSIDE, workloads=(*single, workload("otel-collector"))))
    assert names(objects, "PodDisruptionBudget") == set()


def test_settings_addresses_and_files_reach_the_services() -> None:
    """The password's file is named only where there is a password."""
    settings = named(rendered("k3s"), "ConfigMap", "lab-settings")["data"]
    assert settings["LAB_REDIS_URL"] == "redis://198.18.0.1:6379/0"
    assert settings["LAB_REDIS_PASSWORD_FILE"] == "/etc/lab/store/password"
    assert settings["LAB_WORKER_COST_US"] == "5"
    plain = named(render(replace(OUTSIDE, secrets={})), "ConfigMap", "lab-settings")["data"]
    assert "LAB_REDIS_PASSWORD_FILE" not in plain


def test_parts_inside_the_cluster_are_used() -> None:
    """Store and Prometheus by their Services' names."""
    objects = rendered("k3s-inside")
    assert named(objects, "ConfigMap", "lab-settings")["data"]["LAB_REDIS_URL"] == "redis://redis:6379/0"
    target = named(objects, "ConfigMap", "otel-collector-target")["data"]
    assert target == {"PROMETHEUS_REMOTE_WRITE_URL": "http://prometheus:9090/api/v1/write"}
    assert {"redis", "prometheus"} <= names(objects, "Deployment")


def test_a_store_with_a_name_may_be_at_any_address() -> None:
    """On its own port alone: a policy knows no names."""
    policy = named(render(replace(OUTSIDE, redis_url="rediss://store.example:6390/0")), "NetworkPolicy", "store")
    assert policy["spec"]["egress"] == [{"ports": [{"protocol": "TCP", "port": 6390}]}]


def test_a_pull_secret_is_every_account_s() -> None:
    """Whichever pod pulls."""
    accounts = [item.body for item in rendered("k3s-scraped") if item.kind == "ServiceAccount"]
    assert all(account["imagePullSecrets"] == [{"name": "lab-registry"}] for account in accounts)


def test_the_namespace_is_that_of_the_request() -> None:
    """For every object, and for the namespace itself."""
    objects = render(replace(OUTSIDE, namespace="elsewhere"))
    assert {item.namespace for item in objects if item.kind != "Namespace"} == {"elsewhere"}
    assert names(objects, "Namespace") == {"elsewhere"}


def test_what_is_needed_is_applied_first() -> None:
    """Kinds in their order; the store's Deployment before those that use it."""
    objects = rendered("k3s-inside")
    kinds = [APPLY_ORDER.index(item.kind) for item in objects]
    assert kinds == sorted(kinds)
    deployments = [item.name for item in objects if item.kind == "Deployment"]
    assert set(deployments[:3]) == {"redis", "prometheus", "otel-collector"}


def unpinned(workloads: tuple[Workload, ...]) -> tuple[Workload, ...]:
    """Return the workloads with a tag in place of the first digest."""
    return (replace(workloads[0], image=f"{REGISTRY}/ingest-api:latest"), *workloads[1:])


@pytest.mark.parametrize(
    ("request_", "error", "reason", "words"),
    [
        (replace(OUTSIDE, workloads=unpinned(OUTSIDE.workloads)), BadConfig, "E_NOT_PINNED", "ingest-api:latest"),
        (replace(OUTSIDE, redis_url=""), BadConfig, "BAD_CONFIG", "LAB_REDIS_URL"),
        (replace(OUTSIDE, redis_url="redis://:geheim@h/0"), BadConfig, "BAD_CONFIG", "password"),
        (replace(SAMPLES["k3s-inside"], redis_url="redis://h/0"), BadConfig, "BAD_CONFIG", "two servers of redis"),
        (
            replace(SAMPLES["k3s-inside"], remote_write_url="http://h"),
            BadConfig,
            "BAD_CONFIG",
            "two servers of prometheus",
        ),
        (replace(OUTSIDE, overlay="k8s"), BadConfig, "BAD_CONFIG", "k3s, rig"),
        (replace(OUTSIDE, workloads=EVERYWHERE), UsageFault, "BAD_USAGE", "missing: otel-collector"),
        (replace(OUTSIDE, workloads=OUTSIDE.workloads * 2), UsageFault, "BAD_USAGE", "duplicate: "),
    ],
)
def test_what_makes_no_sense_is_refused(
    request_: RenderRequest, error: type[LabError], reason: str, words: str
) -> None:
    """With the reason, what was found, and never more than five lines; a password is not repeated."""
    with pytest.raises(error) as refused:
        render(request_)
    assert refused.value.reason == reason
    assert words in str(refused.value)
    assert "geheim" not in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 5


def test_rendered_files_can_be_read_and_hold_no_secret(tmp_path: Path) -> None:
    """One file an object, in the order of applying; Secrets stay out."""
    objects = rendered("k3s")
    paths = write_rendered(objects, tmp_path / "out")
    read = [yaml.safe_load(path.read_text()) for path in paths]
    assert read == [item.body for item in objects if item.kind != "Secret"]
    assert [path.name for path in paths] == sorted(path.name for path in paths)
    assert not any("planted" in path.read_text() for path in paths)
    with pytest.raises(Exists):
        write_rendered(objects, tmp_path / "out")


def test_a_request_does_not_show_its_secrets() -> None:
    """Not even in an error's traceback."""
    assert "planted" not in repr(OUTSIDE)
