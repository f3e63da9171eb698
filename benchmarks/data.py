"""What the candidates share: the requests, the applications, the error."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import errorshape

#: Eight headers, as a client behind a proxy sends them. The last is what a variant is about.
HEADERS = (
    ("host", "api.example.com"),
    ("user-agent", "python-httpx/0.28.1"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br"),
    ("connection", "keep-alive"),
    ("authorization", "Bearer 0123456789abcdef"),
    ("content-type", "application/json"),
)
INBOUND = ("x-request-id", "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c")
OTHER = ("x-forwarded-for", "203.0.113.7")

#: Two details, as a documented error has them.
DETAILS = {"id": "iss_01abc123", "workspace": "wsp_01xyz789"}
MESSAGE = "Issue iss_01abc123 not found"
BODY = b'{"ok":true}'


def headers(inbound: bool, more: int = 0) -> list[tuple[str, str]]:
    """Return the request's headers, ``more`` of them than eight."""
    extra = [(f"x-extra-{number}", "value") for number in range(more)]
    return [*HEADERS, *extra, INBOUND if inbound else OTHER]


def scope(inbound: bool, path: str = "/ok", more: int = 0) -> dict[str, Any]:
    """Return an HTTP connection scope (ASGI 3.0)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers(inbound, more)],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "state": {},
        "extensions": {},
    }


def environ(inbound: bool, path: str = "/ok", more: int = 0) -> dict[str, Any]:
    """Return an environ (PEP 3333)."""
    named = {
        "HTTP_" + name.upper().replace("-", "_"): value for name, value in headers(inbound, more)
    }
    named["CONTENT_TYPE"] = named.pop("HTTP_CONTENT_TYPE")
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **named,
    }


def documented() -> errorshape.APIError:
    """Return the error that all raise: documented, with two details."""
    return errorshape.NotFoundError(MESSAGE, details=DETAILS)


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer ``/ok``, raise at ``/error`` and ``/crash``: a bare raw ASGI application."""
    if scope["path"] != "/ok":
        raise documented() if scope["path"] == "/error" else RuntimeError("crash")
    pairs = [(b"content-type", b"application/json"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})
    await send({"type": "http.response.body", "body": BODY})


#: What ``working`` writes and reads: fifty issues, so often that it takes about a millisecond. The
#: number is fixed, since what is fitted to the time of a run would hide a part of what is measured.
ISSUES = [
    {"id": f"iss_{number:08}", "title": MESSAGE, "open": True, "votes": number, "labels": ["bug"]}
    for number in range(50)
]
TIMES = 10


async def working(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Do the same after some work, which keeps the processor and does not wait."""
    for _ in range(TIMES):
        json.loads(json.dumps(ISSUES))
    await asgi(scope, receive, send)


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Do the same: a bare raw WSGI application."""
    if environ["PATH_INFO"] != "/ok":
        raise documented() if environ["PATH_INFO"] == "/error" else RuntimeError("crash")
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "11")])
    return [BODY]
