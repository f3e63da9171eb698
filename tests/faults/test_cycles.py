"""Nothing is left for the garbage collector: neither by a request nor by its failure."""

import gc

import pytest

from errorshape.asgi import ErrorShapeMiddleware as ASGIMiddleware
from errorshape.wsgi import ErrorShapeMiddleware as WSGIMiddleware
from tests.faults import asgi_scripts

HEADERS = [(b"host", b"testserver"), (b"x-request-id", b"mine-1")]
FAULTS = {
    "fine": None,
    "crash": lambda: RuntimeError("crash"),
    "error": asgi_scripts.FAULTS["APIError"],
    "group": asgi_scripts.FAULTS["group-of-one"],
    "oserror": lambda: OSError("gone"),
    "cancelled": asgi_scripts.FAULTS["CancelledError"],
}


def unreachable_after(once, times=20):
    """Run something with the collector off; how much it then finds."""
    once()
    gc.disable()
    gc.freeze()  # what is there already is none of ours, and would be looked at each time
    try:
        for _ in range(times):
            once()
        return gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()


def asgi_once(wrapped, scope):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        pass

    def once():
        try:
            asgi_scripts.drive(wrapped(dict(scope), receive, send))
        except BaseException as exc:
            exc.__traceback__ = None

    return once


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("at", ["first", "late"])
def test_asgi_leaves_no_cycle(fault, layers, at):
    """Exceptions have tracebacks, those have frames, and those must not have the exceptions."""
    make = FAULTS[fault]

    async def app(scope, receive, send):
        if make and at == "first":
            raise make()
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        if make:
            raise make()
        await send({"type": "http.response.body"})

    for _ in range(layers):
        app = ASGIMiddleware(app)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": HEADERS}

    assert unreachable_after(asgi_once(app, scope)) == 0


@pytest.mark.parametrize("kind", ["nothing", "two starts", "unfinished"])
def test_asgi_leaves_no_cycle_where_the_protocol_is_broken(kind):
    """The layer makes the exception itself there."""
    start = {"type": "http.response.start", "status": 200, "headers": []}
    part = {"type": "http.response.body", "body": b"part", "more_body": True}
    messages = {"nothing": [], "two starts": [start, start], "unfinished": [start, part]}[kind]

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": HEADERS}

    assert unreachable_after(asgi_once(ASGIMiddleware(app), scope)) == 0


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("accepted", [True, False])
def test_a_websocket_leaves_no_cycle(fault, accepted):
    """Closed, refused or left alone."""
    make = FAULTS[fault]

    async def app(scope, receive, send):
        await receive()
        if accepted:
            await send({"type": "websocket.accept"})
        if make:
            raise make()
        await send({"type": "websocket.close"})

    scope = {
        "type": "websocket",
        "path": "/",
        "headers": HEADERS,
        "extensions": {"websocket.http.response": {}},
    }

    assert unreachable_after(asgi_once(ASGIMiddleware(app), scope)) == 0


def wsgi_once(wrapped):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_X_REQUEST_ID": "mine-1"}

    def start_response(status, headers, exc_info=None):
        return lambda data: None

    def once():
        body = None
        try:
            body = wrapped(dict(environ), start_response)
            for _ in body:
                pass
        except BaseException as exc:
            exc.__traceback__ = None
        finally:
            if hasattr(body, "close"):
                body.close()

    return once


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["call", "list", "generator", "late generator", "write"])
def test_wsgi_leaves_no_cycle(fault, layers, kind):
    """However the body comes, and wherever it fails."""
    make = FAULTS[fault]
    text = [("Content-Type", "text/plain")]

    def chunks(start_response, *, late):
        if late:
            start_response("200 OK", text)
        yield b"part"
        if make:
            raise make()

    def app(environ, start_response):
        if kind == "call" and make:
            raise make()
        if kind != "late generator":
            write = start_response("200 OK", text)
        if "generator" in kind:
            return chunks(start_response, late=kind == "late generator")
        if kind == "write":
            write(b"part")
            if make:
                raise make()
        return [b"part"]

    for _ in range(layers):
        app = WSGIMiddleware(app)

    assert unreachable_after(wsgi_once(app)) == 0


def test_wsgi_leaves_no_cycle_where_the_protocol_is_broken():
    """Without start_response, and with a second one."""
    app = WSGIMiddleware(lambda environ, start_response: [b"part"])

    assert unreachable_after(wsgi_once(app)) == 0
