"""Takes secrets out of whatever is about to be kept."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

HIDDEN: Final = "***"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
DROPPED: Final = frozenset({"managedFields", LAST_APPLIED})
"""Copies of the whole object, in which values would be hidden a second time, as text."""
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
    # A path names a secret, it is none; nor is a reference to a variable.
    (re.compile(rf"([\w.-]*(?:{WORDS})[\"']?[=:]\s*[\"']?)(?![/$*\s])[^\s\"',}}&]+", re.IGNORECASE), rf"\1{HIDDEN}"),
)


def redacted(value: Any) -> Any:  # noqa: ANN401  JSON, or frozen values of it
    """The same value without secrets: of environment variables, arguments, addresses, tokens, keys, Secrets.

    >>> redacted({"env": [{"name": "REDIS_PASSWORD", "value": "hunter2"}], "command": ["--token", "t0p"]})
    {'env': [{'name': 'REDIS_PASSWORD', 'value': '***'}], 'command': ['--token', '***']}
    """
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, tuple) and value and all(isinstance(one, str) for one in value):
        # Lines belong together: a private key has many.
        lines = without_secrets("\n".join(value)).split("\n")
        return tuple(lines if len(lines) == len(value) else map(without_secrets, value))
    if isinstance(value, list | tuple):
        return type(value)(_items(value))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: redacted(getattr(value, one.name)) for one in fields(value)})
    return value


def without_secrets(text: str) -> str:
    """The text with secrets hidden and as many lines as before."""
    for pattern, hidden in PATTERNS:
        text = pattern.sub(hidden, text)
    return PRIVATE_KEY.sub(lambda found: found[1] + HIDDEN + "\n" * found[2].count("\n") + found[3], text)


def _object(value: Mapping[str, Any]) -> dict[str, Any]:
    clean = {key: _entry(key, one) for key, one in value.items() if key not in DROPPED}
    if "value" in clean and SECRET_NAME.search(str(value.get("name", ""))):
        clean["value"] = HIDDEN
    if value.get("kind") == "Secret":
        clean = {key: one for key, one in clean.items() if key not in {"data", "stringData"}}
    return clean


def _entry(key: str, value: Any) -> Any:  # noqa: ANN401  JSON
    return HIDDEN if isinstance(value, str) and value and SECRET_KEY.search(key) else redacted(value)


def _items(values: Any) -> list[Any]:  # noqa: ANN401  JSON
    """Items of a list; what follows a flag for a secret is one."""
    before = ["", *(one if isinstance(one, str) else "" for one in values)]
    return [
        HIDDEN if isinstance(one, str) and SECRET_FLAG.fullmatch(flag) else redacted(one)
        for flag, one in zip(before, values, strict=False)
    ]
