"""What the demo checks of an answer: every breach of the contract is found and named."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import httpx
import pytest

import errorshape
from errorshape.demo import checks, servers
from errorshape.demo.apps.routes import ROUTES
from errorshape.demo.logs import records_of

TRACE_ID = "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"
CASE = checks.Case(
    "busy", "GET", "/busy", 429, "rate_limited", headers=("Retry-After",), details=("limit",)
)


def answer(status: int = 429, *, envelope=None, drop=(), headers=(), **fields) -> httpx.Response:
    """Make the right answer for CASE, but for what is named."""
    error = {
        "code": "rate_limited",
        "message": "Too many requests.",
        "trace_id": TRACE_ID,
        "details": {"limit": "100"},
        **fields,
    }
    error = {name: value for name, value in error.items() if name not in drop}
    body = json.dumps({"error": error} if envelope is None else envelope).encode()
    all_headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Content-Length": str(len(body)),
        "X-Request-Id": TRACE_ID,
        "Retry-After": "30",
        **dict(headers),
    }
    kept = {name: value for name, value in all_headers.items() if name not in drop}
    response = httpx.Response(status, headers=kept)
    response._content = body  # httpx would correct the Content-Length
    return response


def test_the_right_answer_has_no_breach() -> None:
    """With details."""
    assert [*checks.breaches_of(CASE, answer())] == []


def test_details_may_be_left_out_where_none_are_expected() -> None:
    """They are optional in the contract."""
    case = checks.Case("busy", "GET", "/busy", 429, "rate_limited")
    assert [*checks.breaches_of(case, answer(drop=["details"]))] == []


@pytest.mark.parametrize(
    ("response", "breach"),
    [
        (answer(503), "the status is 503, not 429"),
        (answer(drop=["Content-Type"]), "Content-Type is None, not 'application/json'"),
        (
            answer(headers={"Content-Type": "text/html"}.items()),
            "Content-Type is 'text/html', not 'application/json'",
        ),
        (answer(drop=["Cache-Control"]), "Cache-Control is None, not 'no-store'"),
        (answer(headers={"Content-Length": "1"}.items()), "Content-Length is '1', not "),
        (answer(drop=["X-Request-Id"]), "there are no X-Request-Id headers, not one"),
        (answer(drop=["Retry-After"]), "the header Retry-After is missing"),
        (answer(envelope=[]), "the body is not an object with the one key error: '[]'"),
        (answer(envelope={"error": None}), "the body is not an object with the one key error"),
        (answer(envelope={"error": {}, "ok": False}), "the body is not an object with the one"),
        (answer(drop=["message"]), "the keys of error are code, trace_id, details, not code, "),
        (answer(extra=1), "the keys of error are code, message, trace_id, details, extra, not"),
        (answer(code="slow_down"), "code is 'slow_down', not 'rate_limited'"),
        (answer(message=""), "message is not a text: ''"),
        (answer(trace_id=7), "trace_id is not a text: 7"),
        (answer(trace_id="other"), f"trace_id is 'other', but X-Request-Id is '{TRACE_ID}'"),
        (answer(details=None), "details does not map names to texts: None"),
        (answer(details={"limit": 100}), "details does not map names to texts: {'limit': 100}"),
        (answer(details={}), "details does not name limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_breach_is_named(response: httpx.Response, breach: str) -> None:
    """Each sentence says what is there and what should be."""
    assert breach in "\n".join(checks.breaches_of(CASE, response))


def test_two_trace_ids_are_one_too_many() -> None:
    """Even if they are equal."""
    response = answer()
    response.headers = httpx.Headers([*response.headers.multi_items(), ("X-Request-Id", TRACE_ID)])
    assert [*checks.breaches_of(CASE, response)] == ["there are 2 X-Request-Id headers, not one"]


def test_a_body_that_is_not_json_is_shown_shortened() -> None:
    """The start of a page is enough to recognise it."""
    response = answer()
    response._content = b"<html>\n" + b"x" * 100
    (breach,) = [b for b in checks.breaches_of(CASE, response) if "body" in b]
    assert breach.endswith(f"'<html> {'x' * 53}...'")


def test_a_secret_in_the_body_is_a_breach() -> None:
    """What an exception says is for the log only."""
    case = checks.Case("crash", "GET", "/", 429, "rate_limited", secret="hunter2")
    response = answer(message="cannot log in with hunter2")
    assert [*checks.breaches_of(case, response)] == ["the body gives away 'hunter2'"]


def test_every_documented_code_has_a_row() -> None:
    """The table is the reference, in its order."""
    rows = [case.code for case in checks.DOCUMENTED]
    assert rows == [entry.code for entry in errorshape.STANDARD][: len(rows)]
    assert len(rows) == 10


def test_every_row_has_a_route() -> None:
    """What the application raises, it raises somewhere, with that method."""
    routes = {(route.method, route.path) for route in ROUTES}
    assert {(case.method, case.path) for case in checks.DOCUMENTED} <= routes


SILENT = """
import json, sys
from waitress.server import create_server

def app(environ, start_response):
    body = json.dumps({"error": {"code": "rate_limited", "message": "x", "trace_id": "t-1"}})
    start_response("429 Slow Down", [
        ("Content-Type", "application/json"), ("Cache-Control", "no-store"),
        ("Content-Length", str(len(body))), ("X-Request-Id", "t-1")])
    return [body.encode()]

server = create_server(app, host="127.0.0.1", port=0)
print("http://127.0.0.1:" + server.effective_port, flush=True)
server.run()
"""


@pytest.fixture
def silent_server() -> Iterator[servers.Server]:
    """Start a server that answers as it should and logs nothing."""
    with servers.start([sys.executable, "-c", SILENT], name="silent") as server:
        yield server


def test_an_answer_without_a_log_line_is_a_breach(silent_server, monkeypatch) -> None:
    """The id, and the reason of a crash, have to be where one looks for them; in bounded time."""
    monkeypatch.setattr(checks, "LOG_TIMEOUT", 0.1)
    case = checks.Case("busy", "GET", "/", 429, "rate_limited", secret="hunter2")
    (cell,) = checks.check([silent_server], [case])
    assert cell.breaches == (
        "the server's log does not have the trace id",
        "the server's log does not have the reason",
    )


def test_no_answer_is_a_breach(silent_server) -> None:
    """The other cells can still be checked."""
    silent_server.stop()
    advanced: list[None] = []
    (cell,) = checks.check([silent_server], [CASE], lambda: advanced.append(None))
    assert cell.response is None
    assert "no response: " in cell.breaches[0]
    assert len(advanced) == 1


def test_a_proxy_of_the_environment_is_not_asked(silent_server, monkeypatch) -> None:
    """Loopback is reached directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setattr(checks, "LOG_TIMEOUT", 0)
    (cell,) = checks.check([silent_server], [CASE])
    assert cell.response is not None


def test_records_are_found_with_their_tracebacks() -> None:
    """A record goes on until the next one begins."""
    log_text = (
        "12:00:00 INFO    [-] server: up\n"
        "12:00:01 ERROR   [t-1] shop: crash\nTraceback (most recent call last):\nRuntimeError\n"
        "12:00:02 INFO    [t-2] shop: other\n"
        "12:00:03 INFO    [t-1] access: GET / 500\n"
    )
    assert records_of("t-1", log_text) == [
        "12:00:01 ERROR   [t-1] shop: crash\nTraceback (most recent call last):\nRuntimeError",
        "12:00:03 INFO    [t-1] access: GET / 500",
    ]
