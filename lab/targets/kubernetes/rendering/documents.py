"""Converts Kubernetes objects to YAML and back."""

from collections.abc import Sequence

import yaml

from lab.snapshots.kubernetes import Raw


def from_yaml(text: str) -> list[Raw]:
    """Return the documents in a text; empty documents are left out."""
    return [body for body in yaml.load_all(text, Loader=yaml.CSafeLoader) if body]


def as_yaml(bodies: Sequence[Raw]) -> str:
    r"""Return documents as readable YAML: keys in their order, a text of several lines as a block.

    >>> print(as_yaml([{"kind": "ConfigMap", "data": {"lines": "first\nsecond\n"}}]), end="")
    kind: ConfigMap
    data:
      lines: |
        first
        second
    """
    documents = [dict(body) for body in bodies]
    return str(yaml.dump_all(documents, Dumper=_ReadableDumper, sort_keys=False, width=120, allow_unicode=True))


class _ReadableDumper(yaml.CSafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_ReadableDumper.add_representer(str, _text)
