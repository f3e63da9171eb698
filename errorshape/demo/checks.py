"""The failures that the demo provokes, and what has to be true of every answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from .apps.routes import SECRET
from .servers import Server

#: Seconds that a server may take to write its log lines, counted from its last answer.
LOG_TIMEOUT = 3.0
REQUEST_TIMEOUT = 5.0
#: Of the error object, in this order; details is left out when there is nothing to say.
KEYS = ["code", "message", "trace_id", "details"]


@dataclass(frozen=True)
class Case:
    """One request that fails, and the answer that the contract demands."""

    failure: str
    method: str
    path: str
    status: int
    code: str
    body: bytes = b""
    #: Headers that this answer needs besides those that all have.
    headers: tuple[str, ...] = ()
    #: Keys that the details must have.
    details: tuple[str, ...] = ()
    #: A text for the log, which may not be anywhere in the answer.
    secret: str = ""


#: The ten documented codes, raised by the application.
DOCUMENTED = (
    Case(
        "invalid field",
        "POST",
        "/connectors",
        400,
        "validation_error",
        body=b'{"connector": {"name": "github", "config": {"api_key": "short"}}}',
        details=("connector.config.api_key",),
    ),
    Case("no token", "GET", "/profile", 401, "unauthorized", headers=("WWW-Authenticate",)),
    Case("bad grant", "POST", "/oauth/token", 401, "invalid_grant", headers=("WWW-Authenticate",)),
    Case("missing scope", "DELETE", "/workspace", 403, "forbidden", details=("scope",)),
    Case("no MFA", "GET", "/billing", 403, "mfa_required"),
    Case("no SSO", "GET", "/members", 403, "sso_required"),
    Case("no such issue", "GET", "/issues/iss_01abc123", 404, "not_found", details=("id",)),
    Case("name is taken", "PUT", "/workspace/name", 409, "conflict", details=("name",)),
    Case("too many calls", "GET", "/search", 429, "rate_limited", headers=("Retry-After",)),
    Case("gave up", "POST", "/sync", 500, "internal_error"),
)
CRASH = Case("crash", "POST", "/charge", 500, "internal_error", secret=SECRET)
#: What a framework or a server answers by itself, without errorshape each in its own way.
BY_THEMSELVES = (
    Case("unknown route", "GET", "/nowhere", 404, "not_found"),
    Case("wrong method", "PATCH", "/billing", 405, "method_not_allowed", headers=("Allow",)),
    Case("malformed body", "POST", "/echo", 400, "validation_error", body=b'{"name": '),
    CRASH,
    Case("broken stream", "GET", "/report", 500, "internal_error"),
    Case("page of HTML", "GET", "/upstream", 502, "bad_gateway"),
)


@dataclass(frozen=True)
class Cell:
    """One case on one server: what came back, and what is wrong with it."""

    case: Case
    server: Server
    response: httpx.Response | None
    breaches: tuple[str, ...]


def check(
    servers: Sequence[Server], cases: Sequence[Case], advance: Callable[[], object] = lambda: None
) -> list[Cell]:
    """Send each case's request to each server and check the answers and the logs.

    ``advance`` is called after each request. All requests come first, so that one bounded wait is
    enough for the log lines of all of them.
    """
    answers = [
        (server, case, answer)
        for server in servers
        for case, answer in _send(server, cases, advance)
    ]
    deadline = time.monotonic() + LOG_TIMEOUT
    return [_judge(server, case, answer, deadline) for server, case, answer in answers]


def _send(
    server: Server, cases: Sequence[Case], advance: Callable[[], object]
) -> Iterator[tuple[Case, httpx.Response | str]]:
    """Give the response to each case, or why there is none."""
    # A proxy of the environment has no business between two processes of one machine.
    with httpx.Client(base_url=server.url, timeout=REQUEST_TIMEOUT, trust_env=False) as client:
        for case in cases:
            headers = {"Content-Type": "application/json"} if case.body else {}
            try:
                yield (
                    case,
                    client.request(case.method, case.path, content=case.body, headers=headers),
                )
            except httpx.HTTPError as error:
                yield case, f"no response: {error} ({type(error).__name__})"
            advance()


def _judge(server: Server, case: Case, answer: httpx.Response | str, deadline: float) -> Cell:
    if isinstance(answer, str):
        return Cell(case, server, None, (answer,))
    breaches = [*breaches_of(case, answer)]
    searched = {"the trace id": answer.headers.get("X-Request-Id"), "the reason": case.secret}
    for what, text in searched.items():
        if text and not server.wait_for_log(text, deadline - time.monotonic()):
            breaches.append(f"the server's log does not have {what}")
    return Cell(case, server, answer, tuple(breaches))


def breaches_of(case: Case, response: httpx.Response) -> Iterator[str]:
    """Say, a sentence each, what in a response is not as the contract has it for this case."""
    if response.status_code != case.status:
        yield f"the status is {response.status_code}, not {case.status}"
    yield from _header_breaches(case, response)
    if case.secret and case.secret in response.text:
        yield f"the body gives away {case.secret!r}"
    envelope = _decoded(response.content)
    error = envelope.get("error") if isinstance(envelope, dict) else None
    if not isinstance(error, dict) or list(envelope) != ["error"]:
        yield f"the body is not an object with the one key error: {_start_of(response.text)}"
        return
    yield from _error_breaches(case, error)
    # More than one id is a breach of its own; against one of them no body can be right.
    trace_ids = response.headers.get_list("X-Request-Id")
    if len(trace_ids) == 1 and error.get("trace_id") != trace_ids[0]:
        yield f"trace_id is {error.get('trace_id')!r}, but X-Request-Id is {trace_ids[0]!r}"


def _header_breaches(case: Case, response: httpx.Response) -> Iterator[str]:
    headers = response.headers
    expected = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Content-Length": str(len(response.content)),
    }
    for name, value in expected.items():
        if headers.get(name) != value:
            yield f"{name} is {headers.get(name)!r}, not {value!r}"
    trace_ids = len(headers.get_list("X-Request-Id"))
    if trace_ids != 1:
        yield f"there are {trace_ids or 'no'} X-Request-Id headers, not one"
    for name in case.headers:
        if name not in headers:
            yield f"the header {name} is missing"


def _error_breaches(case: Case, error: Mapping[str, Any]) -> Iterator[str]:
    if list(error) not in (KEYS, KEYS[:3]):
        yield f"the keys of error are {', '.join(error)}, not {', '.join(KEYS)}"
    if error.get("code") != case.code:
        yield f"code is {error.get('code')!r}, not {case.code!r}"
    for name in ("message", "trace_id"):
        if not isinstance(error.get(name), str) or not error[name]:
            yield f"{name} is not a text: {error.get(name)!r}"
    details = error.get("details", {})
    if not isinstance(details, dict) or not all(isinstance(text, str) for text in details.values()):
        yield f"details does not map names to texts: {details!r}"
        return
    for name in case.details:
        if name not in details:
            yield f"details does not name {name}"


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _start_of(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else f"{line[:60]}...")
