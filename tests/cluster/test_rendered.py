"""Rendered objects are accepted by the schema of a real API server, and by a collector."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from lab.errors import BadConfig
from lab.targets.kubernetes.rendering.collector import validate_collector
from tests.cluster.rig.certificates import LAB_USER, Certificates
from tests.cluster.rig.commands import run
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.kubectl import PROGRAM, Kubectl
from tests.cluster.rights import granted
from tests.rendered.openapi import Document, schema_findings
from tests.rendered.rights import GOLDEN
from tests.rendered.samples import SAMPLES, planted, rendered

NAMESPACE: Final = "rendered-tests"
ROW: Final = re.compile(r"(\S*) +\[(.*?)\] +\[(.*?)\] +\[(.*?)\]")
"""A row of `kubectl auth can-i --list`: resource, other addresses, names, verbs."""
EVERYBODY: Final = {
    "selfsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectreviews.authentication.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io",
}
"""Every user who has logged in has these rights."""
OLD: Final = ("  debug: {verbosity: basic}", "  logging: {}")

every_sample = pytest.mark.parametrize("sample", SAMPLES)


@pytest.fixture(scope="module")
def schema(kubectl: Kubectl) -> Document:
    """Return the schema that the API server publishes."""
    document: Document = json.loads(kubectl("get", "--raw=/openapi/v2"))
    return document


@every_sample
def test_objects_are_what_the_api_server_publishes(sample: str, schema: Document) -> None:
    """Every field is known and has the right type."""
    assert schema_findings(rendered(sample), schema) == []


def first(body: Any) -> Any:
    """Return the first container of a Deployment, to change it."""
    return body["spec"]["template"]["spec"]["containers"][0]


FAULTS: Final[dict[str, tuple[str, str, Callable[[Any], object]]]] = {
    "'replica' was unexpected": ("Deployment", "ingest-api-arm64", lambda body: body["spec"].update(replica=1)),
    "'two' is not of type 'integer'": (
        "Deployment",
        "query-api-amd64",
        lambda body: body["spec"].update(replicas="two"),
    ),
    "'limit' was unexpected": ("Deployment", "redis", lambda body: first(body)["resources"].update(limit={})),
    "7000 is not of type 'string'": ("ConfigMap", "lab-settings", lambda body: body["data"].update(LAB_X=7000)),
    "'port' is a required property": ("Service", "ingest-api", lambda body: body["spec"]["ports"][0].pop("port")),
    "'podSelectors' was unexpected": ("NetworkPolicy", "store", lambda body: body["spec"].update(podSelectors={})),
}


@pytest.mark.parametrize("finding", FAULTS)
def test_what_the_api_server_would_refuse_is_found(finding: str, schema: Document) -> None:
    """One finding names the object and the field."""
    kind, name, change = FAULTS[finding]
    [text] = schema_findings(planted(kind, name, change), schema)
    assert text.startswith(f"{kind} {name}")
    assert finding in text


@every_sample
def test_a_collector_takes_its_configuration_and_refuses_the_logging_exporter(sample: str, rig: RigFacts) -> None:
    """`otelcol validate` decides. A removed exporter stops `lab up` before anything is applied."""

    def logging_again(body: dict[str, dict[str, str]]) -> None:
        text = body["data"]["config.yaml"]
        body["data"]["config.yaml"] = text.replace(*OLD).replace("exporters: [debug]", "exporters: [logging]")

    collector = rig.programs / "otelcol"
    validate_collector(rendered(sample), collector)
    with pytest.raises(BadConfig, match="use the debug exporter instead"):
        validate_collector(planted("ConfigMap", "otel-collector-", logging_again, sample=sample), collector)


def test_the_user_may_do_what_is_written_down_and_nothing_else(rig: RigFacts, kubectl: Kubectl) -> None:
    """For the lab's user, `kubectl auth can-i --list` gives the golden list."""
    kubeconfig = Certificates(rig.state / "certificates").kubeconfig(LAB_USER)
    with granted(kubectl, NAMESPACE):
        output = run(PROGRAM, f"--kubeconfig={kubeconfig}", "auth", "can-i", "--list", f"--namespace={NAMESPACE}")
    rows = [match.groups() for line in output.splitlines() if (match := ROW.match(line))]
    rights = {f"{what}/{name}".rstrip("/"): set(verbs.split()) for what, _, name, verbs in rows if what}
    assert {what: verbs for what, verbs in rights.items() if what not in EVERYBODY} == {
        what: set(verbs.split()) for what, verbs in GOLDEN.items()
    }
