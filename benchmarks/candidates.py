"""The candidates of each protocol, by name: functions that make the application.

Each is imported only when it is made, since a peer's import is nobody else's cost. ``bare`` has
nothing around it, ``minimum`` what is written by hand, and the peers do a part of what errorshape
does (an id without errors, errors without an id), as their documentation says to set them up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from . import data

# Every candidate logs what it logs; nobody writes it (`errors` also measures a handler that does).
logging.getLogger().addHandler(logging.NullHandler())
logging.getLogger().setLevel(logging.INFO)


# --- raw ASGI -------------------------------------------------------------------------------------


def _asgi_bare() -> Any:
    return data.asgi


def _asgi_minimum() -> Any:
    from .minimum.asgi import minimum

    return minimum(data.asgi)


def _asgi_errorshape() -> Any:
    from errorshape.asgi import ErrorShapeMiddleware

    return ErrorShapeMiddleware(data.asgi)


def _asgi_correlation_id() -> Any:
    from asgi_correlation_id import CorrelationIdMiddleware

    return CorrelationIdMiddleware(data.asgi)


def _asgi_starlette() -> Any:
    from starlette.middleware.errors import ServerErrorMiddleware
    from starlette.middleware.exceptions import ExceptionMiddleware

    return ServerErrorMiddleware(ExceptionMiddleware(data.asgi))


def _asgi_opentelemetry() -> Any:
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider

    return OpenTelemetryMiddleware(data.asgi, tracer_provider=TracerProvider())


# --- raw WSGI -------------------------------------------------------------------------------------


def _wsgi_bare() -> Any:
    return data.wsgi


def _wsgi_minimum() -> Any:
    from .minimum.wsgi import minimum

    return minimum(data.wsgi)


def _wsgi_errorshape() -> Any:
    from errorshape.wsgi import ErrorShapeMiddleware

    return ErrorShapeMiddleware(data.wsgi)


# --- Flask ----------------------------------------------------------------------------------------


def _flask() -> Any:
    import flask

    app = flask.Flask("benchmark")

    @app.get("/ok")
    def ok() -> Any:
        return app.response_class(data.BODY, content_type="application/json")

    @app.get("/error")
    def error() -> Any:
        raise data.documented()

    @app.get("/crash")
    def crash() -> Any:
        raise RuntimeError("crash")

    return app


def _flask_minimum() -> Any:
    from .minimum.wsgi import minimum

    app = _flask()
    app.wsgi_app = minimum(app.wsgi_app)
    return app


def _flask_errorshape() -> Any:
    from errorshape.flask import ErrorShape

    app = _flask()
    ErrorShape(app)
    return app


def _flask_log_request_id() -> Any:
    from flask_log_request_id import RequestID

    app = _flask()
    RequestID(app)
    return app


# --- Django ---------------------------------------------------------------------------------------


def _django(middleware: Sequence[str] = (), apps: Sequence[str] = (), **settings: Any) -> Any:
    import django
    from django.conf import settings as configured
    from django.core.handlers.wsgi import WSGIHandler

    configured.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="benchmarks.urls",
        MIDDLEWARE=list(middleware),
        INSTALLED_APPS=list(apps),
        SECRET_KEY="benchmark",
        LOGGING_CONFIG=None,
        **settings,
    )
    django.setup()
    return WSGIHandler()


def _django_minimum() -> Any:
    return _django(["benchmarks.minimum.django.minimum"])


def _django_errorshape() -> Any:
    return _django(["errorshape.django.ErrorShapeMiddleware"])


def _django_guid() -> Any:
    return _django(["django_guid.middleware.guid_middleware"], ["django_guid"], DJANGO_GUID={})


def _django_log_request_id() -> Any:
    return _django(
        ["log_request_id.middleware.RequestIDMiddleware"],
        LOG_REQUEST_ID_HEADER="HTTP_X_REQUEST_ID",
        GENERATE_REQUEST_ID_IF_NOT_IN_HEADER=True,
        REQUEST_ID_RESPONSE_HEADER="X-Request-Id",
    )


# --- Django REST Framework ------------------------------------------------------------------------


def _drf(handler: str = "rest_framework.views.exception_handler") -> Any:
    options = {"EXCEPTION_HANDLER": handler, "UNAUTHENTICATED_USER": None}
    options["DEFAULT_AUTHENTICATION_CLASSES"] = []  # type: ignore[assignment]
    middleware = ["errorshape.django.ErrorShapeMiddleware"] if "errorshape" in handler else []
    return _django(middleware, ["rest_framework"], REST_FRAMEWORK=options)


def _drf_errorshape() -> Any:
    return _drf("errorshape.drf.exception_handler")


def _drf_standardized_errors() -> Any:
    return _drf("drf_standardized_errors.handler.exception_handler")


# --- Starlette and FastAPI ------------------------------------------------------------------------


def _starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.responses import Response
    from starlette.routing import Route

    async def ok(request: Any) -> Any:
        return Response(data.BODY, media_type="application/json")

    async def error(request: Any) -> Any:
        raise HTTPException(404, data.MESSAGE)

    return Starlette(routes=[Route("/ok", ok), Route("/error", error)])


def _starlette_errorshape() -> Any:
    from errorshape.starlette import init_app

    app = _starlette()
    init_app(app)
    return app


def _starlette_problem() -> Any:
    from starlette_problem.handler import add_exception_handler

    app = _starlette()
    add_exception_handler(app)
    return app


def _fastapi() -> Any:
    from fastapi import FastAPI, HTTPException
    from starlette.responses import Response

    app = FastAPI(openapi_url=None)

    @app.get("/ok")
    async def ok() -> Any:
        return Response(data.BODY, media_type="application/json")

    @app.get("/error")
    async def error() -> Any:
        raise HTTPException(404, data.MESSAGE)

    return app


def _fastapi_errorshape() -> Any:
    from errorshape.fastapi import init_app

    app = _fastapi()
    init_app(app)
    return app


def _fastapi_problem() -> Any:
    from fastapi_problem.handler import add_exception_handler, new_exception_handler

    app = _fastapi()
    add_exception_handler(app, new_exception_handler())
    return app


def _fastapi_problem_details() -> Any:
    import fastapi_problem_details

    return fastapi_problem_details.init_app(_fastapi())


Makers = dict[str, Callable[[], Any]]

#: protocol or framework → candidate → maker
CANDIDATES: dict[str, Makers] = {
    "asgi": {
        "bare": _asgi_bare,
        "minimum": _asgi_minimum,
        "errorshape": _asgi_errorshape,
        "asgi-correlation-id": _asgi_correlation_id,
        "starlette's two": _asgi_starlette,
        "OpenTelemetry": _asgi_opentelemetry,
    },
    "wsgi": {"bare": _wsgi_bare, "minimum": _wsgi_minimum, "errorshape": _wsgi_errorshape},
    "flask": {
        "bare": _flask,
        "minimum": _flask_minimum,
        "errorshape": _flask_errorshape,
        "flask-log-request-id": _flask_log_request_id,
    },
    "django": {
        "bare": _django,
        "minimum": _django_minimum,
        "errorshape": _django_errorshape,
        "django-guid": _django_guid,
        "django-log-request-id": _django_log_request_id,
    },
    "drf": {
        "bare": _drf,
        "errorshape": _drf_errorshape,
        "drf-standardized-errors": _drf_standardized_errors,
    },
    "starlette": {
        "bare": _starlette,
        "errorshape": _starlette_errorshape,
        "starlette-problem": _starlette_problem,
    },
    "fastapi": {
        "bare": _fastapi,
        "errorshape": _fastapi_errorshape,
        "fastapi-problem": _fastapi_problem,
        "fastapi-problem-details": _fastapi_problem_details,
    },
}
