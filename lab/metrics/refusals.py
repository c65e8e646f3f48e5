"""Why a Prometheus server gave no answer."""

from __future__ import annotations

import ssl
from http.client import HTTPException
from typing import Final

import requests

from lab.errors import Unavailable, causes_of

UNREACHABLE: Final = "PROM_UNREACHABLE"
"""No server answers, or the server is no Prometheus."""
UNTRUSTED: Final = "PROM_TLS"
"""TLS fails: the server's certificate is not trusted, or the server speaks no TLS."""
REFUSED: Final = "PROM_REFUSED"
"""The server answers with an HTTP status that is an error."""
LONGEST_DETAIL: Final = 160


class PrometheusFault(Unavailable):
    """A Prometheus server gave no answer; `reason` is `UNREACHABLE`, `UNTRUSTED` or `REFUSED` of this module.

    Attributes:
        status: HTTP status of a refusal, 0 otherwise.
        detail: The words of the server, or of the operating system, in one line.
    """

    code = UNREACHABLE

    def __init__(
        self, attempted: str, *, found: str = "", next_step: str = "", code: str = "", status: int = 0, detail: str = ""
    ) -> None:
        super().__init__(attempted, found=found, next_step=next_step, code=code)
        self.status, self.detail = status, detail


class Refusal(Exception):
    """The server answered with an HTTP status that is an error."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def refuse_errors(response: requests.Response, *_: object, **__: object) -> None:
    """Raise a Refusal for an answer that is an error; a hook of requests, since a client keeps only the text."""
    if not response.ok:
        raise Refusal(response.status_code, _sentence(response))


def fault(attempted: str, url: str, error: Exception) -> PrometheusFault:
    """Return the fault for an error of the libraries, or for a Refusal."""
    if isinstance(error, Refusal):
        reason, status, detail = REFUSED, error.status, error.detail
    else:
        (reason, detail), status = _why(error), 0
    ready = f"curl '{url}/-/ready'   or   lab doctor"
    trust = "LAB_PROMETHEUS_CA_FILE=/path/ca.crt      (the CA that signed its certificate)"
    return PrometheusFault(
        attempted,
        found=f"{url}: {f'HTTP {status}: ' if status else ''}{detail}",
        next_step=trust if reason == UNTRUSTED else ready,
        code=reason,
        status=status,
        detail=detail,
    )


def _sentence(response: requests.Response) -> str:
    """Return the `error` in an answer's JSON, else the beginning of its text."""
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return " ".join(response.text[:LONGEST_DETAIL].split()) or str(response.reason)


def _why(error: Exception) -> tuple[str, str]:
    if isinstance(error, requests.exceptions.InvalidURL):
        return UNREACHABLE, "not an address: http://host:port is needed"
    if not isinstance(error, OSError) or isinstance(error, requests.exceptions.InvalidJSONError):
        return UNREACHABLE, f"not an answer of Prometheus ({type(error).__name__})"
    cause = _cause(error)
    if isinstance(cause, OSError):
        return (UNTRUSTED if isinstance(cause, ssl.SSLError) else UNREACHABLE), str(cause.strerror or cause)
    return UNREACHABLE, f"not an answer of Prometheus ({type(cause).__name__})"


def _cause(error: BaseException) -> BaseException:
    """Return the error of the operating system or of HTTP behind an error of requests or urllib3."""
    return next((cause for cause in causes_of(error) if _is_of_system(cause)), error)


def _is_of_system(error: BaseException) -> bool:
    return isinstance(error, OSError | HTTPException) and not isinstance(error, requests.RequestException)
