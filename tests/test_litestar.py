"""The Litestar plugin, where the contract's cases do not reach."""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Annotated

import pytest
from litestar import Litestar, Request, Response, WebSocket, get, post, websocket
from litestar.config.cors import CORSConfig
from litestar.datastructures import ImmutableState
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    WebSocketDisconnect,
    WebSocketException,
)
from litestar.logging import LoggingConfig
from litestar.params import Body

import errorshape
from errorshape.core.translation import is_disconnect
from errorshape.litestar import ErrorShapePlugin
from tests import logs
from tests.contract import assert_error, assert_logged_once, is_fresh, own_errors
from tests.drivers import Request as Sent
from tests.drivers import WebSocketExchange, run_asgi
from tests.stacks.litestar_app import start
from tests.stacks.script import SECRET


@dataclass
class Tag:
    name: str


@dataclass
class Connector:
    api_key: str
    tags: list[Tag]


@get("/crash")
async def crash() -> None:
    raise RuntimeError(SECRET)


@get("/ok")
async def ok() -> str:
    return errorshape.trace_id() or "nobody"


@get("/threaded", sync_to_thread=True)
def threaded() -> str:
    return errorshape.trace_id() or "nobody"


@post("/connectors")
async def create(data: Annotated[Connector, Body()]) -> str:
    return "ok"


@websocket("/ws/refuse")
async def refuse(socket: WebSocket) -> None:
    raise NotAuthorizedException


@websocket("/ws/fail")
async def fail_open(socket: WebSocket) -> None:
    await socket.accept()
    raise RuntimeError(SECRET)


@websocket("/ws/own")
async def own(socket: WebSocket) -> None:
    await socket.accept()
    raise WebSocketException(detail="mine", code=4001)


@websocket("/ws/listen")
async def listen(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.receive_text()


HANDLERS = [crash, ok, threaded, create, refuse, fail_open, own, listen]


def litestar(started=True, plugins=None, **options):
    """Return an application with the plugin, started up if that is wanted."""
    options.setdefault("logging_config", None)
    plugins = [ErrorShapePlugin()] if plugins is None else plugins
    app = Litestar(HANDLERS, plugins=plugins, openapi_config=None, **options)
    if started:
        asyncio.run(start(app))
    return app


def ask(app, path, method="GET", headers=(), body=b""):
    return run_asgi(app, Sent(method, path, headers, body))


def connect(path, received=(), denial=True):
    exchange = WebSocketExchange(path, received=received, denial=denial)
    with logs.captured() as records:
        asyncio.run(exchange.run(litestar(), [(b"x-request-id", b"mine-1")]))
    assert not exchange.violations
    assert exchange.failure is None
    return exchange.messages, [record for record in records if record.level >= logging.WARNING]


# --- HTTP ----------------------------------------------------------------------------------------


def test_request_validation_has_the_path_of_every_field():
    """What Litestar found wrong, by path; neither its message with the URL nor a value is sent."""
    body = b'{"api_key":"x","tags":[{"name":7}]}'
    headers = (("Content-Type", "application/json"),)

    reply = ask(litestar(), "/connectors?xyzzy=plugh", "POST", headers, body)

    assert_error(
        reply,
        "validation_error",
        message=errorshape.ValidationError.message,
        details={"tags.0.name": "Expected `str`, got `int`"},
    )
    assert b"xyzzy" not in reply.body


def test_cors_headers_are_on_every_error():
    """Litestar's CORS is around its exception handlers."""
    app = litestar(cors_config=CORSConfig(allow_origins=["https://example.org"]))

    for path, code in {"/crash": "internal_error", "/nowhere": "not_found"}.items():
        reply = ask(app, path, headers=(("Origin", "https://example.org"),))
        assert_error(reply, code)
        assert reply.one("access-control-allow-origin") == "https://example.org"


@pytest.mark.parametrize("key", [500, Exception])
def test_the_applications_last_handler_comes_first(key):
    """One for 500 or Exception answers a crash."""

    def mine(request: Request, exc: Exception) -> Response:
        return Response({"mine": True}, status_code=500)

    reply = ask(litestar(exception_handlers={key: mine}), "/crash")

    assert json.loads(reply.body) == {"mine": True}
    assert is_fresh(reply.one("x-request-id"))


def test_a_plugin_twice_works_once():
    """The second changes nothing; neither does a second start."""
    app = litestar(plugins=[ErrorShapePlugin(), ErrorShapePlugin(trace_header="X-Other")])
    asyncio.run(start(app))

    reply = ask(app, "/crash")

    assert_error(reply, "internal_error")
    assert_logged_once(reply)
    assert not reply.all("x-other")


@pytest.mark.parametrize("path", ["/crash", "/nowhere"])
def test_without_its_lifespan_errors_are_shaped(path):
    """The wrap is not in its place then, but the handlers are."""
    reply = ask(litestar(started=False), path)

    assert reply.error["trace_id"] == reply.one("x-request-id")


def test_the_trace_id_is_in_threads():
    """A plain function that Litestar runs in a thread has the id of its request."""
    reply = ask(litestar(), "/threaded", headers=(("X-Request-Id", "mine-1"),))

    assert reply.body == b"mine-1"


@pytest.mark.parametrize("log_exceptions", ["always", "debug", "never"])
def test_a_crash_is_logged_once_with_litestars_own_logging(log_exceptions):
    """Where Litestar logs exceptions, errorshape does not do it again."""
    config = LoggingConfig(log_exceptions=log_exceptions, configure_root_logger=False)
    app = litestar(logging_config=config)
    seen = []
    config.exception_logging_handler = lambda logger, scope, lines: seen.append(lines)

    reply = ask(app, "/crash")

    assert_error(reply, "internal_error")
    assert len(seen) + len(own_errors(reply)) == 1


def test_debug_keeps_litestars_page():
    """With both ``debug`` a crash has Litestar's page."""
    app = litestar(plugins=[ErrorShapePlugin(debug=True)], debug=True)

    assert SECRET.encode() in ask(app, "/crash", headers=(("Accept", "text/html"),)).body


# --- WebSockets ----------------------------------------------------------------------------------


@get("/own/{status:int}", media_type="text/plain")
async def fail_in_text(request: Request) -> None:
    raise HTTPException(SECRET, status_code=request.path_params["status"])


@pytest.mark.parametrize(
    ("status", "debug", "said"),
    [(404, False, SECRET), (500, False, "Internal Server Error"), (500, True, "Traceback")],
)
def test_reshape_none_leaves_errors_to_litestar(status, debug, said):
    """In the media type of the route, and an internal error without a word of why."""
    plugins = [ErrorShapePlugin(reshape="none")]
    app = Litestar([fail_in_text], plugins=plugins, debug=debug, logging_config=None)

    reply = ask(app, f"/own/{status}", headers=[("Accept", "text/plain")])

    assert (reply.status, said in reply.body.decode()) == (status, True)
    assert reply.one("content-type").startswith("text/plain")
    assert debug or status != 500 or SECRET not in reply.body.decode()


@get("/state")
async def read_state(state: ImmutableState) -> list[str]:
    return [*state.dict()]


def test_the_state_of_the_application_can_be_copied():
    """Litestar copies all of it for each handler that asks for an immutable one."""
    app = Litestar([read_state], plugins=[ErrorShapePlugin()], logging_config=None)

    assert ask(app, "/state").body == b'["errorshape"]'


def test_a_websocket_is_refused_in_the_shape():
    """An HTTP exception of a guard or a handler is the HTTP response that it says."""
    (begin, content), errors = connect("/ws/refuse")

    assert begin["status"] == 401
    assert json.loads(content["body"])["error"]["code"] == "unauthorized"
    assert not errors


def test_a_websocket_that_crashes_is_closed():
    """With 1011 and the id, and logged once."""
    (_, close), errors = connect("/ws/fail")

    assert close == {"type": "websocket.close", "code": 1011, "reason": "mine-1"}
    assert len(errors) == 1


def test_a_websocket_exception_closes_as_it_says():
    """Its code and its reason are the application's."""
    (_, close), _ = connect("/ws/own")

    assert (close["code"], close["reason"]) == (4001, "mine")


def test_a_client_that_leaves_is_no_error():
    """WebSocketDisconnect is how a handler learns of it."""
    _, errors = connect("/ws/listen", received=["hello"])

    assert not errors
    assert is_disconnect(WebSocketDisconnect(detail="gone"))


def test_a_body_that_is_no_utf_8_is_the_clients():
    """Litestar lets the UnicodeDecodeError out; one of the application's own doing is a crash."""

    @post("/typed", sync_to_thread=False)
    def typed(data: Annotated[dict[str, str], Body()]) -> None:
        pass

    @post("/by-hand")
    async def by_hand(request: Request) -> None:
        await request.json()  # Litestar's own answer to what is malformed is a 500 here

    app = Litestar([typed, by_hand], plugins=[ErrorShapePlugin()], logging_config=None)
    asyncio.run(start(app))
    headers = (("Content-Type", "application/json"),)

    def ask(path):
        return run_asgi(app, Sent("POST", path, headers, b'{"a":"\xff"}'))

    assert_error(ask("/typed"), "validation_error", details={"$": "Not valid utf-8 at byte 0"})
    assert_error(ask("/by-hand"), "internal_error")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"config":', "Input data was truncated"),
        (b"config", "JSON is malformed: invalid character (byte 0)"),
    ],
)
def test_a_malformed_body_is_the_whole(body, message):
    """What the decoder says of it is a detail: the message is the catalogue's."""
    reply = ask(litestar(), "/connectors", "POST", (("Content-Type", "application/json"),), body)

    assert_error(reply, "validation_error", details={"$": message})
    assert reply.error["message"] == errorshape.ValidationError.message


# The newest Litestar has another way to declare it, which older ones do not know.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_missing_parameter_has_its_name():
    """Litestar says which one in the message alone, with the URL, which stays here."""

    @get("/search")
    async def search(limit: int) -> None:
        pass

    app = Litestar([search], plugins=[ErrorShapePlugin()], logging_config=None)
    asyncio.run(start(app))

    reply = ask(app, f"/search?secret={SECRET}")

    assert_error(reply, "validation_error", details={"limit": "Missing required parameter"})
