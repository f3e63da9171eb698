"""The ASGI wrap, where an application or a server behaves in a way that most do not."""

import asyncio
import logging

import pytest

from errorshape.asgi import ErrorShapeMiddleware
from tests.drivers import Request, run_asgi

BODY = {"type": "http.response.body", "body": b"fine"}


def sends(*messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return ErrorShapeMiddleware(app)


@pytest.mark.parametrize("status", [200, 404])
def test_headers_may_be_iterable_only_once(status):
    """ASGI has headers be any iterable: an iterator loses none of them."""
    headers = iter([(b"content-type", b"image/png"), (b"x-kept", b"yes")])
    start = {"type": "http.response.start", "status": status, "headers": headers}

    reply = run_asgi(sends(start, BODY), Request("GET", "/"))

    assert (reply.one("content-type"), reply.one("x-kept")) == ("image/png", "yes")
    assert reply.body == b"fine"


def test_an_event_stream_is_known_by_headers_of_any_kind():
    """Its start goes out at once, also when its headers are an iterator."""
    headers = iter([(b"content-type", b"text/event-stream")])
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sent.append("start")
        raise ConnectionAbortedError

    reply = run_asgi(ErrorShapeMiddleware(app), Request("GET", "/"))

    assert (reply.status, reply.complete) == (200, False)


def test_an_adapters_answer_is_known_by_its_body():
    """What the layer has made is not looked at again; a body that only looks alike is."""
    made, alike = (bytes(bytearray(b"shaped elsewhere")) for _ in range(2))
    start = {
        "type": "http.response.start",
        "status": 404,
        "headers": [(b"content-type", b"text/html"), (b"x-request-id", b"another")],
    }

    def reply_with(body):
        async def app(scope, receive, send):
            scope["errorshape"]["body"] = made
            await send(start)
            await send({"type": "http.response.body", "body": body})

        return run_asgi(ErrorShapeMiddleware(app), Request("GET", "/", [("X-Request-Id", "mine")]))

    assert reply_with(made).body == made
    assert reply_with(made).one("x-request-id") == "mine"
    assert reply_with(alike).error["code"] == "not_found"


def test_trailers_that_never_come_are_an_error():
    """A response that announced trailers is not over with its body."""
    start = {"type": "http.response.start", "status": 200, "headers": [], "trailers": True}

    reply = run_asgi(sends(start, BODY), Request("GET", "/"), extensions=["http.response.trailers"])

    assert not reply.complete
    assert isinstance(reply.failure, RuntimeError)
    assert len(reply.logged(logging.ERROR)) == 1


@pytest.mark.parametrize("content_type", [b"application/json", b"text/html"])
def test_a_5xx_that_the_server_refused_was_not_answered(content_type):
    """What a server's own send raises goes back to it, for a 5xx response as for any other."""

    class ServerError(Exception):
        pass

    def refuse(point):
        if point == "send":
            raise ServerError

    start = {
        "type": "http.response.start",
        "status": 503,
        "headers": [(b"content-type", content_type)],
    }

    reply = run_asgi(sends(start, BODY), Request("GET", "/"), fault=refuse)

    assert isinstance(reply.failure, ServerError)


def test_what_a_request_has_may_be_iterable_only_once():
    """ASGI asks for no more, and Falcon's test client gives no more."""

    async def app(scope, receive, send):
        names = [name for name, _ in scope["headers"]]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b" ".join(names)})

    async def serve(scope, receive, send):
        headers = iter([iter(header) for header in scope["headers"]])
        await ErrorShapeMiddleware(app)({**scope, "headers": headers}, receive, send)

    reply = run_asgi(serve, Request("GET", "/", [("X-Request-Id", "mine")]))

    assert (reply.one("x-request-id"), b"x-request-id" in reply.body) == ("mine", True)


def test_a_scope_may_have_the_type_alone():
    """Tests of frameworks call an application so, and some servers leave out what is empty."""
    sent = []

    async def app(scope, receive, send):
        raise RuntimeError("nobody expected it")

    async def send(message):
        sent.append(message)

    asyncio.run(ErrorShapeMiddleware(app)({"type": "http"}, None, send))

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 500


def test_a_file_may_follow_the_start_of_an_event_stream():
    """The start has gone out at once, and the file with the events is handed on."""
    headers = [(b"content-type", b"text/event-stream")]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    file = {"type": "http.response.pathsend", "path": __file__}

    reply = run_asgi(sends(start, file), Request("GET", "/"), extensions=[file["type"]])

    assert (reply.status, reply.complete, reply.failure) == (200, True, None)


@pytest.mark.parametrize("leaves_at", ["websocket.send", "websocket.close"])
def test_a_websocket_whose_client_leaves_in_the_midst_of_a_failure(leaves_at, caplog):
    """It cannot be closed any more; the failure is logged all the same."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        try:
            await send({"type": "websocket.send", "text": "hello"})
        finally:
            raise RuntimeError("nobody expected it")

    async def send(message):
        sent.append(message["type"])
        if message["type"] == leaves_at:
            raise ConnectionResetError

    asyncio.run(ErrorShapeMiddleware(app)({"type": "websocket"}, None, send))

    assert sent[-1] == leaves_at
    assert "nobody expected it" in caplog.text
