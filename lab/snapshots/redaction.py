"""Hides secrets in everything that is about to be stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Final

HIDDEN: Final = "***"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
DROPPED: Final = frozenset({"managedFields", LAST_APPLIED, "binaryData"})
"""Fields that are left out: two repeat the object as text; the third is base64, which no pattern can read."""
WORDS: Final = (
    r"password|passwd|secret(?:[_-]?(?:access[_-]?)?key)?|token|api[_-]?key|private[_-]?key|credentials?"
    r"|requirepass|masterauth|rediscli_auth"
)
NAME: Final = rf"(?:{WORDS}|auth)\w*(?<!file)(?<!path)(?<!name)"
SECRET_NAME: Final = re.compile(rf"{NAME}$", re.IGNORECASE)
"""End of the name of a variable, or of a key, whose value is a secret."""
SECRET_FLAG: Final = re.compile(rf"--?(?:[\w-]*-)?(?:{WORDS}|pass)$", re.IGNORECASE)
CLIENT: Final = re.compile(r"(?:.*/)?(?:redis|valkey)-cli")
"""A program that takes a password after `-a`."""
QUOTE: Final = r"(?:\\*[\"'])?"
VALUE: Final = r"(?:(?<=[\"'])(?:[^\"'\\\n]|\\[^\"'\n])+|(?:[^\s\"',}&\\]|\\[^\s\"'])+)"
"""The rest of a text in quotes, else of a word."""
NO_REFERENCE: Final = r"(?![/$*\s])"
"""A path to a secret and a reference to a variable are no secrets."""
PRIVATE_KEY: Final = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.*?)(-----END|\Z)", re.DOTALL)


def _after(prefix: str, secret: str = VALUE) -> re.Pattern[str]:
    """Return the pattern of a secret that follows a prefix; only the prefix is kept."""
    return re.compile(rf"({prefix}){secret}", re.IGNORECASE)


PATTERNS: Final = (
    _after(r"\w://", r"[^/\s@]*:[^\s/\"']+(?=@)"),
    _after(r"\b(?:bearer|basic)\s+", r"(?=\S*[0-9=])[\w.~+/=-]{8,}"),
    _after(rf"\bauthorization{QUOTE}[ \t]*[=:][ \t]*{QUOTE}(?:(?:bearer|basic)[ \t]+)?+", NO_REFERENCE + VALUE),
    _after("", r"\b(?-i:eyJ)[\w-]{8,}\.[\w-]+\.[\w-]*"),
    _after(r'\\*"auth\\*"\s*:\s*\\*"', r'[^"\\]+'),
    _after(r"\b(?:requirepass|masterauth)\s+", r"\S+"),
    _after(rf"--(?:[\w-]*-)?(?:{WORDS}|pass)(?:\s+{QUOTE}|\\*[\"']\s*,\s*\\*[\"'])", rf"(?!/){VALUE}"),
    _after(rf"\b(?:redis|valkey)-cli\b[^|;\n]*?\s-a\s+{QUOTE}", NO_REFERENCE + VALUE),
    # An entry of `env` in a text: the name, then the value.
    _after(rf"\bname{QUOTE}:\s*{QUOTE}[\w.-]*?{NAME}{QUOTE}\s*,?\s*{QUOTE}value{QUOTE}:\s*{QUOTE}"),
    _after(rf"(?:{WORDS}){QUOTE}[=:]\s*{QUOTE}", NO_REFERENCE + VALUE),
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
    # A key first: in JSON it would else lose its first line alone, by which it is known.
    text = PRIVATE_KEY.sub(lambda match: match[1] + HIDDEN + "\n" * match[2].count("\n") + match[3], text)
    for pattern in PATTERNS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def _object(value: Mapping[str, object]) -> dict[str, object]:
    clean = {key: _entry(key, entry) for key, entry in value.items() if key not in DROPPED}
    if "value" in clean and SECRET_NAME.search(str(value.get("name", ""))):
        clean["value"] = HIDDEN
    if value.get("kind") == "Secret":
        clean = {key: entry for key, entry in clean.items() if key not in {"data", "stringData"}}
    return clean


def _entry(key: str, value: object) -> object:
    return HIDDEN if isinstance(value, str) and value and SECRET_NAME.search(key) else redacted(value)


def _items(values: Sequence[object]) -> list[object]:
    """Return the items of a list. The item after a flag for a secret is a secret."""
    words = [item if isinstance(item, str) else "" for item in values]
    is_client = any(CLIENT.fullmatch(word) for word in words)
    return [
        HIDDEN if isinstance(item, str) and _announces(flag, is_client=is_client) else redacted(item)
        for flag, item in zip(["", *words], values, strict=False)
    ]


def _announces(flag: str, *, is_client: bool) -> bool:
    """Return whether a secret follows a word of a command line, which may be one of the store's client."""
    return SECRET_FLAG.fullmatch(flag) is not None or (is_client and flag == "-a")
