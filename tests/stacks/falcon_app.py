"""The script as a Falcon application, of WSGI and of ASGI, by the wrap alone."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import falcon
import falcon.asgi

import errorshape.asgi
import errorshape.wsgi
from tests.stacks import script
from tests.stacks.script import Answer, Sent

#: kind → (status, the headers that it must keep)
NATIVE: dict[str, tuple[int, dict[str, str]]] = {
    **{str(status): (status, {}) for status in (400, 401, 403, 404, 405, 409, 410, 413, 415, 422)},
    **{str(status): (status, {}) for status in (500, 501, 502, 504)},
    "429": (429, {"Retry-After": "0"}),
    "503": (503, {"Retry-After": "120"}),
    "challenge": (401, {"WWW-Authenticate": "Basic"}),
    "allow": (405, {"Allow": "GET, PUT"}),
}
HOOKS = ("before", "process_request", "process_response")


def build_wsgi(**options: Any) -> Any:
    """Return the WSGI application inside the wrap."""
    app = falcon.App(middleware=[Middleware()])
    _add_routes(app, _Resource)
    return errorshape.wsgi.ErrorShapeMiddleware(app, **options)


def build_asgi(**options: Any) -> Any:
    """Return the ASGI application inside the wrap."""
    app = falcon.asgi.App(middleware=[AsyncMiddleware()])
    _add_routes(app, _AsyncResource)
    app.add_route("/ws/{kind}", _WebSocket())
    return errorshape.asgi.ErrorShapeMiddleware(app, **options)


def _add_routes(app: Any, resource: Any) -> None:
    for path, method, function in script.ROUTES:
        app.add_route("/" + path.replace("<", "{").replace(">", "}"), resource(method, function))
    for path, method, function in (
        ("native/{kind}", "GET", native),
        ("hook/{kind}", "GET", hook),
        ("json", "POST", script.parse),
    ):
        app.add_route(f"/{path}", resource(method, function))
    is_async = resource is _AsyncResource
    # Falcon writes JSON of its own: without it, an HTTPError has a status, headers and no body.
    app.set_error_serializer(lambda req, resp, exc: None)
    # Falcon answers what nobody handles itself, and logs it to wsgi.errors: this lets it out.
    app.add_error_handler(Exception, _raise_async if is_async else _raise)
    app.add_error_handler(script.HandledError, _handle_async if is_async else _handle)
    app.add_error_handler(script.HandlerFailsError, _fail_async if is_async else _fail)


def native(sent: Sent, kind: str) -> Answer:
    status, headers = NATIVE[kind]
    raise falcon.HTTPError(status, description="of Falcon", headers=headers)


def hook(sent: Sent, kind: str) -> Answer:
    script.fail_in("before", f"/hook/{kind}")
    return Answer(b"ok")


def _raise(req: Any, resp: Any, ex: Exception, params: Any) -> None:
    raise ex


async def _raise_async(req: Any, resp: Any, ex: Exception, params: Any) -> None:
    raise ex


def _handle(req: Any, resp: Any, ex: Exception, params: Any) -> None:
    _write(req, resp, script.HANDLED, script.Chunks)


async def _handle_async(req: Any, resp: Any, ex: Exception, params: Any) -> None:
    _write(req, resp, script.HANDLED, script.chunks_async)


def _fail(req: Any, resp: Any, ex: Any, params: Any) -> None:
    raise ex.failure from None


async def _fail_async(req: Any, resp: Any, ex: Any, params: Any) -> None:
    raise ex.failure from None


class Middleware:
    """Fails on demand."""

    def process_request(self, req: Any, resp: Any) -> None:
        _fail_in(req, "process_request")

    def process_response(self, req: Any, resp: Any, resource: Any, succeeded: bool) -> None:
        _fail_in(req, "process_response")


class AsyncMiddleware:
    """Fails on demand, in a coroutine."""

    async def process_request(self, req: Any, resp: Any) -> None:
        _fail_in(req, "process_request")

    async def process_response(self, req: Any, resp: Any, resource: Any, succeeded: bool) -> None:
        _fail_in(req, "process_response")


def _fail_in(req: Any, hook: str) -> None:
    script.fail_in(hook, req.path)


class _Resource:
    def __init__(self, method: str, function: Any) -> None:
        self._function = function
        if method == "GET":
            self.on_get = self.on_head = self._serve
        else:
            self.on_post = self._serve

    def _serve(self, req: Any, resp: Any, **arguments: str) -> None:
        answer = self._function(Sent(req.bounded_stream.read()), **arguments)
        if answer.pause:
            time.sleep(answer.pause)
            answer = answer.then()
        _write(req, resp, answer, script.Chunks)


class _AsyncResource:
    def __init__(self, method: str, function: Any) -> None:
        self._function = function
        if method == "GET":
            self.on_get = self.on_head = self._serve
        else:
            self.on_post = self._serve

    async def _serve(self, req: Any, resp: Any, **arguments: str) -> None:
        answer = self._function(Sent(await req.stream.read()), **arguments)
        if answer.pause:
            await asyncio.sleep(answer.pause)
            answer = answer.then()
        _write(req, resp, answer, script.chunks_async)


class _WebSocket:
    async def on_websocket(self, req: Any, ws: Any, kind: str) -> None:
        if kind == "crash":
            await ws.accept()
        script.websocket(kind)


def _write(req: Any, resp: Any, answer: Answer, give: Any) -> None:
    resp.status = answer.status
    headers = dict(answer.headers)
    resp.content_type = headers.pop("Content-Type", None)
    for name, value in headers.items():
        if name != "Content-Length":
            resp.set_header(name, value)
    for name, value in answer.cookies:
        resp.set_cookie(name, value, secure=False)
    if answer.chunks is not None:
        resp.stream = give(answer.chunks)
    else:
        resp.data = answer.body
