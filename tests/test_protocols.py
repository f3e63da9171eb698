"""Contract §6 where only an application without a framework can be so late, or so wrong."""

import asyncio
import json
import logging

import pytest

import errorshape
import errorshape.asgi
import errorshape.wsgi
from tests import logs
from tests.contract import (
    assert_error,
    assert_logged_once,
    assert_no_secret,
    catalogue_message,
    is_fresh,
    own_errors,
)
from tests.drivers import LifespanExchange, Request, WebSocketExchange, run_asgi, run_wsgi
from tests.stacks import STACKS, script
from tests.stacks.script import SECRET

START = {"type": "http.response.start", "status": 200, "headers": [(b"x-application", b"yes")]}


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def asgi(*steps, **options):
    """Send one message after the other, raise an exception among them; return what came of it."""

    async def app(scope, receive, send):
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            await send(step)

    wrapped = errorshape.asgi.ErrorShapeMiddleware(app, **options.pop("layer", {}))
    return run_asgi(wrapped, Request(options.pop("method", "GET"), "/"), **options)


def wsgi(app, **options):
    return run_wsgi(errorshape.wsgi.ErrorShapeMiddleware(app), Request("GET", "/"), **options)


def crash():
    return RuntimeError(SECRET)


@pytest.mark.parametrize("steps", [[], [START]], ids=["no message", "a start alone"])
def test_asgi_without_a_response_is_an_error(steps):
    """An application that ends before its response does is logged, and answered while that goes."""
    reply = asgi(*steps)

    assert_error(reply, "internal_error", message=catalogue_message(500))
    assert len(own_errors(reply)) == 1
    assert not reply.all("x-application")


def test_asgi_that_ends_in_the_middle_is_broken():
    """With bytes sent and no end there is nothing to answer: it is logged and the server told."""
    reply = asgi(START, body(b"first,", True))

    assert (reply.status, reply.body, reply.complete) == (200, b"first,", False)
    assert isinstance(reply.failure, Exception)
    assert len(own_errors(reply)) == 1


def test_asgi_two_starts_are_an_error():
    """Nothing was sent yet, so the client gets an error."""
    reply = asgi(START, START, body(b"ok"))

    assert_error(reply, "internal_error", message=catalogue_message(500))
    assert len(own_errors(reply)) == 1


def test_asgi_a_message_after_the_end_is_logged():
    """The response is complete and stays; the log has what the application did."""
    reply = asgi(START, body(b"ok"), body(b"more"))

    assert (reply.status, reply.body, reply.complete) == (200, b"ok", True)
    assert len(own_errors(reply)) == 1


def test_asgi_a_failure_after_the_end_is_logged():
    """Work in the background of a complete response fails for the log alone."""
    reply = asgi(START, body(b"ok"), crash())

    assert (reply.status, reply.body, reply.complete) == (200, b"ok", True)
    assert len(own_errors(reply)) == 1
    assert SECRET in own_errors(reply)[0].traceback


def test_asgi_an_empty_body_message_flushes():
    """The start goes out with the first body message, even an empty one: then it is too late."""
    reply = asgi(START, body(b"", True), crash())

    assert (reply.status, reply.body, reply.complete) == (200, b"", False)
    assert isinstance(reply.failure, RuntimeError)
    assert_no_secret(reply)


def test_asgi_event_streams_are_not_held_back():
    """A client of an event stream sees its start at once."""
    headers = [(b"content-type", b"text/event-stream; charset=utf-8")]

    reply = asgi({**START, "headers": headers}, crash())

    assert (reply.status, reply.complete) == (200, False)
    assert reply.one("content-type").startswith("text/event-stream")
    assert isinstance(reply.failure, RuntimeError)


def test_asgi_extensions_pass_through():
    """Early hints, push and trailers reach the server, in their order."""
    sent = [
        {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]},
        {"type": "http.response.push", "path": "/style.css", "headers": []},
        {**START, "trailers": True},
        body(b"ok"),
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False},
    ]
    extensions = ["http.response.early_hint", "http.response.push", "http.response.trailers"]

    reply = asgi(*sent, extensions=extensions)

    assert (reply.status, reply.body, reply.complete, reply.failure) == (200, b"ok", True, None)


def test_asgi_pathsend_passes_through():
    """A file that the server is to send is its affair."""
    pathsend = {"type": "http.response.pathsend", "path": "/srv/file"}

    reply = asgi(START, pathsend, extensions=["http.response.pathsend"])

    assert (reply.status, reply.complete, reply.failure) == (200, True, None)


def test_asgi_a_client_that_has_gone_is_no_error():
    """OSError of ``send`` is how a server says so: nobody is to be woken up for it."""
    for gone_after in (0, 1):
        reply = asgi(START, body(b"first,", True), body(b"second"), gone_after=gone_after)

        assert not reply.logged(logging.WARNING)
        assert reply.failure is None or isinstance(reply.failure, OSError)


def test_asgi_leaving_after_a_disconnect_is_no_error():
    """An application that hears http.disconnect need not answer any more."""

    async def app(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    reply = run_asgi(errorshape.asgi.ErrorShapeMiddleware(app), Request("GET", "/"), gone_after=0)

    assert reply.failure is None
    assert not reply.logged(logging.WARNING)


def test_asgi_an_oserror_of_the_applications_own_is_a_crash():
    """Only the client's going makes an OSError harmless."""
    reply = asgi(OSError(SECRET))

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


def test_asgi_lifespan_passes_through():
    """The lifespan belongs to server and application."""
    lifespan = LifespanExchange()

    async def app(scope, receive, send):
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        raise RuntimeError("shutdown failed")

    asyncio.run(lifespan.run(errorshape.asgi.ErrorShapeMiddleware(app)))

    assert str(lifespan.failure) == "shutdown failed"
    assert lifespan.answers == ["lifespan.startup.complete"]


@pytest.mark.parametrize("stack", [s for s in STACKS if s.protocol == "asgi"], ids=str)
def test_asgi_the_lifespan_of_a_stack_is_its_frameworks(stack):
    """Started and shut down in order, or unknown to it (Django): never answered by us."""
    lifespan = LifespanExchange()

    asyncio.run(lifespan.run(stack.build()))

    assert not lifespan.violations
    if stack.framework == "django":
        assert isinstance(lifespan.failure, ValueError)
        assert lifespan.answers == []
    else:
        assert lifespan.failure is None
        assert lifespan.answers == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [204, 304])
def test_asgi_a_response_without_body_can_be_held(status, method):
    """A status that has no body passes with its one header."""
    reply = asgi({**START, "status": status}, body(), method=method)

    assert (reply.status, reply.body, reply.complete) == (status, b"", True)
    assert is_fresh(reply.one("x-request-id"))


# --- WebSockets ---


def websocket(*steps, denial=False):
    async def app(scope, receive, send):
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            await send(step)

    exchange = WebSocketExchange("/", denial=denial)
    headers = [(b"x-request-id", b"mine-1")]
    with logs.captured() as records:
        asyncio.run(exchange.run(errorshape.asgi.ErrorShapeMiddleware(app), headers))
    assert not exchange.violations
    assert exchange.failure is None
    return exchange.messages, [record for record in records if record.level >= logging.ERROR]


ACCEPT = {"type": "websocket.accept"}


def test_a_websocket_is_refused_with_the_shape():
    """Before the accept, a server with the denial extension sends the error as an HTTP response."""
    (start, content), errors = websocket(errorshape.ForbiddenError("Not you."), denial=True)

    assert start["type"] == "websocket.http.response.start"
    assert start["status"] == 403
    headers = dict(start["headers"])
    assert headers[b"x-request-id"] == b"mine-1"
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"content-length"] == str(len(content["body"])).encode()
    assert json.loads(content["body"]) == {
        "error": {"code": "forbidden", "message": "Not you.", "trace_id": "mine-1"}
    }
    assert not errors


def test_a_websocket_is_closed_where_it_cannot_be_refused():
    """Before the accept, a server without the extension can only close."""
    (message,), _ = websocket(errorshape.ForbiddenError())

    assert message["type"] == "websocket.close"


def test_an_open_websocket_is_closed_with_the_trace_id():
    """After the accept a crash closes with 1011, the id is the reason, and the log has it once."""
    (accept, close), errors = websocket(ACCEPT, crash())

    assert accept["type"] == "websocket.accept"
    assert close == {"type": "websocket.close", "code": 1011, "reason": "mine-1"}
    (record,) = errors
    assert SECRET in record.traceback
    assert record.trace_id == "mine-1"


def test_a_close_reason_is_cut_to_its_bound():
    """RFC 6455 leaves 123 bytes for it."""
    exchange = WebSocketExchange("/")

    async def app(scope, receive, send):
        await send(ACCEPT)
        raise crash()

    headers = [(b"x-request-id", b"x" * 128)]
    asyncio.run(exchange.run(errorshape.asgi.ErrorShapeMiddleware(app), headers))

    assert exchange.messages[-1]["reason"] == "x" * 123


@pytest.mark.parametrize("headers", [iter, tuple, list])
def test_a_websocket_keeps_the_headers_of_its_accept(headers):
    """ASGI has them in any iterable, also one that ends with its first use."""
    accept = {**ACCEPT, "headers": headers([(b"x-a", b"1"), (b"set-cookie", b"a=1")])}

    (start, _), errors = websocket(accept, {"type": "websocket.close"})

    assert [*start["headers"]] == [
        (b"x-a", b"1"),
        (b"set-cookie", b"a=1"),
        (b"x-request-id", b"mine-1"),
    ]
    assert not errors


def test_a_websocket_that_goes_well_is_left_alone():
    """What the application sends is what the client gets."""
    text = {"type": "websocket.send", "text": "hello"}
    close = {"type": "websocket.close", "code": 4000, "reason": "done"}

    (_, *rest), errors = websocket(ACCEPT, text, close)

    assert rest == [text, close]
    assert not errors


# --- WSGI ---


def test_wsgi_start_response_may_come_late():
    """PEP 3333: a generator calls it before its first chunk."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"ok"

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (200, b"ok", True)
    assert is_fresh(reply.one("x-request-id"))


def test_wsgi_the_start_is_there_when_the_call_returns():
    """A server may take status and headers then (granian): they wait for no next()."""

    def app(environ, start_response):
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        yield b"broken"

    started = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    body = errorshape.wsgi.ErrorShapeMiddleware(app)(
        environ, lambda status, headers, exc_info=None: started.append(status)
    )

    assert started == ["404 Not Found"]
    assert json.loads(b"".join(body))["error"]["code"] == "not_found"
    body.close()


def test_asgi_cross_origin_headers_of_a_response_that_fails_early_are_kept():
    """What was held back had said who may read it: the error in its place does so, too."""
    headers = [(b"access-control-allow-origin", b"https://example.org"), (b"vary", b"Origin")]

    reply = asgi({**START, "headers": [*headers, (b"x-application", b"yes")]}, crash())

    assert_error(reply, "internal_error")
    assert reply.one("access-control-allow-origin") == "https://example.org"
    assert reply.one("vary") == "Origin"
    assert not reply.all("x-application")


def test_wsgi_write_is_as_good_as_a_chunk():
    """PEP 3333's imperative way: what is written comes first, and with the header."""

    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written,")
        return [b"returned"]

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (200, b"written,returned", True)
    assert is_fresh(reply.one("x-request-id"))


def test_wsgi_a_failure_after_write_cuts_the_response():
    """What was written is sent: nothing is appended to it."""

    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written,")
        raise crash()

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (200, b"written,", False)
    assert isinstance(reply.failure, RuntimeError)
    assert len(own_errors(reply)) == 1


def test_wsgi_a_failure_after_empty_chunks_is_an_error():
    """The start is held back until the first chunk that is not empty."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b""
        yield b""
        raise crash()

    reply = wsgi(app)

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


def test_wsgi_exc_info_replaces_the_start():
    """An application may change its mind while nothing was sent: its own error response counts."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise crash()
        except RuntimeError as exc:
            headers = [("Content-Type", "application/json")]
            start_response("503 Mine", headers, (type(exc), exc, exc.__traceback__))
        return [b'{"mine":true}']

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (503, b'{"mine":true}', True)


def test_wsgi_exc_info_raises_where_it_is_too_late():
    """PEP 3333: with a byte sent the exception is raised again."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first,"
        try:
            raise crash()
        except RuntimeError as exc:
            start_response("500 Mine", [], (type(exc), exc, exc.__traceback__))
        yield b"never"

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (200, b"first,", False)
    assert isinstance(reply.failure, RuntimeError)
    assert len(own_errors(reply)) == 1


@pytest.mark.parametrize("result", [[b"body"], [], None], ids=["body", "nothing", "None"])
def test_wsgi_without_start_response_is_an_error(result):
    """A response without a status is none: it is logged and answered."""
    reply = wsgi(lambda environ, start_response: result)

    assert_error(reply, "internal_error", message=catalogue_message(500))
    assert len(own_errors(reply)) == 1


def test_wsgi_two_starts_are_an_error():
    """PEP 3333 forbids a second start_response without exc_info; nothing was sent yet."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    reply = wsgi(app)

    assert_error(reply, "internal_error")
    assert len(own_errors(reply)) == 1


def test_wsgi_a_failure_in_close_is_logged_once():
    """The response is sent; the log has what went wrong after it, with the id."""

    class Body:
        def __iter__(self):
            return iter([b"ok"])

        def close(self):
            raise crash()

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return Body()

    reply = wsgi(app)

    assert (reply.status, reply.body) == (200, b"ok")
    (record,) = own_errors(reply)
    assert record.trace_id == reply.one("x-request-id")
    assert errorshape.trace_id() is None


def test_wsgi_the_body_is_closed_when_the_client_goes():
    """A server that stops early calls close(): it reaches the application's iterable, once."""
    with logs.captured() as records:
        app = errorshape.wsgi.ErrorShapeMiddleware(
            lambda environ, start_response: (
                start_response("200 OK", [("Content-Type", "text/plain")])
                and script.Chunks((b"first,", b"second"))
            )
        )
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_X_REQUEST_ID": "mine-1"}
        body = app(environ, lambda status, headers, exc_info=None: lambda data: None)
        assert next(iter(body)) == b"first,"
        body.close()

    assert [(r.message, r.trace_id) for r in records] == [("stream closed", "mine-1")]


def test_wsgi_a_file_wrapper_passes_through():
    """The server gets its own object back, so that it can send the file as it likes."""

    class FileWrapper:
        def __init__(self, data):
            self.data = data

        def __iter__(self):
            return iter([self.data])

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](b"file")

    started = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "wsgi.file_wrapper": FileWrapper,
        "HTTP_X_REQUEST_ID": "mine-1",
    }
    result = errorshape.wsgi.ErrorShapeMiddleware(app)(
        environ, lambda status, headers, exc_info=None: started.append(headers)
    )

    assert type(result) is FileWrapper
    assert [h for h in started[0] if h[0].lower() == "x-request-id"] == [("X-Request-Id", "mine-1")]
