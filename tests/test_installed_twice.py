"""An adapter that is installed twice on one application works once."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from importlib import import_module

import django
import fastapi
import flask
import litestar
import pytest
import quart
import starlette.applications
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from starlette.routing import Route

import errorshape.asgi
import errorshape.fastapi
import errorshape.flask
import errorshape.litestar
import errorshape.ninja
import errorshape.quart
import errorshape.starlette
import errorshape.wsgi
from tests.contract import assert_error, assert_logged_once
from tests.drivers import Request, run_asgi, run_wsgi
from tests.stacks.litestar_app import start
from tests.stacks.script import SECRET


def crash(*args: object) -> str:
    """The view of all of these."""
    raise RuntimeError(SECRET)


async def crash_async(request: starlette.requests.Request) -> None:
    raise RuntimeError(SECRET)


async def raw_asgi(scope, receive, send):
    raise RuntimeError(SECRET)


def flask_app(told):
    app = flask.Flask(__name__)
    app.add_url_rule("/crash", view_func=crash)
    for _ in range(2):
        errorshape.flask.ErrorShape(app, on_error=[told])
    return app


def quart_app(told):
    app = quart.Quart(__name__)
    app.add_url_rule("/crash", view_func=crash)
    for _ in range(2):
        errorshape.quart.ErrorShape(app, on_error=[told])
    return app


def starlette_app(told):
    app = starlette.applications.Starlette(routes=[Route("/crash", crash_async)])
    for _ in range(2):
        errorshape.starlette.init_app(app, on_error=[told])
    return app


def fastapi_app(told):
    app = fastapi.FastAPI()
    app.add_api_route("/crash", crash_async)
    for _ in range(2):
        errorshape.fastapi.init_app(app, on_error=[told])
    return app


def litestar_app(told):
    @litestar.get("/crash")
    async def view() -> None:
        raise RuntimeError(SECRET)

    plugins = [errorshape.litestar.ErrorShapePlugin(on_error=[told]) for _ in range(2)]
    app = litestar.Litestar([view], plugins=plugins)
    asyncio.run(start(app))
    return app


def wsgi_wrap(told):
    app = crash
    for _ in range(2):
        app = errorshape.wsgi.ErrorShapeMiddleware(app, on_error=[told])
    return app


def asgi_wrap(told):
    app = raw_asgi
    for _ in range(2):
        app = errorshape.asgi.ErrorShapeMiddleware(app, on_error=[told])
    return app


@contextmanager
def django_with(told):
    """Have Django's middleware twice."""
    from django.conf import settings

    django.setup()
    ours, *others = settings.MIDDLEWARE
    with override_settings(MIDDLEWARE=[ours, ours, *others], ERRORSHAPE={"ON_ERROR": [told]}):
        yield


def django_wsgi(told):
    return WSGIHandler()


def django_asgi(told):
    return ASGIHandler()


def ninja_app(told):
    errorshape.ninja.init_app(import_module("tests.stacks.ninja_api").api)
    return WSGIHandler()


#: How each is installed twice, and where it crashes.
TWICE = {
    "asgi": (asgi_wrap, "/crash"),
    "wsgi": (wsgi_wrap, "/crash"),
    "flask": (flask_app, "/crash"),
    "quart": (quart_app, "/crash"),
    "starlette": (starlette_app, "/crash"),
    "fastapi": (fastapi_app, "/crash"),
    "litestar": (litestar_app, "/crash"),
    "django, WSGI": (django_wsgi, "/crash"),
    "django, ASGI": (django_asgi, "/async/crash"),
    "drf": (django_wsgi, "/drf/crash"),
    "ninja": (ninja_app, "/ninja/crash"),
}
WSGI = {wsgi_wrap, flask_app, django_wsgi, ninja_app}


@pytest.mark.parametrize("adapter", TWICE)
def test_installed_twice_works_once(adapter):
    """A crash has one answer with one id, one record, and one call of ``on_error``."""
    told = []
    build, path = TWICE[adapter]

    with django_with(lambda *args: told.append(args)):
        app = build(lambda *args: told.append(args))
        request = Request("GET", path, (("X-Request-Id", "mine-1"),))
        reply = (
            run_wsgi(app, request)
            if build in WSGI
            else run_asgi(app, request, mixed_case=build is django_asgi)
        )

    assert_error(reply, "internal_error")
    assert reply.one("x-request-id") == "mine-1"
    assert_logged_once(reply)
    assert [(error.code, trace_id) for error, _, trace_id in told] == [("internal_error", "mine-1")]
