"""The strict stand-ins object to each breach; a server that never objects would prove nothing."""

import asyncio
import logging
import sys
from contextlib import suppress
from types import MappingProxyType
from wsgiref.validate import WSGIWarning

import pytest

from tests import grammar, logs
from tests.clients import InProcess
from tests.drivers import (
    LifespanExchange,
    ProtocolError,
    Request,
    WebSocketExchange,
    run_asgi,
    run_wsgi,
)
from tests.stacks import STACKS

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
    "trailers announced but not offered": [start(trailers=True), body()],
    "a message of a WebSocket": [{"type": "websocket.accept"}],
    "no status": [{"type": "http.response.start"}],
    "status is a bool": [start(True)],
    "header is no pair": [start(headers=[(b"x", b"y", b"z")])],
    "header is bytes": [start(headers=[b"xy"])],
    "headers are no iterable": [{"type": "http.response.start", "status": 200, "headers": 1}],
    "header name is pseudo": [start(headers=[(b":status", b"200")])],
    "length is no number": [start(headers=[(b"content-length", b"two")]), body(b"ok")],
    "body is a bytearray": [start(), body(bytearray(b"ok"))],
    "body is None": [start(), body(None)],
    "more_body is None": [start(), body(b"ok", None)],
    "unknown field of a body": [start(), {**body(), "status": 200}],
    "message is a mapping": [MappingProxyType(start())],
}

EVERY_EXTENSION = {"extensions": grammar.EXTENSIONS}
EXTENSION_BREACHES = {
    "trailers is no bool": [start(trailers=1)],
    "trailers before the body": [start(trailers=True), {"type": "http.response.trailers"}],
    "trailers unannounced": [start(), body(), {"type": "http.response.trailers"}],
    "trailers are text": [
        start(trailers=True), body(), {"type": "http.response.trailers", "headers": [("x", "y")]},
    ],
    "trailers have a line break": [
        start(trailers=True), body(), {"type": "http.response.trailers", "headers": [(b"x", b"\n")]},
    ],
    "more_trailers is no bool": [
        start(trailers=True), body(), {"type": "http.response.trailers", "more_trailers": 0},
    ],
    "hints are text": [{"type": "http.response.early_hint", "links": ["</a>; rel=preload"]}],
    "hints are missing": [{"type": "http.response.early_hint"}],
    "hints come late": [start(), {"type": "http.response.early_hint", "links": []}],
    "path is bytes": [start(), {"type": "http.response.pathsend", "path": b"/etc/hosts"}],
    "path is relative": [start(), {"type": "http.response.pathsend", "path": "hosts"}],
    "path before the start": [{"type": "http.response.pathsend", "path": "/etc/hosts"}],
    "path after a part": [
        start(), body(b"", True), {"type": "http.response.pathsend", "path": "/etc/hosts"},
    ],
    "path and a body": [start(), {"type": "http.response.pathsend", "path": "/a"}, body()],
    "push after the end": [start(), body(), {"type": "http.response.push", "path": "/a"}],
    "push of no path": [{"type": "http.response.push", "headers": []}],
    "file is a number": [start(), {"type": "http.response.zerocopysend", "file": 1}],
    "file before the start": [{"type": "http.response.zerocopysend", "file": sys.__stdout__}],
    "debug is no dict": [{"type": "http.response.debug", "info": "template"}],
    "debug is late": [start(), {"type": "http.response.debug", "info": {}}],
}  # fmt: skip


@pytest.mark.parametrize("messages", EXTENSION_BREACHES.values(), ids=EXTENSION_BREACHES)
def test_asgi_breaches_of_extensions_are_found(messages):
    """An extension that is offered has its own grammar."""
    with pytest.raises(ProtocolError):
        asgi(*messages, swallow=True, **EVERY_EXTENSION)


@pytest.mark.parametrize("extension", grammar.EXTENSIONS)
def test_asgi_an_extension_is_for_servers_that_offer_it(extension):
    """Every message of one is a breach elsewhere, however well it is made."""
    fields = {"links": [], "path": "/a", "file": sys.__stdout__, "info": {}}
    rules = grammar.MESSAGES[extension]
    message = {"type": extension} | {k: v for k, v in fields.items() if f"{k}!" in rules}
    begun = [start()] * (extension.endswith("send"))

    with pytest.raises(ProtocolError, match="not offered"):
        asgi(*begun, message)


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


ACCEPT, CLOSE = {"type": "websocket.accept"}, {"type": "websocket.close"}
DENIAL = {"type": "websocket.http.response.start", "status": 403, "headers": []}
DENIED = {"type": "websocket.http.response.body", "body": b"no"}


def text(value="hello", **more):
    return {"type": "websocket.send", "text": value, **more}


WEBSOCKET_BREACHES = {
    "send before the accept": [text()],
    "two accepts": [ACCEPT, ACCEPT],
    "two closes": [CLOSE, CLOSE],
    "send after the close": [ACCEPT, CLOSE, text()],
    "denial after the accept": [ACCEPT, DENIAL],
    "denial after the close": [CLOSE, DENIAL],
    "two denials": [DENIAL, DENIAL],
    "accept after the denial": [DENIAL, ACCEPT],
    "close in the denial": [DENIAL, CLOSE],
    "body before the denial": [DENIED],
    "body after the end": [DENIAL, DENIED, DENIED],
    "denial as of HTTP": [{**DENIAL, "type": "http.response.start"}],
    "denial with trailers": [{**DENIAL, "trailers": True}],
    "denial in text": [DENIAL, {**DENIED, "body": "no"}],
    "denial without a status": [{"type": DENIAL["type"]}],
    "denial with a status of text": [{**DENIAL, "status": "403"}],
    "denial is informational": [{**DENIAL, "status": 101}],
    "denial with headers of text": [{**DENIAL, "headers": [("x", "y")]}],
    "denial longer than its length": [{**DENIAL, "headers": [(b"content-length", b"1")]}, DENIED],
    "denial shorter than its length": [{**DENIAL, "headers": [(b"content-length", b"3")]}, DENIED],
    "denial with a line break": [{**DENIAL, "headers": [(b"x", b"a\nb")]}, DENIED],
    "denial names two ids": [{**DENIAL, "headers": [(b"x-request-id", b"a")] * 2}],
    "accept with headers of text": [{**ACCEPT, "headers": [("x", "y")]}],
    "accept with names in upper case": [{**ACCEPT, "headers": [(b"X-A", b"y")]}],
    "accept with a line break": [{**ACCEPT, "headers": [(b"x", b"a\r\nb")]}],
    "accept with a subprotocol in a header": [
        {**ACCEPT, "headers": [(b"sec-websocket-protocol", b"chat")]},
    ],
    "accept of what was not offered": [{**ACCEPT, "subprotocol": "chess"}],
    "accept of bytes": [{**ACCEPT, "subprotocol": b"chat"}],
    "accept with an unknown field": [{**ACCEPT, "status": 101}],
    "text and bytes": [ACCEPT, text(bytes=b"hello")],
    "neither text nor bytes": [ACCEPT, text(None)],
    "text is bytes": [ACCEPT, text(b"hello")],
    "bytes are text": [ACCEPT, {"type": "websocket.send", "bytes": "hello"}],
    "code is text": [ACCEPT, {**CLOSE, "code": "1000"}],
    "code is None": [ACCEPT, {**CLOSE, "code": None}],
    "code is never sent": [ACCEPT, {**CLOSE, "code": 1006}],
    "code is an HTTP status": [ACCEPT, {**CLOSE, "code": 500}],
    "reason is bytes": [ACCEPT, {**CLOSE, "code": 1000, "reason": b"bye"}],
    "reason is too long": [ACCEPT, {**CLOSE, "code": 1000, "reason": "x" * 124}],
    "reason is too long in bytes": [ACCEPT, {**CLOSE, "code": 1000, "reason": "\xe9" * 62}],
    "a message of the client": [{"type": "websocket.receive", "text": "hello"}],
    "no message": [None],
}  # fmt: skip


def websocket(*messages, **options):
    """The violations of an application that sends these, whatever the server says of each."""
    exchange = WebSocketExchange("/", subprotocols=["chat"], **options)

    async def app(scope, receive, send):
        assert await receive() == {"type": "websocket.connect"}
        for message in messages:
            with suppress(ProtocolError):
                await send(message)

    asyncio.run(exchange.run(app))
    assert exchange.failure is None
    return exchange.violations


@pytest.mark.parametrize("messages", WEBSOCKET_BREACHES.values(), ids=WEBSOCKET_BREACHES)
def test_websocket_breaches_are_found(messages):
    """Each message has its place in the life of a connection, its fields and their types."""
    assert websocket(*messages, denial=True)


@pytest.mark.parametrize(
    "messages",
    [
        [ACCEPT, text(), {"type": "websocket.send", "bytes": b"\xff", "text": None}, CLOSE],
        [{**ACCEPT, "subprotocol": "chat", "headers": [(b"x-a", b"y")]}, text("")],
        [ACCEPT, {**CLOSE, "code": 1011, "reason": "x" * 123}],
        [ACCEPT, {**CLOSE, "code": 4999, "reason": None}],
        [CLOSE],
        [{**DENIAL, "headers": ((b"content-length", b"2"),)}, DENIED],
        [DENIAL, {**DENIED, "more_body": True}, DENIED],
    ],
)
def test_websocket_good_conversations_are_none(messages):
    """What the specification allows is no breach."""
    assert not websocket(*messages, denial=True)


def test_websocket_a_denial_has_to_be_offered():
    """Without the extension an application can only close."""
    assert websocket(DENIAL)


def test_websocket_a_client_that_is_gone():
    """``send`` raises OSError once the application was told so; to ask again is a breach."""
    exchange = WebSocketExchange("/")

    async def app(scope, receive, send):
        await receive()
        await send(ACCEPT)
        assert (await receive())["type"] == "websocket.disconnect"
        with pytest.raises(OSError, match="gone"):
            await send(text())
        await receive()

    asyncio.run(exchange.run(app))

    assert exchange.messages == [ACCEPT]
    assert exchange.violations == ["received after the disconnect"]


STARTED, STOPPED = "lifespan.startup.complete", "lifespan.shutdown.complete"
LIFESPANS = {
    "answer before the question": ["send", STARTED],
    "two answers": ["receive", STARTED, STARTED],
    "the other answer": ["receive", STOPPED],
    "no answer": ["receive", "receive"],
    "asked for more": ["receive", STARTED, "receive", STOPPED, "receive"],
    "no such answer": ["receive", "lifespan.startup.done"],
    "a message of HTTP": ["receive", "http.response.body"],
}


def lifespan(*steps):
    exchange = LifespanExchange()

    async def app(scope, receive, send):
        for step in steps:
            await (receive() if step == "receive" else send({"type": step}))

    asyncio.run(exchange.run(app))
    return exchange


@pytest.mark.parametrize("steps", LIFESPANS.values(), ids=LIFESPANS)
def test_lifespan_breaches_are_found(steps):
    """One answer to each of two questions."""
    assert lifespan(*steps).violations


def test_lifespan_fields_are_checked():
    """A message of failure is text, and success has none."""
    for answer in (
        {"type": "lifespan.startup.failed", "message": b"no"},
        {"type": "lifespan.startup.complete", "message": "yes"},
    ):
        exchange = LifespanExchange()

        async def app(scope, receive, send, answer=answer):
            await receive()
            await send(answer)

        asyncio.run(exchange.run(app))
        assert exchange.violations


def test_lifespan_that_goes_well_is_none():
    """Started up and shut down."""
    exchange = lifespan("receive", STARTED, "receive", STOPPED)

    assert (exchange.answers, exchange.violations) == ([STARTED, STOPPED], [])
    assert exchange.failure is None


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


class Text(str):
    """Which PEP 3333 does not take for one."""

    __slots__ = ()


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
    "type of a 204": ([("204 No Content", [TEXT])], ()),
    "header is no ISO-8859-1": ([("200 OK", [TEXT, ("X-A", "\u20ac")])], (b"ok",)),
    "header ends in a dash": ([("200 OK", [TEXT, ("X-A-", "y")])], (b"ok",)),
    "header is Status": ([("200 OK", [TEXT, ("Status", "200")])], (b"ok",)),
    "header is a subclass of str": ([("200 OK", [TEXT, ("X-A", Text("y"))])], (b"ok",)),
    "exc_info is a list": ([("200 OK", [TEXT], [None])], (b"ok",)),
    "chunk is a bytearray": ([OK], (bytearray(b"ok"),)),
    "result is None": ([OK], None),
}


@pytest.mark.parametrize(("calls", "result"), WSGI_BREACHES.values(), ids=WSGI_BREACHES)
def test_wsgi_breaches_are_found(calls, result):
    """Each breach of PEP 3333 ends the test."""
    with pytest.raises(ProtocolError):
        wsgi(*calls, result=result)


@pytest.mark.parametrize(
    "calls",
    [calls for calls, result in WSGI_BREACHES.values() if calls and repr(result) == "(b'ok',)"],
)
def test_wsgi_breaches_that_are_swallowed_are_found(calls):
    """The validator's word counts, also when the application does not listen."""
    with pytest.raises(ProtocolError):
        wsgi(*calls, swallow=True)


WSGI_MISUSES = {
    "reads all": lambda environ, write: environ["wsgi.input"].read(),
    "closes the input": lambda environ, write: environ["wsgi.input"].close(),
    "closes the errors": lambda environ, write: environ["wsgi.errors"].close(),
    "errors in bytes": lambda environ, write: environ["wsgi.errors"].write(b"no"),
    "writes text": lambda environ, write: write("no"),
}


@pytest.mark.parametrize("misuse", WSGI_MISUSES.values(), ids=WSGI_MISUSES)
def test_wsgi_misuses_that_are_swallowed_are_found(misuse):
    """So are those of what the server hands to the application."""

    def app(environ, start_response):
        write = start_response(*OK)
        with suppress(AssertionError):
            misuse(environ, write)
        return [b"ok"]

    with pytest.raises(ProtocolError, match="validate"):
        run_wsgi(app, GET)


@pytest.mark.parametrize("stack", [s for s in STACKS if s.protocol == "wsgi"], ids=str)
def test_wsgi_the_validator_is_around_every_stack(stack):
    """What the contract's tests ask is checked: a body that breaks PEP 3333 ends the test."""
    app = stack.build()

    def bad(environ, start_response):
        body = app(environ, start_response)
        try:
            return [b"".join(body).decode()]
        finally:
            getattr(body, "close", lambda: None)()

    assert InProcess(stack, app).get("/ok").status == 200
    with pytest.raises(ProtocolError, match="validate"):
        InProcess(stack, bad).get("/ok")


@pytest.mark.parametrize("stack", [s for s in STACKS if s.protocol == "asgi"], ids=str)
def test_asgi_the_grammar_is_checked_on_every_stack(stack):
    """What the contract's tests ask is checked: a message that breaks the grammar ends the test."""
    app = stack.build()

    async def bad(scope, receive, send):
        async def send_more(message):
            await send({**message, "reason": "OK"})

        await app(scope, receive, send_more)

    assert InProcess(stack, app).get("/ok").status == 200
    with pytest.raises(ProtocolError, match="reason"):
        InProcess(stack, bad).get("/ok")


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
