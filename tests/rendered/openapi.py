"""Whether objects are what an API server says they have to be."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from jsonschema import Draft7Validator

from lab.targets.kubernetes.objects import KubeObject

KINDS: Final = "x-kubernetes-group-version-kind"
Document = Mapping[str, Any]


def schema_findings(objects: Iterable[KubeObject], document: Document) -> list[str]:
    """What an OpenAPI v2 document (`kubectl get --raw /openapi/v2`) says against objects, unknown fields included."""
    definitions = {name: _strict(schema) for name, schema in document["definitions"].items()}
    names = {_key(kind): name for name, schema in definitions.items() for kind in schema.get(KINDS, ())}
    found = []
    for thing in objects:
        group, _, version = thing.api_version.rpartition("/")
        name = names.get((group, version, thing.kind))
        if name is None:
            found.append(f"{thing}: no such kind in {thing.api_version}")
            continue
        validator = Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": definitions})
        errors = validator.iter_errors(dict(thing.body))
        found += [f"{thing}: {'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]
    return found


def _key(kind: Mapping[str, str]) -> tuple[str, str, str]:
    return kind["group"], kind["version"], kind["kind"]


def _strict(schema: Document) -> dict[str, Any]:
    """The same schema, in which a field that is not described is a mistake, and numbers may be strings where said."""
    strict = dict(copy.deepcopy(schema))
    if strict.get("format") == "int-or-string":
        strict["type"] = ["integer", "string"]
    if "properties" in strict:
        strict["properties"] = {name: _strict(value) for name, value in strict["properties"].items()}
        strict.setdefault("additionalProperties", False)
    return strict
