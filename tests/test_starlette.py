"""The Starlette and FastAPI adapters, where the contract's cases do not reach."""

import asyncio
import json
import logging
from typing import Annotated

import pytest
from fastapi import BackgroundTasks, FastAPI, Query, WebSocket
from pydantic import BaseModel
from python_multipart.exceptions import MultipartParseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Host, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

import errorshape
import errorshape.fastapi
import errorshape.starlette
from tests import logs
from tests.contract import assert_error, assert_logged_once, own_errors
from tests.drivers import Request, WebSocketExchange, run_asgi
from tests.stacks.script import SECRET
from tests.test_import_cost import imported_by

ORIGIN = (("Origin", "https://example.org"),)
CORS = Middleware(CORSMiddleware, allow_origins=["https://example.org"])


async def crash(request):
    raise RuntimeError(SECRET)


async def conflict(request):
    raise errorshape.ConflictError


async def ok(request):
    return PlainTextResponse("ok")


def test_the_import_takes_nothing_of_starlette_that_an_application_may_do_without():
    """The middlewares that the adapter has to know are known by their names."""
    more = imported_by("errorshape.starlette") - imported_by("starlette.applications")

    assert not [module for module in more if module.startswith("starlette.")]


def starlette(*routes, **options):
    """Return an application with some routes and the adapter."""
    layer = {name: options.pop(name) for name in ("debug_layer",) if name in options}
    app = Starlette(routes=[Route("/crash", crash), Route("/ok", ok), *routes], **options)
    errorshape.starlette.init_app(app, debug=layer.get("debug_layer", False))
    return app


def get(app, path, headers=(), method="GET", body=b""):
    return run_asgi(app, Request(method, path, headers, body))


def websocket(app, path, received=(), denial=True):
    exchange = WebSocketExchange(path, received=received, denial=denial)
    with logs.captured() as records:
        asyncio.run(exchange.run(app, [(b"x-request-id", b"mine-1")]))
    assert not exchange.violations
    assert exchange.failure is None
    return exchange.messages, [record for record in records if record.level >= logging.WARNING]


# --- CORS ----------------------------------------------------------------------------------------


class Failing(BaseHTTPMiddleware):
    """Fails after the application has answered."""

    async def dispatch(self, request, call_next):
        await call_next(request)
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("inner", [[], [Middleware(Failing)]], ids=["a view", "a middleware"])
def test_a_crash_keeps_its_cors_headers(inner):
    """A page of another origin may read the error, whoever crashed below CORSMiddleware."""
    app = starlette(middleware=[CORS, *inner])

    reply = get(app, "/crash", ORIGIN)

    assert_error(reply, "internal_error")
    assert_logged_once(reply)
    assert reply.one("access-control-allow-origin") == "https://example.org"


def test_a_stream_that_fails_early_keeps_its_cors_headers():
    """It had them already, when it failed."""

    async def fail():
        raise RuntimeError(SECRET)
        yield b""

    async def stream(request):
        return StreamingResponse(fail())

    reply = get(starlette(Route("/stream", stream), middleware=[CORS]), "/stream", ORIGIN)

    assert_error(reply, "internal_error")
    assert reply.one("access-control-allow-origin") == "https://example.org"


def test_middlewares_may_come_later():
    """``add_middleware`` after ``init_app``: the wrap is around it all the same."""
    app = starlette()
    app.add_middleware(CORSMiddleware, allow_origins=["https://example.org"])
    app.add_middleware(Failing)

    reply = get(app, "/ok", ORIGIN)

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


def test_a_preflight_has_the_trace_id():
    """CORSMiddleware answers it by itself."""
    headers = (*ORIGIN, ("Access-Control-Request-Method", "GET"))

    reply = get(starlette(middleware=[CORS]), "/ok", headers, method="OPTIONS")

    assert reply.status == 200
    assert reply.one("x-request-id")


# --- handlers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [500, Exception])
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_applications_last_handler_comes_first(key, when):
    """One for 500 or for Exception answers a crash, which is logged once and not raised again."""

    def mine(request, exc):
        return JSONResponse({"mine": True}, 500)

    app = Starlette(routes=[Route("/crash", crash), Route("/conflict", conflict)])
    if when == "before":
        app.add_exception_handler(key, mine)
    errorshape.starlette.init_app(app)
    if when == "after":
        app.add_exception_handler(key, mine)

    reply = get(app, "/crash")

    assert (reply.status, json.loads(reply.body), reply.failure) == (500, {"mine": True}, None)
    assert_logged_once(reply)
    assert_error(get(app, "/conflict"), "conflict")


def test_a_handler_for_a_status_comes_first():
    """It is asked for HTTP exceptions, as ever."""
    app = starlette()
    app.add_exception_handler(404, lambda request, exc: JSONResponse({"mine": True}, 404))

    assert json.loads(get(app, "/nowhere").body) == {"mine": True}


def test_a_middleware_may_catch():
    """What a middleware catches of the application is the middleware's to answer."""

    class Catching(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            try:
                return await call_next(request)
            except RuntimeError:
                return JSONResponse({"mine": True}, 503)

    reply = get(starlette(middleware=[Middleware(Catching)]), "/crash")

    assert (reply.status, json.loads(reply.body)) == (503, {"mine": True})


def test_an_api_error_of_a_middleware_is_sent():
    """Raised outside of ExceptionMiddleware, it is what it says all the same, and not raised on."""

    class Refusing(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            raise errorshape.UnauthorizedError

    reply = get(starlette(middleware=[Middleware(Refusing)]), "/ok")

    assert_error(reply, "unauthorized")
    assert not own_errors(reply)


def test_debug_shows_starlettes_page():
    """With both ``debug`` a crash has the debugger's page, and is raised for the server."""
    app = starlette(debug=True, debug_layer=True)

    reply = get(app, "/crash", (("Accept", "text/html"),))

    assert SECRET.encode() in reply.body
    assert isinstance(reply.failure, RuntimeError)


def test_the_debug_page_alone_is_no_leak():
    """Where only Starlette is told to debug, nothing of it leaves."""
    reply = get(starlette(debug=True), "/crash", (("Accept", "text/html"),))

    assert_error(reply, "internal_error")


def test_a_translation_of_everything_is_asked_last():
    """One for Exception makes each crash its error, wherever it was raised."""
    app = Starlette(routes=[Route("/crash", crash), Route("/conflict", conflict)])
    errorshape.starlette.init_app(app, translate={Exception: errorshape.ServiceUnavailableError})

    assert_error(get(app, "/crash"), "service_unavailable")
    assert_error(get(app, "/conflict"), "conflict")


def test_a_group_of_several_is_a_crash():
    """None of its errors is the answer."""

    async def group(request):
        raise ExceptionGroup("g", [errorshape.NotFoundError(), RuntimeError(SECRET)])

    reply = get(starlette(Route("/group", group)), "/group")

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


# --- installing ----------------------------------------------------------------------------------


def test_installed_twice_works_once():
    """The second call changes nothing: neither its layer nor a second wrap is there."""
    app = starlette()
    layer = app.state.errorshape

    errorshape.starlette.init_app(app, trace_header="X-Other")

    assert app.state.errorshape is layer
    reply = get(app, "/crash")
    assert_logged_once(reply)
    assert not reply.all("x-other")


def test_too_late_is_an_error():
    """An application that serves already has its middlewares."""
    app = Starlette()
    get(app, "/nowhere")

    with pytest.raises(RuntimeError, match="before"):
        errorshape.starlette.init_app(app)


# --- applications in the application -------------------------------------------------------------


def test_mounted_applications_are_shaped():
    """FastAPI in Starlette, too, whose own 404 is JSON, and one that has served before."""
    fast = FastAPI()

    @fast.get("/items")
    def items(limit: int):
        return limit

    served = Starlette(routes=[Route("/crash", crash)])
    get(served, "/nowhere")
    deep = Starlette(routes=[Route("/crash", crash)])
    app = starlette(
        Mount("/fast", fast),
        Mount("/served", served, middleware=[CORS]),
        Host("deep.example", Starlette(routes=[Mount("/deep", deep)])),
        Mount("/group", routes=[Mount("/deeper", Starlette(routes=[Route("/crash", crash)]))]),
    )

    assert_error(get(app, "/fast/nowhere"), "not_found")
    assert_error(
        get(app, "/fast/items?limit=x"),
        "validation_error",
        details={"limit": "Input should be a valid integer, unable to parse string as an integer"},
    )
    for path, host in {
        "/served/crash": "testserver",
        "/deep/crash": "deep.example",
        "/group/deeper/crash": "testserver",
    }.items():
        reply = get(app, path, (("Host", host),))
        assert_error(reply, "internal_error")
        assert_logged_once(reply)


def test_a_mounted_application_keeps_its_own_layer():
    """One that was given its own catalogue has it."""
    inner = Starlette(routes=[Route("/crash", crash)])
    errorshape.starlette.init_app(inner, reshape="all")
    layer = inner.state.errorshape

    assert_error(get(starlette(Mount("/inner", inner)), "/inner/crash"), "internal_error")
    assert inner.state.errorshape is layer


def test_a_mounted_application_may_be_served_by_itself():
    """Then it has the handlers without the wrap: the shape, and Starlette's raise after it."""
    inner = Starlette(routes=[Route("/crash", crash)])
    get(starlette(Mount("/inner", inner)), "/inner/crash")

    reply = get(inner, "/crash")

    assert reply.error["code"] == "internal_error"
    assert isinstance(reply.failure, RuntimeError)


# --- streams below BaseHTTPMiddleware ------------------------------------------------------------


class Passing(BaseHTTPMiddleware):
    """Does nothing, in a task of its own."""

    async def dispatch(self, request, call_next):
        return await call_next(request)


@pytest.mark.parametrize("chunks", [[], [b"first,"]], ids=["early", "late"])
def test_a_stream_below_base_http_middleware_fails_as_it_should(chunks):
    """BaseHTTPMiddleware would end the response as if it were whole, and raise afterwards."""

    async def fail():
        for chunk in chunks:
            yield chunk
        raise RuntimeError(SECRET)

    async def stream(request):
        return StreamingResponse(fail())

    reply = get(starlette(Route("/stream", stream), middleware=[Middleware(Passing)]), "/stream")

    if chunks:
        assert (reply.status, reply.body, reply.complete) == (200, b"first,", False)
        assert len(own_errors(reply)) == 1
    else:
        assert_error(reply, "internal_error")
        assert_logged_once(reply)


# --- WebSockets ----------------------------------------------------------------------------------


async def refuse(connection):
    raise errorshape.ForbiddenError("Not you.")


async def fail_open(connection):
    await connection.accept()
    raise RuntimeError(SECRET)


async def listen(connection):
    await connection.accept()
    while True:
        await connection.receive_text()


def sockets():
    routes = [("refuse", refuse), ("fail", fail_open), ("listen", listen)]
    return starlette(*(WebSocketRoute(f"/{path}", endpoint) for path, endpoint in routes))


def test_a_websocket_is_refused_in_the_shape():
    """Before the accept, an error is an HTTP response."""
    (start, content), errors = websocket(sockets(), "/refuse")

    assert start["status"] == 403
    assert json.loads(content["body"])["error"]["code"] == "forbidden"
    assert not errors


def test_a_websocket_that_crashes_is_closed():
    """After the accept it is closed with 1011 and the id, and logged."""
    (_, close), errors = websocket(sockets(), "/fail")

    assert close == {"type": "websocket.close", "code": 1011, "reason": "mine-1"}
    assert len(errors) == 1


def test_a_client_that_leaves_is_no_error():
    """WebSocketDisconnect is how an endpoint learns of it."""
    _, errors = websocket(sockets(), "/listen", received=["hello"])

    assert not errors


@pytest.mark.parametrize(
    ("module", "code"),
    [("starlette.formparsers", "validation_error"), ("shop.upstream", "internal_error")],
)
def test_what_the_parser_of_forms_says_is_the_clients_error_if_starlette_asked(module, code):
    """Older versions of Starlette let it out; the application may parse what is not the request's."""

    async def upload(request):
        exec("raise error", {"error": MultipartParseError(SECRET), "__name__": module})

    reply = get(starlette(Route("/upload", upload)), "/upload")

    assert_error(reply, code)


def test_a_client_that_leaves_while_its_body_is_read_is_no_error():
    """ClientDisconnect is not answered and not logged above INFO."""

    async def read(request):
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect

    reply = run_asgi(starlette(Route("/read", read)), Request("GET", "/read"), gone_after=0)

    assert not reply.logged(logging.WARNING)
    assert reply.failure is None


def test_disconnects_are_known_by_starlettes_names():
    """The core knows them by name: this holds the names against the framework."""
    from errorshape.core.translation import is_disconnect

    assert is_disconnect(ClientDisconnect())
    assert is_disconnect(WebSocketDisconnect())


# --- FastAPI -------------------------------------------------------------------------------------


class Config(BaseModel):
    """A part of a body."""

    api_key: str


class Connector(BaseModel):
    """A body."""

    config: Config
    tags: list[int] = []


def fastapi():
    app = FastAPI()
    errorshape.fastapi.init_app(app)

    @app.post("/connectors")
    def create(connector: Connector, limit: Annotated[int, Query(gt=0)] = 1):
        return connector

    @app.get("/response")
    def wrong() -> Connector:
        return {"config": SECRET}

    @app.get("/background")
    def background(tasks: BackgroundTasks):
        tasks.add_task(logging.getLogger("app").info, "in the background")
        return errorshape.trace_id()

    @app.websocket("/ws")
    async def ws(socket: WebSocket, limit: int):
        raise AssertionError(limit)

    return app


def post(body, query=""):
    headers = (("Content-Type", "application/json"),)
    return get(fastapi(), f"/connectors{query}", headers, method="POST", body=body)


def test_request_validation_has_the_path_of_every_field():
    """Body and query alike, the location left out, nothing of what was submitted."""
    reply = post(b'{"config":{"api_key":["xyzzy"]},"tags":[1,"plugh"]}', "?limit=0")

    assert_error(
        reply,
        "validation_error",
        details={
            "limit": "Input should be greater than 0",
            "config.api_key": "Input should be a valid string",
            "tags.1": "Input should be a valid integer, unable to parse string as an integer",
        },
    )
    assert b"xyzzy" not in reply.body
    assert b"plugh" not in reply.body


@pytest.mark.parametrize("body", [b'{"config":', b""], ids=["broken", "nothing"])
def test_a_malformed_body_is_the_whole_input(body):
    """Its place is ``$``."""
    error = assert_error_with_details(post(body))

    assert list(error["details"]) == ["$"]


def assert_error_with_details(reply):
    assert reply.status == 400
    assert reply.error["code"] == "validation_error"
    return reply.error


def test_a_wrong_response_is_a_crash():
    """ResponseValidationError is the application's fault, and says what the response held."""
    reply = get(fastapi(), "/response")

    assert_error(reply, "internal_error")
    assert len(own_errors(reply)) == 1


def test_the_trace_id_is_in_threads_and_background_tasks():
    """A plain function runs in the thread pool, a background task after the response."""
    reply = get(fastapi(), "/background", (("X-Request-Id", "mine-1"),))

    assert reply.body == b'"mine-1"'
    assert [r.trace_id for r in reply.log_records if r.message == "in the background"] == ["mine-1"]


def test_an_invalid_websocket_request_is_refused():
    """FastAPI would close it with a reason that no frame can hold."""
    (start, content), errors = websocket(fastapi(), "/ws")

    assert start["status"] == 400
    assert json.loads(content["body"])["error"]["details"] == {"limit": "Field required"}
    assert not errors


def test_reshape_none_keeps_fastapis_own():
    """Its 422 and its ``detail`` are as without errorshape."""
    app = FastAPI()
    errorshape.fastapi.init_app(app, reshape="none")

    @app.get("/items")
    def items(limit: int):
        return limit

    assert get(app, "/items").status == 422
    assert json.loads(get(app, "/nowhere").body) == {"detail": "Not Found"}


# --- what a request that succeeds costs ----------------------------------------------------------


def layers(app):
    """Return the classes from the middleware stack down to the router."""
    layer = app.build_middleware_stack()
    found = []
    while layer is not app.router:
        found.append(type(layer).__name__)
        layer = layer.app
    return found


def test_the_wrap_is_all_that_a_good_request_passes():
    """The handlers are looked at when something fails; CORS on a crash is no layer, either."""
    bare = Starlette(middleware=[CORS])

    assert layers(starlette(middleware=[CORS])) == ["ErrorShapeMiddleware", *layers(bare)]
