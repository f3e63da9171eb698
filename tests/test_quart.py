"""The Quart extension, where the contract's cases do not reach."""

import asyncio
import json
import logging

import pytest
import quart
from quart.wrappers import base
from werkzeug import exceptions

import errorshape
from errorshape.core.translation import is_disconnect
from errorshape.quart import ErrorShape
from tests import logs
from tests.contract import assert_error, assert_logged_once, own_errors, refuse_in_turn
from tests.drivers import Request, WebSocketExchange, run_asgi
from tests.stacks.script import SECRET


def application(extension=True, **options):
    """Return an application, with the extension if that is wanted."""
    app = quart.Quart(__name__)

    @app.get("/crash")
    async def crash():
        raise RuntimeError(SECRET)

    @app.get("/group")
    async def group():
        raise ExceptionGroup("g", [errorshape.NotFoundError(), RuntimeError(SECRET)])

    @app.get("/threaded")
    def threaded():
        return errorshape.trace_id()

    @app.websocket("/refuse")
    async def refuse():
        quart.abort(403)

    @app.websocket("/fail")
    async def fail():
        await quart.websocket.accept()
        raise RuntimeError(SECRET)

    if extension:
        ErrorShape(app, **options)
    return app


def ask(app, path, headers=()):
    return run_asgi(app, Request("GET", path, headers))


def connect(path, denial=True):
    exchange = WebSocketExchange(path, stays=True, denial=denial)
    with logs.captured() as records:
        asyncio.run(exchange.run(application(), [(b"x-request-id", b"mine-1")]))
    assert not exchange.violations
    assert exchange.failure is None
    return exchange.messages, [record for record in records if record.level >= logging.ERROR]


def test_it_takes_its_options_from_the_config():
    """``ERRORSHAPE_*`` keys are the options; what the extension was given wins."""
    app = application(extension=False)
    app.config["ERRORSHAPE_TRACE_HEADER"] = "X-Other"
    app.config["ERRORSHAPE_RETRY_AFTER"] = 60
    ErrorShape(app, retry_after=5)

    reply = ask(app, "/nowhere")

    assert reply.error["trace_id"] == reply.one("x-other")
    assert (
        app.extensions["errorshape"]
        .respond(errorshape.RateLimitedError())
        .headers.count(("Retry-After", "5"))
    )


def test_a_layer_may_be_in_the_config():
    """``ERRORSHAPE_LAYER`` is one made before."""
    app = application(extension=False)
    layer = app.config["ERRORSHAPE_LAYER"] = errorshape.ErrorLayer()

    ErrorShape().init_app(app)

    assert app.extensions["errorshape"] is layer


def test_a_layer_may_be_given():
    """It counts more than one in the config."""
    app = application(extension=False)
    app.config["ERRORSHAPE_LAYER"] = errorshape.ErrorLayer()
    layer = errorshape.ErrorLayer()

    ErrorShape(app, layer)

    assert app.extensions["errorshape"] is layer


def test_an_http_exception_may_be_translated():
    """One class of werkzeug's among others."""
    app = application(translate={exceptions.NotFound: errorshape.GoneError})

    assert_error(ask(app, "/nowhere"), "gone")


def test_installed_twice_works_once():
    """The second call changes nothing."""
    app = application()
    ErrorShape(app, trace_header="X-Other")

    reply = ask(app, "/crash")

    assert_error(reply, "internal_error")
    assert_logged_once(reply)
    assert not reply.all("x-other")


@pytest.mark.parametrize("setting", ["TESTING", "DEBUG", "PROPAGATE_EXCEPTIONS"])
def test_what_quart_propagates_is_answered_and_logged_once(setting):
    """Quart makes a page of it, or lets it out to the wrap, and does not log it then."""
    app = application()
    app.config[setting] = True

    reply = ask(app, "/crash")

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


def test_quarts_own_test_client_gets_what_the_wrap_answers():
    """It wants `more_body` in each message, which ASGI lets a last one leave out."""
    app = application()
    app.testing = True

    @app.get("/page")
    async def page():
        return "<h1>Not here</h1>", 404

    async def get(path):
        response = await app.test_client().get(path)
        return response.status_code, await response.get_json()

    for path, answer in (("/page", (404, "not_found")), ("/crash", (500, "internal_error"))):
        status, body = asyncio.run(get(path))
        assert (status, body["error"]["code"]) == answer


def test_a_trapped_http_exception_is_a_crash():
    """TRAP_HTTP_EXCEPTIONS is for finding out who aborts: it is signalled and logged as a crash."""
    app = application()
    app.config["TRAP_HTTP_EXCEPTIONS"] = True
    crashes = []

    async def crashed(_, exception):
        crashes.append(type(exception))

    quart.got_request_exception.connect(crashed, app)

    assert_error(ask(app, "/nowhere"), "not_found")
    assert crashes == [exceptions.NotFound]


def refusing(*raised, **options):
    """Return an application that is tested, whose after_request function raises these in turn."""
    app = application(**options)
    app.testing = True
    return refuse_in_turn(app, raised)


@pytest.mark.parametrize("times", [1, 2])
def test_what_after_request_refuses_is_no_failure(times):
    """Quart would signal it and raise it in a test, even where it refuses the refusal as well."""
    app = refusing(*[errorshape.ForbiddenError() for _ in range(times)])
    signalled = []

    async def receiver(*_, **kw):
        signalled.append(kw)

    with quart.got_request_exception.connected_to(receiver, app):
        reply = ask(app, "/threaded")

    assert_error(reply, "forbidden")
    assert signalled == []


def test_a_crash_after_a_refusal_is_a_crash():
    """The after_request functions see the refusal, too."""
    reply = ask(refusing(errorshape.ForbiddenError(), RuntimeError(SECRET)), "/threaded")

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


def test_an_http_exception_in_after_request_stays_quarts_outside_of_include():
    """There nothing of Quart's own is changed."""
    app = refusing(exceptions.NotFound(), include=("/api/",))
    app.testing = False

    reply = ask(app, "/threaded")

    assert (reply.status, reply.one("content-type")) == (500, "text/html; charset=utf-8")


def test_error_handlers_of_the_application_come_first():
    """Before the extension's or after it, for a status too; a crash is logged once."""
    app = application()

    @app.errorhandler(404)
    @app.errorhandler(500)
    async def mine(exc):
        return {"mine": True}, exc.code

    for path, status in {"/nowhere": 404, "/crash": 500}.items():
        reply = ask(app, path)
        assert (reply.status, json.loads(reply.body)) == (status, {"mine": True})
        assert len(own_errors(reply)) == (status == 500)


def test_outside_of_include_a_crash_has_quarts_page():
    """Only the header is ours there."""
    reply = ask(application(include=["/api/"]), "/crash")

    assert reply.status == 500
    assert reply.one("content-type").startswith("text/html")
    assert len(own_errors(reply)) == 1


def test_a_group_of_several_is_a_crash():
    """None of its errors is the answer."""
    reply = ask(application(), "/group")

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


def test_the_trace_id_is_in_threads():
    """A plain function runs in a thread."""
    assert ask(application(), "/threaded", (("X-Request-Id", "mine-1"),)).body == b"mine-1"


def test_a_websocket_is_refused_in_the_shape():
    """Before the accept, an error is an HTTP response."""
    (start, content, _), errors = connect("/refuse")

    assert start["status"] == 403
    assert json.loads(content["body"])["error"]["code"] == "forbidden"
    assert not errors


def test_a_websocket_that_crashes_is_closed():
    """With 1011 and the id, where Quart would say that all was well; logged once."""
    (_, close), errors = connect("/fail")

    assert close == {"type": "websocket.close", "code": 1011, "reason": "mine-1"}
    assert len(errors) == 1


def test_a_disconnect_is_known_by_quarts_name():
    """The core knows it by name: this holds the name against the framework."""
    # Quart 0.20 has none: it cancels the task.
    disconnected = getattr(base, "ClientDisconnectedError", ConnectionError)

    assert is_disconnect(disconnected())


def test_a_general_handler_of_the_application_gets_our_errors_too():
    """A handler of every Exception is the application's own, and comes before the extension's."""
    app = application()

    @app.errorhandler(Exception)
    async def mine(exc):
        return {"mine": type(exc).__name__}, 500

    assert json.loads(ask(app, "/nowhere").body) == {"mine": "NotFound"}
