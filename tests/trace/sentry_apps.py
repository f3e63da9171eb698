"""Serve requests to applications that Sentry watches, and print what it sends: for a process of
its own, since Sentry patches what it watches."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from typing import Any

import django
import flask
import httpx
import sentry_sdk
from django.http import Http404
from django.urls import path
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.integrations.starlette import StarletteIntegration
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from sentry_sdk.transport import Transport
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from werkzeug.exceptions import NotFound
from werkzeug.test import Client

import errorshape
from errorshape import asgi, sentry, wsgi
from errorshape.flask import ErrorShape
from errorshape.starlette import init_app

PATHS = ("/unhandled", "/missing", "/native", "/nowhere", "/unavailable")
sent: list[dict[str, Any]] = []
transactions: list[dict[str, Any]] = []


class Collecting(Transport):
    def capture_envelope(self, envelope: Any) -> None:
        if (event := envelope.get_event()) is not None:
            sent.append(event)
        if (transaction := envelope.get_transaction_event()) is not None:
            transactions.append(transaction)


def fail(path: str, native: Exception) -> Any:
    raise {
        "/unhandled": RuntimeError("on purpose"),
        "/missing": errorshape.NotFoundError(),
        "/unavailable": errorshape.ServiceUnavailableError(),
    }.get(path, native)


# --- the applications --------------------------------------------------------------------------------


def on_flask() -> Any:
    app = flask.Flask(__name__)
    ErrorShape(app)

    for url in PATHS:
        if url != "/nowhere":
            app.add_url_rule(url, url, lambda: fail(flask.request.path, NotFound()))
    return app


urlpatterns = [
    path(name.removeprefix("/"), lambda request: fail(request.path, Http404()))
    for name in PATHS
    if name != "/nowhere"
]


def on_django() -> Any:
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def on_starlette() -> Any:
    async def view(request: Any) -> Any:
        fail(request.url.path, HTTPException(404))

    app = Starlette(routes=[Route(name, view) for name in PATHS if name != "/nowhere"])
    init_app(app)
    return app


def raw_wsgi(environ: Any, start_response: Any) -> Any:
    fail(environ["PATH_INFO"], errorshape.NotFoundError())


async def raw_asgi(scope: Any, receive: Any, send: Any) -> None:
    fail(scope["path"], errorshape.NotFoundError())


APPS = {
    "flask": on_flask,
    "django": on_django,
    "starlette": on_starlette,
    "wsgi, Sentry inside": lambda: wsgi.ErrorShapeMiddleware(SentryWsgiMiddleware(raw_wsgi)),
    "wsgi, Sentry outside": lambda: SentryWsgiMiddleware(wsgi.ErrorShapeMiddleware(raw_wsgi)),
    "wsgi, no middleware": lambda: wsgi.ErrorShapeMiddleware(raw_wsgi),
    "asgi, Sentry inside": lambda: asgi.ErrorShapeMiddleware(SentryAsgiMiddleware(raw_asgi)),
    "asgi, Sentry outside": lambda: SentryAsgiMiddleware(asgi.ErrorShapeMiddleware(raw_asgi)),
}


def in_a_thread() -> None:
    sentry_sdk.capture_message("from a thread")


def get(name: str, app: Any, url: str, trace_id: str) -> int:
    headers = {"X-Request-Id": trace_id}
    if name.startswith(("asgi", "starlette")):

        async def call() -> int:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
                return (await client.get(url, headers=headers)).status_code

        return asyncio.run(call())
    response = Client(app).get(url, headers=headers)
    response.close()
    return response.status_code


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = ROOT_URLCONF
    django.setup()
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        transport=Collecting,
        traces_sample_rate=1.0,
        # Named, since Sentry imports every framework that it finds.
        auto_enabling_integrations=False,
        integrations=[
            sentry.ErrorShapeIntegration(),
            DjangoIntegration(),
            FlaskIntegration(),
            StarletteIntegration(),
        ],
    )
    result: dict[str, Any] = {}
    for name, make in APPS.items():
        app = make()
        for number, url in enumerate(PATHS):
            del sent[:], transactions[:]
            status = get(name, app, url, f"request-{number}")
            result.setdefault(name, {})[url] = {"status": status, "events": [*map(brief, sent)]}
            result[name].setdefault("transactions", []).extend(map(brief, transactions))
    del sent[:]
    sentry_sdk.capture_message("outside")
    sentry_sdk.capture_exception(errorshape.NotFoundError())
    result["outside"] = [*map(brief, sent)]
    del sent[:]
    with errorshape.bind_trace_id("request-0"):
        for work in (in_a_thread, errorshape.trace.carry(in_a_thread)):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    result["threads"] = [*map(brief, sent)]
    sentry_sdk.get_client().integrations.pop("errorshape")
    del sent[:]
    with errorshape.bind_trace_id():
        sentry_sdk.capture_message("without")
    result["without"] = [*map(brief, sent)]
    json.dump(result, sys.stdout)


def brief(event: dict[str, Any]) -> dict[str, Any]:
    values = event.get("exception", {}).get("values", [])
    return {
        "types": [value["type"] for value in values],
        "tag": event.get("tags", {}).get("trace_id"),
        "message": event.get("logentry", {}).get("message"),
    }


# As the settings of Django.
SECRET_KEY = "not a secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.trace.sentry_apps"
MIDDLEWARE = ["errorshape.django.ErrorShapeMiddleware"]

if __name__ == "__main__":
    sys.modules["tests.trace.sentry_apps"] = sys.modules["__main__"]
    main()
