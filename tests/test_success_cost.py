"""An adapter adds nothing to a request that succeeds but what the protocol wrap does itself."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from pathlib import Path

import django
import fastapi
import flask
import litestar
import pytest
import quart
import starlette.applications
from django.core.handlers.wsgi import WSGIHandler
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import errorshape.asgi
import errorshape.fastapi
import errorshape.flask
import errorshape.litestar
import errorshape.quart
import errorshape.starlette
import errorshape.wsgi
from tests.drivers import Request, run_asgi, run_wsgi
from tests.stacks.litestar_app import start

OURS = str(Path(errorshape.__file__).parent)


def ok() -> str:
    return "ok"


async def ok_async(request: starlette.requests.Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def starlette_app(adapter):
    """One with what the adapter has to look at: CORS, and an application mounted below."""
    below = starlette.applications.Starlette(routes=[Route("/below", ok_async)])
    app = starlette.applications.Starlette(
        routes=[Route("/ok", ok_async), Mount("/mounted", below)],
        middleware=[Middleware(CORSMiddleware, allow_origins=["*"])],
    )
    if adapter:
        errorshape.starlette.init_app(app)
    return app


def fastapi_app(adapter):
    app = fastapi.FastAPI()
    app.add_api_route("/ok", ok_async)
    if adapter:
        errorshape.fastapi.init_app(app)
    return app


def litestar_app(adapter):
    @litestar.get("/ok")
    async def view() -> str:
        return "ok"

    plugins = [errorshape.litestar.ErrorShapePlugin()] if adapter else []
    app = litestar.Litestar([view], plugins=plugins)
    asyncio.run(start(app))
    return app


def quart_app(adapter):
    app = quart.Quart(__name__)

    @app.get("/ok")
    async def view() -> str:
        return "ok"

    if adapter:
        errorshape.quart.ErrorShape(app)
    return app


def flask_app(adapter):
    app = flask.Flask(__name__)
    app.add_url_rule("/ok", view_func=ok)
    if adapter:
        errorshape.flask.ErrorShape(app)
    return app


def counted(run, app, path):
    """Return how often each function of ours is called for the second of two requests."""
    calls: Counter[str] = Counter()

    def profile(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS):
            calls[f"{Path(code.co_filename).name}:{code.co_qualname}"] += 1

    request = Request("GET", path)
    run(app, request)
    gc.collect()  # what earlier tests have left would be closed meanwhile, and counted
    sys.setprofile(profile)
    try:
        reply = run(app, request)
    finally:
        sys.setprofile(None)
    assert (reply.status, reply.body) == (200, b"ok")
    assert reply.one("x-request-id")
    return calls


ASGI = {
    "starlette": (starlette_app, "/ok"),
    "starlette, mounted": (starlette_app, "/mounted/below"),
    "fastapi": (fastapi_app, "/ok"),
    "litestar": (litestar_app, "/ok"),
    "quart": (quart_app, "/ok"),
}


@pytest.mark.parametrize("adapter", ASGI)
def test_asgi_adapters_add_nothing_to_the_wrap(adapter):
    """The same functions of errorshape are called, as often, as by the wrap around the plain app."""
    build, path = ASGI[adapter]

    with_adapter = counted(run_asgi, build(True), path)
    wrap_alone = counted(run_asgi, errorshape.asgi.ErrorShapeMiddleware(build(False)), path)

    assert with_adapter == wrap_alone
    assert with_adapter


def test_flask_adds_nothing_to_the_wrap():
    """Nor does the extension."""
    with_adapter = counted(run_wsgi, flask_app(True), "/ok")
    wrap_alone = counted(run_wsgi, errorshape.wsgi.ErrorShapeMiddleware(flask_app(False)), "/ok")

    assert with_adapter == wrap_alone
    assert with_adapter


@pytest.mark.parametrize("prefix", ["/drf", "/ninja"])
def test_frameworks_on_django_add_nothing_to_the_middleware(prefix):
    """Nor do DRF's and Ninja's to what Django's middleware does."""
    django.setup()
    app = WSGIHandler()

    assert counted(run_wsgi, app, f"{prefix}/ok") == counted(run_wsgi, app, "/ok")
