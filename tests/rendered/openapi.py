"""Checks objects against the schemas of an API server."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from jsonschema import Draft7Validator

from lab.targets.kubernetes.objects import KubeObject

KINDS: Final = "x-kubernetes-group-version-kind"
Document = Mapping[str, Any]


def schema_findings(objects: Iterable[KubeObject], document: Document) -> list[str]:
    """Return the violations of an OpenAPI v2 document (`kubectl get --raw /openapi/v2`), unknown fields included."""
    definitions = {name: _strict(schema) for name, schema in document["definitions"].items()}
    names = {_key(kind): name for name, schema in definitions.items() for kind in schema.get(KINDS, ())}
    findings = []
    for item in objects:
        group, _, version = item.api_version.rpartition("/")
        name = names.get((group, version, item.kind))
        if name is None:
            findings.append(f"{item}: no such kind in {item.api_version}")
            continue
        validator = Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": definitions})
        errors = validator.iter_errors(dict(item.body))
        findings += [f"{item}: {'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]
    return findings


def _key(kind: Mapping[str, str]) -> tuple[str, str, str]:
    return kind["group"], kind["version"], kind["kind"]


def _strict(schema: Document) -> dict[str, Any]:
    """Return the schema with unknown fields as errors, and with texts where it allows numbers or texts."""
    strict = dict(copy.deepcopy(schema))
    if strict.get("format") == "int-or-string":
        strict["type"] = ["integer", "string"]
    if "properties" in strict:
        strict["properties"] = {name: _strict(value) for name, value in strict["properties"].items()}
        strict.setdefault("additionalProperties", False)
    return strict
