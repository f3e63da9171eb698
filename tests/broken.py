"""A service without errorshape that keeps the contract by hand, and breaks it where it is told to.

As a service in another language might: ``build("id-echoed")`` is a WSGI application with that one
fault, ``build()`` has none. ``python -m tests.broken FAULT`` serves it on a free port.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

#: What can be broken, and the rule that the check has to find.
FAULTS = {
    "html-404": "not-json",
    "own-json": "not-the-shape",
    "details-list": "not-the-shape",
    "code-in-capitals": "code-form",
    "no-id-on-success": "no-trace-id",
    "id-twice": "trace-id-twice",
    "id-with-spaces": "trace-id-form",
    "other-id-in-body": "trace-id-differs",
    "hostile-id-echoed": "id-echoed",
    "zeros-taken": "id-echoed",
    "good-id-ignored": "id-ignored",
    "traceparent-ignored": "traceparent-ignored",
    "one-id-for-all": "ids-repeated",
    "global-id": "ids-mixed",
    "crash-on-malformed": "crash",
    "malformed-is-422": "malformed-status",
    "malformed-accepted": "malformed-accepted",
    "cacheable": "cacheable",
    "no-allow": "no-allow",
    "no-challenge": "no-challenge",
    "no-retry-after": "no-retry-after",
    "wrong-status": "status-of-code",
    "unknown-code": "undocumented-code",
    "undocumented-status": "undocumented-status",
    "too-large": "too-large",
    "wrong-length": "content-length",
    "traceback-shown": "leak",
    "head-with-body": "head-body",
    "head-is-405": "head-differs",
    "raises": "no-answer",
    "problem-of-another-status": "problem-status",
    "problem-without-vary": "no-vary",
}

#: The ten that one broken service has at once.
TEN = (
    "own-json",
    "no-id-on-success",
    "other-id-in-body",
    "hostile-id-echoed",
    "traceparent-ignored",
    "crash-on-malformed",
    "cacheable",
    "no-allow",
    "no-challenge",
    "undocumented-status",
)

#: The document of its operations.
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "broken", "version": "1"},
    "paths": {
        "/things/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {"responses": {"200": {"description": "ok"}, "404": {"description": "none"}}},
            "delete": {"responses": {"204": {"description": "gone"}}},
        },
        "/things": {
            "get": {"responses": {"200": {"description": "ok"}}},
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {}}}},
                "responses": {"201": {"description": "made"}, "4XX": {"description": "not"}},
            },
            "put": {
                "requestBody": {"content": {"text/plain": {}}},
                "responses": {"default": {"description": "any"}},
            },
        },
        "/odd": None,
    },
    "components": {
        "parameters": {
            "id": {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
        }
    },
}

_valid = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}").fullmatch
_current = ""


def build(*faults: str) -> Callable[..., Any]:
    """Return the application with these faults."""
    assert set(faults) <= set(FAULTS)
    fixed = str(uuid.uuid4())

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        global _current  # noqa: PLW0603 - the fault itself
        if "raises" in faults and environ["PATH_INFO"] == "/":
            raise RuntimeError
        _current = trace_id = fixed if "one-id-for-all" in faults else _id_of(environ, faults)
        if "global-id" in faults:
            time.sleep(0.02)
            trace_id = _current
        status, error, headers = _answer(environ, faults)
        method = environ["REQUEST_METHOD"]
        if error is None:
            body, kind = b"{}", "application/json"
        else:
            body, kind = _body(status, error, trace_id, faults)
        headers = [*headers, ("Content-Type", kind)]
        if kind == "application/problem+json" and "problem-without-vary" not in faults:
            headers.append(("Vary", "Accept"))
        if "wrong-length" in faults and status >= 400:
            headers.append(("Content-Length", "1"))
        else:
            headers.append(("Content-Length", str(len(body))))
        if status >= 400 and "cacheable" not in faults:
            headers.append(("Cache-Control", "no-store"))
        if not ("no-id-on-success" in faults and status < 400):
            sent = f"{trace_id[:20]} b" if "id-with-spaces" in faults else trace_id
            headers += [("X-Request-Id", sent)] * (2 if "id-twice" in faults else 1)
        start_response(f"{status} Status", headers)
        return [b"" if method == "HEAD" and "head-with-body" not in faults else body]

    return app


def _id_of(environ: dict[str, Any], faults: tuple[str, ...]) -> str:
    sent = environ.get("HTTP_X_REQUEST_ID", "")
    if sent and (_valid(sent) or "hostile-id-echoed" in faults) and "good-id-ignored" not in faults:
        return sent
    match = re.fullmatch(r"00-([0-9a-f]{32})-[0-9a-f]{16}-..", environ.get("HTTP_TRACEPARENT", ""))
    zeros = match is not None and not match[1].strip("0")
    if match and "traceparent-ignored" not in faults and (not zeros or "zeros-taken" in faults):
        return match[1]
    return str(uuid.uuid4())


Reply = tuple[int, str | None, list[tuple[str, str]]]


def _answer(environ: dict[str, Any], faults: tuple[str, ...]) -> Reply:
    """Return status, code (None: no error) and headers."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if path == "/private":
        challenge = [("WWW-Authenticate", "Bearer")]
        return 401, "unauthorized", [] if "no-challenge" in faults else challenge
    if path == "/busy":
        return 429, "rate_limited", [] if "no-retry-after" in faults else [("Retry-After", "1")]
    if path not in ("/", "/things"):
        if method == "HEAD" and "head-is-405" in faults:
            return 405, "method_not_allowed", [("Allow", "GET")]
        if "undocumented-status" in faults and path.startswith("/things/"):
            return 410, "gone", []
        return 404, "not_found", []
    if method in ("GET", "HEAD"):
        return 200, None, []
    if method not in ("POST", "PUT"):
        allow = [("Allow", "GET, POST, PUT")]
        return 405, "method_not_allowed", [] if "no-allow" in faults else allow
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        json.loads(environ["wsgi.input"].read(length))
    except ValueError:
        if "crash-on-malformed" in faults:
            return 500, "internal_error", []
        if "malformed-is-422" in faults:
            return 422, "unprocessable_entity", []
        if "malformed-accepted" not in faults:
            return 400, "validation_error", []
    return 201, None, []


def _body(status: int, code: str, trace_id: str, faults: tuple[str, ...]) -> tuple[bytes, str]:
    if "html-404" in faults and status == 404:
        return b"<h1>Not Found</h1>", "text/html"
    if "own-json" in faults and status == 404:
        return b'{"detail": "Not Found"}', "application/json"
    error: dict[str, Any] = {"code": code, "message": "No.", "trace_id": trace_id}
    if "code-in-capitals" in faults:
        error["code"] = code.upper()
    if "unknown-code" in faults:
        error["code"] = "nobody_knows"
    if "wrong-status" in faults and status == 404:
        error["code"] = "conflict"
    if "other-id-in-body" in faults:
        error["trace_id"] = "another"
    if "details-list" in faults:
        error["details"] = ["a"]
    if "too-large" in faults:
        error["message"] = "x" * 20_000
    if "traceback-shown" in faults:
        error["message"] = "Traceback (most recent call last): ..."
    if not {"problem-of-another-status", "problem-without-vary"} & {*faults}:
        return json.dumps({"error": error}).encode(), "application/json"
    told = 418 if "problem-of-another-status" in faults else status
    problem = {"type": "about:blank", "title": "No", "status": told, "detail": error.pop("message")}
    return json.dumps(problem | error).encode(), "application/problem+json"


def _serve(*faults: str) -> None:
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    threading.Thread(target=_end_with_parent, daemon=True).start()
    with make_server("127.0.0.1", 0, build(*faults), handler_class=Quiet) as server:
        sys.stdout.write(f"serving http://127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)


app = build()
ten = build(*TEN)

if __name__ == "__main__":
    _serve(*sys.argv[1:])
