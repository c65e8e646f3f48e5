"""Every setting has its effect on the objects that are applied. No cluster is asked."""

import functools
import itertools
import json
import re
import shutil
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import BadConfig
from lab.settings import LabSettings
from lab.systems.services import SERVICES
from lab.targets.kubernetes.credentials.certificates import Certificates
from lab.targets.kubernetes.credentials.credentials import Credentials
from lab.targets.kubernetes.objects import CONFIG_ANNOTATION, KubeObject
from lab.targets.kubernetes.rendering.from_settings import StackInputs, request_of, secrets_of
from lab.targets.kubernetes.rendering.manifests import manifests_folder
from lab.targets.kubernetes.rendering.render import render
from lab.targets.kubernetes.secret_names import SECRET_NAMES
from services.contracts.store_keys import NAMESPACE_VARIABLE
from services.contracts.store_users import BOOTSTRAP, USERS
from services.contracts.store_users import SERVICES as STORE_SERVICES
from tests.rendered.samples import ARCHITECTURES, image

CREDENTIALS = Credentials(Certificates(b"ca", b"certificate", b"key"), "token", "generated")
INPUTS = StackInputs(
    {(service, architecture): image(service, architecture) for service in SERVICES for architecture in ARCHITECTURES},
    CREDENTIALS,
)
OUTSIDE = {
    "redis_url": "redis://198.18.0.1:6379/0",
    "prometheus_url": "http://198.18.0.1:9090/",
    "collector_image": image("otel-collector", "amd64"),
}
INSIDE = {
    "collector_image": image("otel-collector", "amd64"),
    "redis_image": image("redis", "amd64"),
    "prometheus_image": image("prometheus", "amd64"),
}
SET = {"LAB_WORKER_COST_US": "5", "LAB_LOG_LEVEL": "INFO"}
ALL_SERVICES = {f"{service}-{architecture}" for service in SERVICES for architecture in ARCHITECTURES}


def objects(
    settings: Mapping[str, object], inputs: StackInputs = INPUTS, *, manifests: Path | None = None
) -> dict[str, Any]:
    """Return `Kind/name` → body of what is applied; names of ConfigMaps are without the hash at their end."""
    request = request_of(LabSettings.model_validate(settings), inputs)
    rendered: tuple[KubeObject, ...] = render(request, manifests=manifests)
    return {
        f"{item.kind}/{item.name.rpartition('-')[0] if item.kind == 'ConfigMap' else item.name}": item.body
        for item in rendered
    }


def template(bodies: Mapping[str, Any], deployment: str) -> Any:
    """Return the pod template of a Deployment."""
    return bodies[f"Deployment/{deployment}"]["spec"]["template"]


def test_placement_reaches_every_pod() -> None:
    """Labels of nodes, and taints that do not keep pods away."""
    bodies = objects({**OUTSIDE, "node_selector": "nodetype=board,zone=a", "tolerations": "board=small:NoSchedule,old"})
    for name in (*(f"{service}-arm64" for service in SERVICES), "otel-collector"):
        spec = template(bodies, name)["spec"]
        assert spec["nodeSelector"].items() >= {"nodetype": "board", "zone": "a"}.items()
        assert spec["tolerations"] == [
            {"key": "board", "operator": "Equal", "value": "small", "effect": "NoSchedule"},
            {"key": "old", "operator": "Exists"},
        ]


@pytest.mark.parametrize("settings", [INSIDE, OUTSIDE], ids=["inside", "outside"])
def test_every_secret_has_a_name_by_which_it_is_removed(settings: Mapping[str, object]) -> None:
    """`lab down` may not list Secrets. A Secret that is not needed now may be needed with other settings."""
    assert set(secrets_of(LabSettings.model_validate(settings), INPUTS)) == set(SECRET_NAMES)
    rendered = {name for name in objects(settings, replace(INPUTS, pull_secret="{}")) if name.startswith("Secret/")}
    assert rendered <= {f"Secret/{name}" for name in SECRET_NAMES}


def test_a_registry_with_a_user_gets_a_pull_secret() -> None:
    """Of the type that kubelets read, named by every account."""
    login = json.dumps({"auths": {"registry.example:5000": {"auth": "dXNlcjpzZWNyZXQ="}}})
    bodies = objects(OUTSIDE, replace(INPUTS, pull_secret=login))
    assert bodies["Secret/lab-registry"]["type"] == "kubernetes.io/dockerconfigjson"
    assert list(bodies["Secret/lab-registry"]["data"]) == [".dockerconfigjson"]
    accounts = [body for name, body in bodies.items() if name.startswith("ServiceAccount/")]
    assert len(accounts) >= len(SERVICES)
    assert all(account["imagePullSecrets"] == [{"name": "lab-registry"}] for account in accounts)
    assert "Secret/lab-registry" not in objects(OUTSIDE)
    assert "secret" not in repr(replace(INPUTS, pull_secret="secret"))


@pytest.mark.parametrize(
    ("settings", "grace_s"),
    [
        ({}, 20),
        ({"LAB_DRAIN_SECONDS": "5"}, 20),
        ({"LAB_DRAIN_SECONDS": "0"}, 15),
        ({"LAB_DRAIN_SECONDS": "60"}, 75),
    ],
)
def test_the_grace_period_of_a_pod_follows_the_drain_of_its_service(settings: Mapping[str, str], grace_s: int) -> None:
    """With time for callers to notice, for the service's shutdown, and a margin. Other pods keep their own."""
    bodies = objects(INSIDE, replace(INPUTS, service_settings=settings))
    for service, architecture in itertools.product(SERVICES, ARCHITECTURES):
        assert template(bodies, f"{service}-{architecture}")["spec"]["terminationGracePeriodSeconds"] == grace_s
    for part, own_s in (("otel-collector", 15), ("redis", 20), ("prometheus", 20)):
        assert template(bodies, part)["spec"]["terminationGracePeriodSeconds"] == own_s


def test_ports_of_nodes_are_opened_only_when_wanted() -> None:
    """For ingest-api and query-api."""
    assert objects({**OUTSIDE, "node_ports": True}).keys() - objects(OUTSIDE).keys() == {
        "Service/ingest-api-node-port",
        "Service/query-api-node-port",
        "NetworkPolicy/node-ports",
    }


def test_the_store_s_password_and_ca_are_files_of_the_services(tmp_path: Path) -> None:
    """In one Secret; settings of the services name the files."""
    (tmp_path / "password").write_text("open sesame\n")
    (tmp_path / "ca.crt").write_text("a certificate\n")
    files = {"redis_password_file": tmp_path / "password", "redis_ca_file": tmp_path / "ca.crt"}
    bodies = objects({**OUTSIDE, "redis_url": "rediss://store.example:6380/0", **files})
    assert set(bodies["Secret/lab-store"]["data"]) == {"password", "ca.crt"}
    settings = bodies["ConfigMap/lab-settings"]["data"]
    assert settings["LAB_REDIS_CA_FILE"] == "/etc/lab/store/ca.crt"
    assert settings["LAB_REDIS_PASSWORD_FILE"] == "/etc/lab/store/password"


def test_prometheus_authorization_and_ca_are_the_collector_s(tmp_path: Path) -> None:
    """In one Secret, whose change starts the collector again, and nothing else."""
    (tmp_path / "authorization").write_text("Bearer abc\n")
    (tmp_path / "ca.crt").write_text("a certificate\n")
    settings = {
        **OUTSIDE,
        "prometheus_url": "https://prometheus.example",
        "prometheus_authorization_file": tmp_path / "authorization",
        "prometheus_ca_file": tmp_path / "ca.crt",
    }
    before = objects(settings)
    assert set(before["Secret/lab-prometheus"]["data"]) == {"authorization", "ca.crt"}
    assert before["Secret/lab-prometheus"]["data"]["authorization"] == "QmVhcmVyIGFiYw=="
    target = before["ConfigMap/otel-collector-target"]["data"]
    assert target["PROMETHEUS_CA_FILE"] == "/etc/lab/prometheus/ca.crt"
    assert target["PROMETHEUS_REMOTE_WRITE_URL"] == "https://prometheus.example/api/v1/write"
    (tmp_path / "authorization").write_text("Bearer another\n")
    after = objects(settings)
    changed = [name for name in before if name.startswith("Deployment/") and before[name] != after[name]]
    assert changed == ["Deployment/otel-collector"]


@functools.cache
def usual() -> dict[str, Any]:
    """Return what is applied with some settings of services; rendered once."""
    return objects(INSIDE, replace(INPUTS, service_settings=SET))


def templates(bodies: Mapping[str, Any]) -> dict[str, Any]:
    """Return Deployment → pod template."""
    deployments = {name.removeprefix("Deployment/"): body for name, body in bodies.items() if "Deployment/" in name}
    return {name: body["spec"]["template"] for name, body in deployments.items()}


def started_again(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return the Deployments that stay and whose pods are replaced."""
    old, new = templates(before), templates(after)
    return {name for name in old.keys() & new.keys() if old[name] != new[name]}


def hashes(bodies: Mapping[str, Any]) -> set[str]:
    """Return the hashes that the pods of services are annotated with."""
    return {templates(bodies)[name]["metadata"]["annotations"][CONFIG_ANNOTATION] for name in ALL_SERVICES}


@pytest.mark.parametrize(
    "inputs",
    [
        replace(INPUTS, service_settings={**SET, "LAB_WORKER_COST_US": "6"}),
        replace(INPUTS, service_settings=SET, credentials=replace(CREDENTIALS, token="another")),
    ],
    ids=["setting", "token"],
)
def test_services_start_again_when_what_they_read_changes(inputs: StackInputs) -> None:
    """All of them, by an annotation, since a Secret keeps its name. Nothing else starts again."""
    before, after = usual(), objects(INSIDE, inputs)
    assert (len(hashes(before)), len(hashes(after))) == (1, 1)
    assert hashes(before) != hashes(after)
    assert started_again(before, after) == ALL_SERVICES


def test_nothing_starts_again_when_what_no_pod_reads_changes() -> None:
    """The pull secret is named by the account, not by the pod; the order of settings does not matter."""
    inputs = replace(INPUTS, service_settings=dict(reversed(SET.items())), pull_secret="{}")
    assert started_again(usual(), objects({**INSIDE, "replicas": 2, "node_ports": True}, inputs)) == set()


def test_the_hash_changes_only_with_what_services_read(tmp_path: Path) -> None:
    """That is: their settings, the store and its password, their credentials."""
    password, authorization = tmp_path / "password", tmp_path / "authorization"
    password.write_text("open sesame")
    authorization.write_text("Bearer abc")

    def hash_of(inputs: StackInputs = INPUTS, **settings: object) -> str:
        return request_of(LabSettings.model_validate({**OUTSIDE, **settings}), inputs).config_hash

    usual_hash = hash_of()
    changed = [
        hash_of(replace(INPUTS, service_settings=SET)),
        hash_of(replace(INPUTS, service_settings={**SET, "LAB_LOG_LEVEL": "DEBUG"})),
        hash_of(replace(INPUTS, credentials=replace(CREDENTIALS, token="another"))),
        hash_of(redis_url="redis://198.18.0.1:6379/1"),
        hash_of(redis_password_file=password),
    ]
    assert len({usual_hash, *changed}) == 1 + len(changed)
    assert hash_of(prometheus_url="http://198.18.0.2:9090", prometheus_authorization_file=authorization) == usual_hash
    assert hash_of(replace(INPUTS, pull_secret="{}"), replicas=2, node_selector="a=b") == usual_hash


@pytest.mark.parametrize(
    "changed",
    [
        {"prometheus_url": "http://198.18.0.2:9090"},
        {"remote_write_url": "none"},
    ],
    ids=["server", "scraped"],
)
def test_only_the_collector_starts_again_when_its_target_changes(changed: Mapping[str, object]) -> None:
    """The services know only the collector."""
    assert started_again(objects(OUTSIDE), objects({**OUTSIDE, **changed})) == {"otel-collector"}


@pytest.mark.parametrize(
    ("file", "settings"),
    [("base", {}), ("components/scraped", {"remote_write_url": "none"})],
    ids=["writes", "scraped"],
)
def test_only_the_collector_starts_again_when_its_pipelines_change(
    file: str, settings: Mapping[str, object], tmp_path: Path
) -> None:
    """By the name of its ConfigMap, which ends with a hash of the content."""
    before, edited = objects({**OUTSIDE, **settings}), tmp_path / "manifests"
    shutil.copytree(manifests_folder(), edited)
    with (edited / file / "collector-config.yaml").open("a") as text:
        text.write("# edited\n")
    after = objects({**OUTSIDE, **settings}, manifests=edited)
    assert started_again(before, after) == {"otel-collector"}


def test_store_and_metrics_server_run_inside_where_no_url_is_given() -> None:
    """With a password of this stack's own, and on the first architecture; a URL wins over an image."""
    bodies = objects(INSIDE)
    assert set(bodies["Secret/lab-store"]["data"]) == {"users.acl", *USERS}
    assert template(bodies, "redis")["metadata"]["annotations"][CONFIG_ANNOTATION]
    assert template(bodies, "prometheus")["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    outside = objects({**INSIDE, **OUTSIDE})
    assert not {"Deployment/redis", "Deployment/prometheus", "Secret/lab-store"} & outside.keys()


@pytest.mark.parametrize(("service_settings", "prefix"), [({}, "{lab:lab}:"), ({NAMESPACE_VARIABLE: "b"}, "{lab:b}:")])
def test_users_of_a_store_inside_may_use_the_keys_of_the_services(
    service_settings: Mapping[str, str], prefix: str
) -> None:
    """Also where the services are given another namespace; the store starts again with its new users."""
    bodies = objects(INSIDE, replace(INPUTS, service_settings=service_settings))
    users = b64decode(bodies["Secret/lab-store"]["data"]["users.acl"]).decode()
    assert set(re.findall(r"~(\{.*?\}:)", users)) == {prefix}
    starts_again = started_again(objects(INSIDE), bodies)
    assert ("redis" in starts_again) is bool(service_settings)


def test_a_container_sees_the_password_of_its_own_user_alone() -> None:
    """Of a store inside: bootstrap, service and store mount different keys of one Secret at the same place."""
    bodies = objects(INSIDE)
    for service in STORE_SERVICES:
        pod = next(body for name, body in bodies.items() if name.startswith(f"Deployment/{service}"))["spec"]
        for kind, user in (("initContainers", BOOTSTRAP), ("containers", service)):
            container = pod["template"]["spec"][kind][0]
            assert {"name": "LAB_REDIS_USER", "value": user} in container["env"]
            assert keys_at("/etc/lab/store", pod["template"]["spec"], container) == {user: "password"}
    redis = template(bodies, "redis")["spec"]
    assert keys_at("/etc/lab/store", redis, redis["containers"][0]) == {"users.acl": "users.acl", "admin": "password"}


def keys_at(folder: str, pod: Any, container: Any) -> dict[str, str]:
    """Return key of a Secret → file, of the Secret that a container mounts at a folder."""
    [mount] = [mount for mount in container["volumeMounts"] if mount["mountPath"] == folder]
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == mount["name"]]
    return {item["key"]: item["path"] for item in volume["secret"]["items"]}


def test_a_prometheus_may_scrape_the_collector() -> None:
    """Where the collector must not write to Prometheus."""
    assert "Service/otel-collector-metrics" in objects({**OUTSIDE, "remote_write_url": "none"})
    assert "Service/otel-collector-metrics" not in objects(OUTSIDE)


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"collector_image": ""}, "E_NOT_PINNED", "collector_image is not pinned"),
        ({"collector_image": "registry.example/otelcol:latest"}, "E_NOT_PINNED", "registry.example/otelcol:latest"),
        ({"redis_url": "", "redis_image": "redis:7"}, "E_NOT_PINNED", "redis_image is not pinned"),
        ({"redis_url": ""}, "BAD_CONFIG", "redis_image (inside)"),
        ({"prometheus_url": ""}, "BAD_CONFIG", "prometheus_image (inside)"),
        ({"prometheus_url": "", "remote_write_url": "http://h/api/v1/write"}, "BAD_CONFIG", "no prometheus"),
        ({"redis_ca_file": "/nothing/ca.crt"}, "BAD_CONFIG", "/nothing/ca.crt"),
    ],
)
def test_what_cannot_work_is_refused(changed: dict[str, object], reason: str, words: str) -> None:
    """In at most five lines, with the setting's name or value."""
    with pytest.raises(BadConfig) as refused:
        objects({**OUTSIDE, **changed})
    assert refused.value.reason == reason
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 5


@pytest.mark.parametrize(
    "wrong",
    [{"tolerations": "board:Sometimes"}, {"node_selector": "nodetype"}, {"architectures": "arm"}],
)
def test_a_text_that_cannot_be_parsed_is_no_setting(wrong: dict[str, str]) -> None:
    """It is refused where settings are read, with its place."""
    with pytest.raises(ValueError, match="should match pattern"):
        LabSettings.model_validate(wrong)
