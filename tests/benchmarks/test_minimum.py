"""The minimum that errorshape is measured against keeps the contract's success path itself."""

import asyncio
import re

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from flask import Flask

import errorshape
from benchmarks import data
from benchmarks.minimum import asgi as asgi_minimum
from benchmarks.minimum import django as django_minimum
from benchmarks.minimum import flask as flask_minimum
from benchmarks.minimum import wsgi as wsgi_minimum
from benchmarks.minimum.identity import current
from tests.drivers import Reply, Request, run_asgi, run_wsgi

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")
is_fresh = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
).fullmatch


def asgi(wraps, headers, seen):
    """Serve one request by ASGI through as many wraps."""

    async def app(scope, receive, send):
        seen.append(current.get())
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})

    for _ in range(wraps):
        app = asgi_minimum.minimum(app)
    return lambda request: run_asgi(app, request)


def wsgi(wraps, headers, seen, *, whole=False):
    """Serve one request by WSGI through as many wraps; the body comes in parts, or as a list."""

    def app(environ, start_response):
        seen.append(current.get())
        start_response("200 OK", list(headers))
        return [b"ab"] if whole else iter([b"", b"a", b"b"])

    for _ in range(wraps):
        app = wsgi_minimum.minimum(app)
    return lambda request: run_wsgi(app, request)


def wsgi_whole(wraps, headers, seen):
    return wsgi(wraps, headers, seen, whole=True)


def flask(wraps, headers, seen):
    """Serve one request by a Flask application with the minimum in it as many times."""
    app = Flask(__name__)

    @app.get("/")
    def view():
        seen.append(current.get())
        return app.response_class(iter(["", "a", "b"]), headers=headers)

    for _ in range(wraps):
        flask_minimum.minimum(app)
    return lambda request: run_wsgi(app, request)


def django(wraps, headers, seen):
    """Serve one request by a Django application with as many of the middleware."""

    def view(request):
        seen.append(current.get())
        return HttpResponse(b"ab", headers=dict(headers))

    def serve(request):
        given = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in request.headers}
        get_response = view
        for _ in range(wraps):
            get_response = django_minimum.minimum(get_response)
        response = get_response(RequestFactory().get(request.path, **given))
        pairs = [(name.lower(), value) for name, value in response.items()]
        body = response.content
        response.close()
        return Reply(response.status_code, pairs, body)

    return serve


PROTOCOLS = pytest.mark.parametrize("protocol", [asgi, wsgi, wsgi_whole, flask, django])
PLAIN = [("Content-Type", "text/plain")]


def get(protocol, *given, headers=PLAIN, wraps=1):
    seen = []
    reply = protocol(wraps, headers, seen)(Request("GET", "/", given))
    assert (reply.status, reply.body, reply.complete) == (200, b"ab", True)
    trace_id = reply.one("x-request-id")
    assert seen == [trace_id]
    return reply, trace_id


@PROTOCOLS
def test_an_id_is_made(protocol):
    """Without one from the client it is a fresh UUID, in the header and in the variable."""
    assert is_fresh(get(protocol)[1])


@PROTOCOLS
def test_a_valid_id_is_taken(protocol):
    """One header of the characters that are allowed."""
    assert get(protocol, ("X-Request-Id", "a.B_1~+/=:@-"))[1] == "a.B_1~+/=:@-"


@PROTOCOLS
@pytest.mark.parametrize("given", ["", "a b", "é", "x" * 129, "a,b"])
def test_an_invalid_id_is_ignored(protocol, given):
    """What is not valid is never echoed."""
    assert is_fresh(get(protocol, ("X-Request-Id", given))[1])


@PROTOCOLS
def test_a_trace_is_joined(protocol):
    """The trace-id of a traceparent is the id where no other one was given."""
    assert get(protocol, TRACEPARENT)[1] == TRACE
    assert get(protocol, TRACEPARENT, ("X-Request-Id", "mine"))[1] == "mine"


def test_asgi_two_ids_are_none():
    """All headers are looked at."""
    assert is_fresh(get(asgi, ("X-Request-Id", "a"), ("X-Request-Id", "b"))[1])


@PROTOCOLS
def test_the_applications_own_id_is_replaced(protocol):
    """There is exactly one X-Request-Id, and it is exposed where others are."""
    own = [*PLAIN, ("X-Request-Id", "own"), ("Access-Control-Expose-Headers", "ETag")]

    reply, trace_id = get(protocol, headers=own)

    assert trace_id != "own"
    assert reply.one("access-control-expose-headers").lower() == "etag, x-request-id"


@PROTOCOLS
def test_an_inner_wrap_takes_the_outer_ones_id(protocol):
    """Nesting is found through the scope or the environ."""
    assert get(protocol, wraps=2)[1]


@pytest.mark.parametrize("protocol", [wsgi, wsgi_whole, flask, django])
def test_wsgi_clears_the_variable(protocol):
    """When the server has closed the body, the thread has no id."""
    get(protocol)

    assert current.get() is None


def test_wsgi_holds_the_start_back():
    """A failure before the first byte finds nothing sent."""
    started = []

    def app(environ, start_response):
        start_response("200 OK", [])
        yield b""
        raise KeyError

    with pytest.raises(KeyError):
        wsgi_minimum.minimum(app)({}, lambda *start: started.append(start))
    assert not started


def serve(*steps, send=None):
    """Run the ASGI minimum around an application that sends ``steps``; return what went out."""
    sent = []

    async def app(scope, receive, send):
        for step in steps:
            if step is None:
                await receive()
            else:
                await send(step)

    async def receive():
        return {"type": "http.disconnect"}

    async def keep(message):
        sent.append(message)

    scope = {"type": "http", "headers": []}
    asyncio.run(asgi_minimum.minimum(app)(scope, receive, send or keep))
    return sent


START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"x"}


@pytest.mark.parametrize("steps", [[], [START], [END], [START, START], [START, END, END]], ids=len)
def test_asgi_order_and_end_are_checked(steps):
    """What is no complete response in its order is found out."""
    with pytest.raises(RuntimeError):
        serve(*steps)


def test_asgi_holds_the_start_back():
    """An event stream begins at once, anything else with its body."""
    stream = {**START, "headers": [(b"content-type", b"text/event-stream")]}

    assert [message["type"] for message in serve(START, END)] == [START["type"], END["type"]]
    assert START["headers"] == []
    assert len(serve(stream, {**END, "more_body": True}, END)) == 3


def test_asgi_a_client_that_has_gone_needs_no_response():
    """``receive`` is watched for it, and so is an OSError of ``send``."""
    assert serve(None) == []

    async def refuse(message):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        serve(START, END, send=refuse)


# --- a documented error ---------------------------------------------------------------------------


def answered(reply):
    error = reply.error
    assert (reply.status, error["code"], error["details"]) == (404, "not_found", data.DETAILS)
    assert error["trace_id"] == reply.one("x-request-id") == "mine"
    assert reply.one("content-type") == "application/json"
    assert reply.one("content-length") == str(len(reply.body))
    assert reply.one("cache-control") == "no-store"


MINE = Request("GET", "/error", (("X-Request-Id", "mine"),))


def test_asgi_answers_a_documented_error():
    """As the envelope, with its headers; not when the response has begun."""
    answered(run_asgi(asgi_minimum.minimum(data.asgi), MINE))

    async def begun(scope, receive, send):
        await send(START)
        await send({**END, "more_body": True})
        raise data.documented()

    with pytest.raises(errorshape.NotFoundError):
        asyncio.run(asgi_minimum.minimum(begun)({"type": "http", "headers": []}, None, _nothing))


async def _nothing(message):
    pass


def test_wsgi_answers_a_documented_error():
    """As the envelope, with its headers; not when the response has begun."""
    answered(run_wsgi(wsgi_minimum.minimum(data.wsgi), MINE))

    def begun(environ, start_response):
        start_response("200 OK", [])(b"x")
        raise data.documented()

    with pytest.raises(errorshape.NotFoundError):
        wsgi_minimum.minimum(begun)({}, lambda *start: lambda chunk: None)


def test_flask_answers_a_documented_error():
    """By its error handler."""
    app = Flask(__name__)

    @app.get("/error")
    def view():
        raise data.documented()

    answered(run_wsgi(flask_minimum.minimum(app), MINE))


def test_django_answers_a_documented_error():
    """By ``process_exception``; nothing else."""
    middleware = django_minimum.minimum(
        lambda request: middleware.process_exception(request, data.documented())
    )

    response = middleware(RequestFactory().get("/", HTTP_X_REQUEST_ID="mine"))

    pairs = [(name.lower(), value) for name, value in response.items()]
    answered(Reply(response.status_code, pairs, response.content))
    assert middleware.process_exception(None, KeyError()) is None
