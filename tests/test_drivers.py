"""The strict stand-ins object to each breach; a server that never objects would prove nothing."""

import asyncio
import logging
from wsgiref.validate import WSGIWarning

import pytest

from tests import logs
from tests.drivers import ProtocolError, Request, WebSocketExchange, run_asgi, run_wsgi

GET = Request("GET", "/")


def start(status=200, headers=(), **more):
    return {"type": "http.response.start", "status": status, "headers": list(headers), **more}


def body(data=b"", more_body=False):
    return {"type": "http.response.body", "body": data, "more_body": more_body}


def asgi(*messages, request=GET, swallow=False, **options):
    async def app(scope, receive, send):
        for message in messages:
            try:
                await send(message)
            except ProtocolError:
                if not swallow:
                    raise

    return run_asgi(app, request, **options)


LENGTH_2 = (b"content-length", b"2")

ASGI_BREACHES = {
    "no start": [body(b"ok")],
    "two starts": [start(), start(), body()],
    "body after the end": [start(), body(b"ok"), body(b"more")],
    "start after the end": [start(), body(b"ok"), start()],
    "no message": ["http.response.start"],
    "unknown message": [{"type": "http.response.begin"}],
    "unknown field": [start(reason="OK")],
    "status is text": [start("200")],
    "status is informational": [start(100)],
    "header is text": [start(headers=[("x", "y")])],
    "header name in upper case": [start(headers=[(b"X-A", b"y")])],
    "header name is no token": [start(headers=[(b"x a", b"y")])],
    "header value has a line break": [start(headers=[(b"x", b"a\r\nb")])],
    "header value has a control character": [start(headers=[(b"x", b"a\x7fb")])],
    "two lengths": [start(headers=[LENGTH_2, LENGTH_2])],
    "two ids": [start(headers=[(b"x-request-id", b"a"), (b"x-request-id", b"b")])],
    "body is text": [start(), body("ok")],
    "more_body is no bool": [start(), body(b"ok", "no")],
    "more than the length": [start(headers=[LENGTH_2]), body(b"more")],
    "less than the length": [start(headers=[LENGTH_2]), body(b"1")],
    "body of a 204": [start(204), body(b"ok")],
    "trailers that were not offered": [start(), body(), {"type": "http.response.trailers"}],
}


@pytest.mark.parametrize("swallow", [False, True], ids=["raised", "swallowed"])
@pytest.mark.parametrize("messages", ASGI_BREACHES.values(), ids=ASGI_BREACHES)
def test_asgi_breaches_are_found(messages, swallow):
    """Each breach of the grammar ends the test, also when the application swallows it."""
    with pytest.raises(ProtocolError):
        asgi(*messages, swallow=swallow)


def test_asgi_a_body_for_head_is_a_breach():
    """The answer to HEAD has no body, whatever its length says."""
    with pytest.raises(ProtocolError, match="HEAD"):
        asgi(start(headers=[LENGTH_2]), body(b"ok"), request=Request("HEAD", "/"))
    assert asgi(start(headers=[LENGTH_2]), body(), request=Request("HEAD", "/")).complete


def test_asgi_trailers_end_the_response():
    """With trailers announced, the body alone does not complete it; they come after it only."""
    trailers = {"type": "http.response.trailers", "headers": []}
    offered = {"extensions": ["http.response.trailers"]}

    assert not asgi(start(trailers=True), body(b"ok"), **offered).complete
    assert asgi(start(trailers=True), body(b"ok"), trailers, **offered).complete
    with pytest.raises(ProtocolError, match="trailers"):
        asgi(start(trailers=True), trailers, **offered)


def test_asgi_a_good_response_is_told_as_it_was():
    """What was sent is in the reply, and what was logged beside it."""

    async def app(scope, receive, send):
        assert await receive() == {"type": "http.request", "body": b"in", "more_body": False}
        logging.getLogger("app").info("hello", extra={"trace_id": "mine"})
        await send(start(201, [(b"x-a", b"1"), (b"x-a", b"2")]))
        await send(body(b"o", True))
        await send(body(b"k"))
        assert await receive() == {"type": "http.disconnect"}

    reply = run_asgi(app, Request("POST", "/", (), b"in"))

    assert (reply.status, reply.body, reply.complete, reply.failure) == (201, b"ok", True, None)
    assert reply.all("X-A") == ["1", "2"]
    assert logs.Record("app", logging.INFO, "mine", "hello") in reply.log_records


def test_asgi_an_unfinished_response_is_not_complete():
    """Neither one that the application leaves, nor one that it fails in."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(b"o", True))
        raise OSError("gone")

    reply = run_asgi(app, GET)

    assert not asgi(start(), body(b"o", True)).complete
    assert (reply.body, reply.complete, type(reply.failure)) == (b"o", False, OSError)


def test_asgi_a_client_that_is_gone():
    """``send`` raises OSError from then on."""
    reply = asgi(start(), body(b"o", True), body(b"k"), gone_after=2)

    assert (reply.body, reply.complete, type(reply.failure)) == (b"o", False, OSError)


def test_asgi_faults_are_raised_where_control_passes():
    """A sweep can make each point fail."""
    points = []

    def fault(point):
        points.append(point)
        if points.count("send") == 2:
            raise MemoryError

    assert isinstance(asgi(start(), body(), fault=fault).failure, MemoryError)
    assert points == ["send", "send"]


@pytest.mark.parametrize(
    "kinds",
    [["send"], ["accept", "accept"], ["close", "close"], ["accept", "http.response.start"]],
    ids="-".join,
)
def test_websocket_breaches_are_found(kinds):
    """Each message has its place in the life of a connection."""
    exchange = WebSocketExchange("/", denial=True)

    async def app(scope, receive, send):
        for kind in kinds:
            await send({"type": f"websocket.{kind}"})

    asyncio.run(exchange.run(app))

    assert exchange.violations


# --- WSGI ---

TEXT = ("Content-Type", "text/plain")


def wsgi(*calls, result=(b"ok",), request=GET, swallow=False, **options):
    def app(environ, start_response):
        for call in calls:
            try:
                start_response(*call)
            except (AssertionError, WSGIWarning):
                if not swallow:
                    raise
        return list(result) if isinstance(result, tuple) else result

    return run_wsgi(app, request, **options)


OK = ("200 OK", [TEXT])

WSGI_BREACHES = {
    "no start": ([], (b"ok",)),
    "two starts": ([OK, OK], (b"ok",)),
    "status without a phrase": ([("200", [TEXT])], (b"ok",)),
    "status is a number": ([(200, [TEXT])], (b"ok",)),
    "headers are a tuple": ([("200 OK", (TEXT,))], (b"ok",)),
    "header is a list": ([("200 OK", [TEXT, ["X-A", "y"]])], (b"ok",)),
    "header is bytes": ([("200 OK", [TEXT, (b"X-A", b"y")])], (b"ok",)),
    "header name is no token": ([("200 OK", [TEXT, ("X A", "y")])], (b"ok",)),
    "header value has a line break": ([("200 OK", [TEXT, ("X-A", "a\r\nb")])], (b"ok",)),
    "header for the server to set": ([("200 OK", [TEXT, ("Connection", "close")])], (b"ok",)),
    "two types": ([("200 OK", [TEXT, TEXT])], (b"ok",)),
    "no type": ([("200 OK", [])], (b"ok",)),
    "chunk is text": ([OK], ("ok",)),
    "result is text": ([OK], "ok"),
    "more than the length": ([("200 OK", [TEXT, ("Content-Length", "1")])], (b"ok",)),
    "less than the length": ([("200 OK", [TEXT, ("Content-Length", "3")])], (b"ok",)),
    "body of a 204": ([("204 No Content", [])], (b"ok",)),
}


@pytest.mark.parametrize(("calls", "result"), WSGI_BREACHES.values(), ids=WSGI_BREACHES)
def test_wsgi_breaches_are_found(calls, result):
    """Each breach of PEP 3333 ends the test or is what the server saw raised."""
    try:
        failure = wsgi(*calls, result=result).failure
    except ProtocolError as exc:
        failure = exc
    assert isinstance(failure, AssertionError)


@pytest.mark.parametrize(
    "calls",
    [calls for calls, result in WSGI_BREACHES.values() if calls and result == (b"ok",)],
)
def test_wsgi_breaches_that_are_swallowed_are_found(calls):
    """The validator's word counts, also when the application does not listen."""
    with pytest.raises(ProtocolError):
        wsgi(*calls, swallow=True)


def test_wsgi_a_body_for_head_is_a_breach():
    """The answer to HEAD has no body, whatever its length says."""
    head = ("200 OK", [TEXT, ("Content-Length", "2")])

    with pytest.raises(ProtocolError, match="HEAD"):
        wsgi(head, request=Request("HEAD", "/"))
    assert wsgi(head, request=Request("HEAD", "/"), result=()).complete


def test_wsgi_a_good_response_is_told_as_it_was():
    """What was sent is in the reply, and what was logged beside it; close() was called once."""
    closed = []

    class Body:
        def __iter__(self):
            yield b"k"

        def close(self):
            closed.append(self)

    def app(environ, start_response):
        assert environ["wsgi.input"].read(2) == b"in"
        assert environ["HTTP_X_A"] == "1,2"
        logging.getLogger("app").info("hello", extra={"trace_id": "mine"})
        start_response("201 Created", [TEXT])(b"o")
        return Body()

    reply = run_wsgi(app, Request("POST", "/", (("X-A", "1"), ("X-A", "2")), b"in"))

    assert (reply.status, reply.body, reply.complete, reply.failure) == (201, b"ok", True, None)
    assert logs.Record("app", logging.INFO, "mine", "hello") in reply.log_records
    assert len(closed) == 1


def test_wsgi_exc_info_is_raised_again_once_headers_are_sent():
    """As PEP 3333 has it; before that it replaces them."""

    def app(environ, start_response):
        start_response("200 OK", [TEXT])
        if environ["PATH_INFO"] == "/late":
            yield b"o"
        try:
            raise LookupError
        except LookupError as exc:
            start_response("500 Oops", [TEXT], (type(exc), exc, exc.__traceback__))
        yield b"k"

    late = run_wsgi(app, Request("GET", "/late"))

    assert run_wsgi(app, GET).status == 500
    assert (late.status, late.body, late.complete) == (200, b"o", False)
    assert isinstance(late.failure, LookupError)


def test_wsgi_faults_are_raised_where_control_passes():
    """A sweep can make each point fail; close() is called all the same."""
    points = []

    def fault(point):
        points.append(point)
        if point == "next":
            raise MemoryError

    assert isinstance(wsgi(OK, fault=fault).failure, MemoryError)
    assert points == ["call", "start_response", "write", "next", "close"]


def test_a_record_without_the_id_is_noticed():
    """A record that ``%(trace_id)s`` fails on is not lost."""
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    try:
        with logs.captured() as records:
            logging.getLogger("app").info("hello")
    finally:
        logging.setLogRecordFactory(factory)

    assert records == [logs.Record("app", logging.INFO, None, "hello")]
