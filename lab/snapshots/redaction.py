"""Hides secrets in everything that is about to be stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Final

HIDDEN: Final = "***"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
DROPPED: Final = frozenset({"managedFields", LAST_APPLIED})
"""Fields that are left out: they repeat the whole object, or parts of it, as text."""
WORDS: Final = r"password|passwd|secret|token|api[_-]?key|credentials?|requirepass|masterauth"
SECRET_NAME: Final = re.compile(rf"(?:{WORDS}|private[_-]?key|auth)\w*(?<!file)(?<!path)(?<!name)$", re.IGNORECASE)
SECRET_KEY: Final = re.compile(r"(password|passwd|token|api_?key)$", re.IGNORECASE)
SECRET_FLAG: Final = re.compile(rf"--?(?:[\w-]*-)?(?:{WORDS}|pass)$", re.IGNORECASE)
PRIVATE_KEY: Final = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.*?)(-----END|\Z)", re.DOTALL)
PATTERNS: Final = (
    (re.compile(r"(\w://)[^/\s@]*:[^@\s/]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(bearer|basic)\s+(?=\S*[0-9=])[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r'("auth"\s*:\s*")[^"]+'), rf"\1{HIDDEN}"),
    (re.compile(r"\b((?:requirepass|masterauth)\s+)\S+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"(--(?:[\w-]*-)?(?:{WORDS})\s+)(?!/)\S+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # A path to a secret and a reference to a variable are no secrets.
    (re.compile(rf"([\w.-]*(?:{WORDS})[\"']?[=:]\s*[\"']?)(?![/$*\s])[^\s\"',}}&]+", re.IGNORECASE), rf"\1{HIDDEN}"),
)


def redacted(value: object) -> object:
    """Return a value without secrets: environment variables, arguments, addresses, tokens, keys, Secrets.

    Args:
        value: JSON, or frozen dataclasses that hold such values. The result is of the same type.

    >>> redacted({"env": [{"name": "REDIS_PASSWORD", "value": "hunter2"}], "command": ["--token", "t0p"]})
    {'env': [{'name': 'REDIS_PASSWORD', 'value': '***'}], 'command': ['--token', '***']}
    """
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, tuple) and value and all(isinstance(item, str) for item in value):
        # A private key spans many lines.
        lines = without_secrets("\n".join(value)).split("\n")
        return tuple(lines if len(lines) == len(value) else map(without_secrets, value))
    if isinstance(value, list | tuple):
        return type(value)(_items(value))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: redacted(getattr(value, field.name)) for field in fields(value)})
    return value


def without_secrets(text: str) -> str:
    """Return a text with its secrets hidden. The number of lines stays."""
    for pattern, hidden in PATTERNS:
        text = pattern.sub(hidden, text)
    return PRIVATE_KEY.sub(lambda match: match[1] + HIDDEN + "\n" * match[2].count("\n") + match[3], text)


def _object(value: Mapping[str, object]) -> dict[str, object]:
    clean = {key: _entry(key, entry) for key, entry in value.items() if key not in DROPPED}
    if "value" in clean and SECRET_NAME.search(str(value.get("name", ""))):
        clean["value"] = HIDDEN
    if value.get("kind") == "Secret":
        clean = {key: entry for key, entry in clean.items() if key not in {"data", "stringData"}}
    return clean


def _entry(key: str, value: object) -> object:
    return HIDDEN if isinstance(value, str) and value and SECRET_KEY.search(key) else redacted(value)


def _items(values: Sequence[object]) -> list[object]:
    """Return the items of a list. The item after a flag for a secret is a secret."""
    flags = ["", *(item if isinstance(item, str) else "" for item in values)]
    return [
        HIDDEN if isinstance(item, str) and SECRET_FLAG.fullmatch(flag) else redacted(item)
        for flag, item in zip(flags, values, strict=False)
    ]
