"""Serve requests to applications that Sentry watches, and print what it sends: for a process of
its own, since Sentry patches what it watches. Some are made before Sentry starts, some after that."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
import fastapi
import flask
import httpx
import sentry_sdk
from django.http import Http404
from django.urls import path
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.fastapi import FastApiIntegration
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
import errorshape.fastapi
from errorshape import asgi, sentry, wsgi
from errorshape.flask import ErrorShape
from errorshape.starlette import init_app

PATHS = (
    "/unhandled", "/missing", "/native", "/nowhere", "/unavailable", "/threads", "/renamed",
)  # fmt: skip
sent: list[dict[str, Any]] = []
transactions: list[dict[str, Any]] = []
on_the_scope: list[str | None] = []
pool = ThreadPoolExecutor(1)


class Collecting(Transport):
    def capture_envelope(self, envelope: Any) -> None:
        if (event := envelope.get_event()) is not None:
            sent.append(event)
        if (transaction := envelope.get_transaction_event()) is not None:
            transactions.append(transaction)


def fail(path: str, native: Exception) -> Any:
    if path == "/threads":
        look()
    if path == "/renamed":
        sentry_sdk.get_isolation_scope().set_tag("trace_id", "the application's")
        look()
    raise {
        "/unhandled": RuntimeError("on purpose"),
        "/native": native,
        "/unavailable": errorshape.ServiceUnavailableError(),
    }.get(path, errorshape.NotFoundError())


def look() -> None:
    """Note the tag on the isolation scope, and send events from threads that know nothing of us."""
    on_the_scope.append(tag_on(sentry_sdk.get_isolation_scope()))
    in_a_thread()
    pool.submit(sentry_sdk.capture_message, "from a pool").result()


def tag_on(scope: Any) -> str | None:
    tag: str | None = scope._tags.get("trace_id")
    return tag


def in_a_thread() -> None:
    thread = threading.Thread(target=sentry_sdk.capture_message, args=("from a thread",))
    thread.start()
    thread.join()


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


def on_django_asgi() -> Any:
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


async def view(request: fastapi.Request) -> Any:
    fail(request.url.path, HTTPException(404))


def on_starlette() -> Any:
    app = Starlette(routes=[Route(name, view) for name in PATHS if name != "/nowhere"])
    init_app(app)
    return app


def on_fastapi() -> Any:
    app = fastapi.FastAPI()
    for name in PATHS:
        if name != "/nowhere":
            app.get(name)(view)
    errorshape.fastapi.init_app(app)
    return app


def raw_wsgi(environ: Any, start_response: Any) -> Any:
    fail(environ["PATH_INFO"], errorshape.NotFoundError())


async def raw_asgi(scope: Any, receive: Any, send: Any) -> None:
    fail(scope["path"], errorshape.NotFoundError())


APPS = {
    "flask": on_flask,
    "django": on_django,
    "django, wrapped": lambda: wsgi.ErrorShapeMiddleware(on_django()),
    "django, asgi": on_django_asgi,
    "django, asgi, wrapped": lambda: asgi.ErrorShapeMiddleware(on_django_asgi()),
    "starlette": on_starlette,
    "fastapi": on_fastapi,
    "wsgi, Sentry inside": lambda: wsgi.ErrorShapeMiddleware(SentryWsgiMiddleware(raw_wsgi)),
    "wsgi, Sentry outside": lambda: SentryWsgiMiddleware(wsgi.ErrorShapeMiddleware(raw_wsgi)),
    "wsgi, no middleware": lambda: wsgi.ErrorShapeMiddleware(raw_wsgi),
    "asgi, Sentry inside": lambda: asgi.ErrorShapeMiddleware(SentryAsgiMiddleware(raw_asgi)),
    "asgi, Sentry outside": lambda: SentryAsgiMiddleware(asgi.ErrorShapeMiddleware(raw_asgi)),
    "asgi, no middleware": lambda: asgi.ErrorShapeMiddleware(raw_asgi),
}


def get(name: str, app: Any, url: str, trace_id: str) -> int:
    headers = {"X-Request-Id": trace_id}
    if name.startswith(("asgi", "starlette", "fastapi", "django, asgi")):

        async def call() -> int:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
                return (await client.get(url, headers=headers)).status_code

        return asyncio.run(call())
    response = Client(app).get(url, headers=headers)
    response.close()
    return response.status_code


def start_sentry() -> None:
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        transport=Collecting,
        traces_sample_rate=1.0,
        # Named, since Sentry imports every framework that it finds.
        auto_enabling_integrations=False,
        integrations=[
            sentry.ErrorShapeIntegration(),
            DjangoIntegration(),
            FastApiIntegration(),
            FlaskIntegration(),
            StarletteIntegration(),
        ],
    )


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = ROOT_URLCONF
    django.setup()
    early = {name: make() for name, make in APPS.items()}
    start_sentry()
    late = {name: make() for name, make in APPS.items()}
    result = {"early": watch(early), "late": watch(late)}
    sentry_sdk.get_client().integrations.pop("errorshape")
    del sent[:]
    with errorshape.bind_trace_id():
        sentry_sdk.capture_message("without")
        in_a_thread()
    get("wsgi", early["wsgi, Sentry outside"], "/threads", "request-0")
    result["without"] = [*map(brief, sent)]
    json.dump(result, sys.stdout)


def watch(apps: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent of requests to these applications, and between them."""
    result: dict[str, Any] = {}
    for name, app in apps.items():
        for number, url in enumerate(PATHS):
            if url == "/renamed" and "no middleware" in name:
                continue  # it would rename all that the process sends
            del sent[:], transactions[:], on_the_scope[:]
            status = get(name, app, url, f"request-{number}")
            result.setdefault(name, {})[url] = {"status": status, "events": [*map(brief, sent)]}
            result[name].setdefault("transactions", []).extend(map(brief, transactions))
            if on_the_scope:
                result[name][url]["scope"] = on_the_scope[0]
            del sent[:]
            sentry_sdk.capture_message("after it")
            in_a_thread()
            pool.submit(sentry_sdk.capture_message, "from a pool").result()
            result[name].setdefault("after", []).extend(event["tag"] for event in map(brief, sent))
    del sent[:]
    sentry_sdk.capture_exception(errorshape.NotFoundError())
    result["outside"] = [*map(brief, sent)]
    del sent[:]
    with errorshape.bind_trace_id("job-1"), sentry_sdk.isolation_scope():
        with errorshape.bind_trace_id("job-2"):
            sentry_sdk.capture_message("in a job of the job")
        in_a_thread()
    result["jobs"] = [*map(brief, sent)]
    result["at once"] = {
        name: asyncio.run(at_once(apps[name]))
        for name in ("asgi, Sentry inside", "asgi, Sentry outside", "asgi, no middleware")
    }
    return result


async def at_once(app: Any) -> list[str]:
    """Return the tags of what many requests of one loop send from threads of their own."""
    del sent[:]

    async def call(number: int) -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
            await client.get("/threads", headers={"X-Request-Id": f"request-{number}"})

    await asyncio.gather(*(asyncio.create_task(call(number)) for number in range(20)))
    return sorted(event["tag"] for event in map(brief, sent))


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
