"""The rows of the matrix: what is asked, and what has to come back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from errorshape import STANDARD
from tests.clients import OverServer
from tests.drivers import Reply, Request
from tests.matrix.above import PATH as ABOVE
from tests.stacks.script import KEPT, PREBUILT, SECRET

JSON = {"Content-Type": "application/json"}
DOCUMENTED = [entry.code for entry in STANDARD][:10]
CODE_OF = {entry.status: entry.code for entry in reversed(list(STANDARD))}


@dataclass(frozen=True)
class Case:
    """One row: its section and name in the table, and the check, which raises if it is not so."""

    section: str
    name: str
    check: Callable[[OverServer], None]


CASES: list[Case] = []


def case(section: str, name: str) -> Callable[[Callable[[OverServer], None]], Any]:
    """Register a row."""

    def register(check: Callable[[OverServer], None]) -> Callable[[OverServer], None]:
        CASES.append(Case(section, name, check))
        return check

    return register


# --- what holds for every error ------------------------------------------------------------------


def shaped(reply: Reply, *codes: str, status: int | None = None) -> dict[str, Any]:
    """Hold a reply against CONTRACT §1 and §3; return its ``error``."""
    assert reply.complete, reply
    assert reply.one("content-type") == "application/json", reply
    assert reply.one("cache-control") == "no-store"
    error = json.loads(reply.body)["error"]
    assert error["code"] in codes, reply
    assert reply.status == (status or STANDARD[error["code"]].status), reply
    assert error["message"]
    assert error["trace_id"] == reply.one("x-request-id")
    assert SECRET not in repr((reply.headers, reply.body))
    return error


def logged_once(reply: Reply) -> None:
    """One record at ERROR over all loggers, with the traceback and the id."""
    errors = reply.logged(logging.ERROR)
    assert len(errors) == 1, errors
    assert SECRET in errors[0].traceback
    assert errors[0].trace_id == reply.one("x-request-id")


def crashed(reply: Reply) -> None:
    """Hold a reply to a crash: shaped and logged once."""
    shaped(reply, "internal_error")
    logged_once(reply)


# --- rows ----------------------------------------------------------------------------------------


@case("Routing", "unmatched route")
def unmatched(client: OverServer) -> None:
    shaped(client.get("/nowhere"), "not_found")


@case("Routing", "wrong method, with `Allow`")
def wrong_method(client: OverServer) -> None:
    reply = client.post("/ok")
    shaped(reply, "method_not_allowed")
    assert "GET" in reply.one("allow")


def _documented(code: str) -> Callable[[OverServer], None]:
    def check(client: OverServer) -> None:
        shaped(client.get(f"/error/{code}"), code)

    return check


for _code in DOCUMENTED:
    case("Raised", f"`{_code}`")(_documented(_code))


@case("Raised", "the framework's own HTTP exceptions, 400 to 503, with their headers")
def native(client: OverServer) -> None:
    for kind, (status, headers) in client.stack.module.NATIVE.items():
        reply = client.get(f"/native/{kind}")
        shaped(reply, CODE_OF[status], status=status)
        for name, value in headers.items():
            assert reply.one(name) == value, kind


@case("Crashes", "in a view")
def crash(client: OverServer) -> None:
    crashed(client.get("/crash"))


@case("Crashes", "in a hook or middleware of the framework, below errorshape")
def hooks(client: OverServer) -> None:
    for kind in client.stack.module.HOOKS:
        crashed(client.get(f"/hook/{kind}"))


@case("Crashes", "in a middleware above the application")
def above(client: OverServer) -> None:
    crashed(client.request_outside("GET", ABOVE))


@case("Crashes", "in an error handler of the application")
def handler_fails(client: OverServer) -> None:
    crashed(client.get("/handler/crashes"))


@case("Bodies", "malformed JSON")
def malformed(client: OverServer) -> None:
    shaped(client.post("/json", b'{"a":', JSON), "validation_error")


@case("Bodies", "nested validation error, by its dot-path")
def invalid(client: OverServer) -> None:
    body = b'{"connector":{"config":{"api_key":"x"}},"tags":[{"name":7}]}'
    error = shaped(client.post("/validate", body, JSON), "validation_error")
    assert list(error["details"]) == ["tags.0.name"]


@case("Bodies", "too large (413)")
def too_large(client: OverServer) -> None:
    kinds = client.stack.module.NATIVE
    if "413" in kinds:
        shaped(client.get("/native/413"), "content_too_large")
    else:
        shaped(client.get("/native/too-big"), "validation_error")  # Django: 400


@case("Bodies", "wrong media type")
def wrong_type(client: OverServer) -> None:
    reply = client.post("/json", b"a,b", {"Content-Type": "text/csv"})
    shaped(reply, "unsupported_media_type", "validation_error")


@case("Django", "unknown host")
def host(client: OverServer) -> None:
    shaped(client.get("/ok", {"Host": "xyzzyplugh.example"}), "validation_error")


@case("Django", "CSRF failure")
def csrf(client: OverServer) -> None:
    shaped(client.post("/csrf", b"{}", JSON), "forbidden")


@case("Django", "suspicious operation")
def suspicious(client: OverServer) -> None:
    shaped(client.get("/native/suspicious"), "validation_error")


@case("Finished responses", "HTML, text and empty errors are replaced, and keep their headers")
def replaced(client: OverServer) -> None:
    for kind in ("html", "text", "empty"):
        shaped(client.get(f"/prebuilt/{kind}/404"), "not_found")
    reply = client.get("/prebuilt-headers/403")
    shaped(reply, "forbidden")
    for name, value in KEPT.items():
        assert reply.one(name) == value


@case("Finished responses", "JSON errors stay")
def json_stays(client: OverServer) -> None:
    reply = client.get("/prebuilt/json/409")
    assert (reply.status, reply.body) == (409, PREBUILT["json"][0])
    assert reply.one("x-request-id")


@case("Finished responses", "redirects, 204 and 304 stay")
def stays(client: OverServer) -> None:
    for path, status in {"/redirect": 302, "/no-content": 204, "/not-modified": 304}.items():
        reply = client.get(path)
        assert (reply.status, reply.body, reply.complete) == (status, b"", True)
        assert reply.one("x-request-id")
    assert client.get("/redirect").one("location").endswith("/elsewhere")


@case("Finished responses", "HEAD has the headers of GET")
def head(client: OverServer) -> None:
    for path in ("/nowhere", "/error/conflict", "/crash", "/prebuilt/html/404"):
        get, head = (client.request(m, path, {"X-Request-Id": "mine-1"}) for m in ("GET", "HEAD"))
        assert (head.status, head.body) == (get.status, b"")
        for name in ("content-type", "content-length", "cache-control", "x-request-id"):
            assert head.one(name) == get.one(name)


@case("Streams", "failure before the first byte is an error")
def stream_early(client: OverServer) -> None:
    crashed(client.get("/stream/fails-early"))
    shaped(client.get("/stream/fails-early-known"), "conflict")


@case("Streams", "failure after the first byte cuts the response")
def stream_late(client: OverServer) -> None:
    reply = client.get("/stream/fails-late")
    assert (reply.status, reply.body, reply.complete) == (200, b"first,", False)
    assert len(reply.logged(logging.ERROR)) == 1


@case("WebSockets", "refused before the accept, in the shape")
def websocket_refused(client: OverServer) -> None:
    reply, _ = client.websocket("/ws/refused")
    shaped(reply, "forbidden")


@case("WebSockets", "crash after the accept closes with 1011 and the id")
def websocket_crash(client: OverServer) -> None:
    reply, close = client.websocket("/ws/crash")
    assert (reply.status, close) == (101, (1011, reply.one("x-request-id")))


@case("Trace id", "a good inbound id is taken, a bad one is not")
def inbound(client: OverServer) -> None:
    assert client.get("/crash", {"X-Request-Id": "mine-1"}).error["trace_id"] == "mine-1"
    for bad in ("x" * 129, "not valid", "a,b"):
        reply = client.get("/crash", {"X-Request-Id": bad})
        assert len(shaped(reply, "internal_error")["trace_id"]) == 36
        assert "mine-1" not in repr(reply)


@case("Trace id", "200 concurrent requests, each with its own")
def concurrent(client: OverServer) -> None:
    tags = [f"tag-{n}" for n in range(200)]
    requests = [Request("GET", f"/pause/{tag}", (("X-Request-Id", tag),)) for tag in tags]
    replies, records = client.concurrently(requests)
    for tag, reply in zip(tags, replies, strict=True):
        assert (reply.status, reply.one("x-request-id"), reply.body.decode()) == (200, tag, tag)
    seen = {(r.message, r.trace_id) for r in records if r.logger == "app"}
    assert seen == {(f"{when} {tag}", tag) for tag in tags for when in ("before", "after")}
