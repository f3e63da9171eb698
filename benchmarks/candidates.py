"""The candidates of each protocol, by name: functions that make the application.

Each is imported only when it is made, since a peer's import is nobody else's cost. ``bare`` has
nothing around it, ``minimum`` what is written by hand, and the peers do a part of what errorshape
does (an id without errors, errors without an id), as their documentation says to set them up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

import errorshape
from errorshape.core import body
from errorshape.core.exceptions import APIError

from . import data

# Every candidate logs what it logs, at the level that Python begins with; nobody writes it.
# `unhandled` also measures a handler that does, and a level that lets more through.
logging.getLogger().addHandler(logging.NullHandler())


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


def _working() -> Any:
    return data.working


def _working_errorshape() -> Any:
    from errorshape.asgi import ErrorShapeMiddleware

    return ErrorShapeMiddleware(data.working)


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
    # As one in use has these. CPython looks up the attributes of an object that has more than some
    # thirty more slowly, by 5,000 instructions a request, which would fall to whoever adds the next.
    _ = app.logger, app.jinja_env
    app.request_class = flask.Request

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
    from .minimum.flask import minimum

    return minimum(_flask())


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


def _drf(
    handler: str = "rest_framework.views.exception_handler", middleware: Sequence[str] = ()
) -> Any:
    options = {"EXCEPTION_HANDLER": handler, "UNAUTHENTICATED_USER": None}
    options["DEFAULT_AUTHENTICATION_CLASSES"] = []  # type: ignore[assignment]
    return _django(middleware, ["rest_framework"], REST_FRAMEWORK=options)


def _drf_errorshape() -> Any:
    return _drf("errorshape.drf.exception_handler", ["errorshape.django.ErrorShapeMiddleware"])


def _drf_errorshape_handler() -> Any:
    return _drf("errorshape.drf.exception_handler")


def _drf_standardized_errors() -> Any:
    return _drf("drf_standardized_errors.handler.exception_handler")


# --- Starlette and FastAPI ------------------------------------------------------------------------
#
# ``/error`` raises the candidate's own class of a documented error (of a bare framework: the
# framework's), ``/own`` the framework's.


def _http_exception() -> Exception:
    from starlette.exceptions import HTTPException

    return HTTPException(404, data.MESSAGE)


def _problem() -> Exception:
    import rfc9457

    return rfc9457.NotFoundProblem(data.MESSAGE, **data.DETAILS)


def _problem_exception() -> Exception:
    from fastapi_problem_details import ProblemException

    return ProblemException(404, detail=data.MESSAGE, **data.DETAILS)


def _starlette(documented: Callable[[], Exception] = _http_exception) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def ok(request: Any) -> Any:
        return Response(data.BODY, media_type="application/json")

    async def error(request: Any) -> Any:
        raise documented()

    async def own(request: Any) -> Any:
        raise _http_exception()

    return Starlette(routes=[Route("/ok", ok), Route("/error", error), Route("/own", own)])


def _starlette_errorshape() -> Any:
    from errorshape.starlette import init_app

    app = _starlette(data.documented)
    init_app(app)
    return app


def _starlette_problem() -> Any:
    from starlette_problem.handler import add_exception_handler

    app = _starlette(_problem)
    add_exception_handler(app)
    return app


def _fastapi(documented: Callable[[], Exception] = _http_exception) -> Any:
    from fastapi import FastAPI
    from starlette.responses import Response

    app = FastAPI(openapi_url=None)

    @app.get("/ok")
    async def ok() -> Any:
        return Response(data.BODY, media_type="application/json")

    @app.get("/error")
    async def error() -> Any:
        raise documented()

    @app.get("/own")
    async def own() -> Any:
        raise _http_exception()

    return app


def _fastapi_errorshape() -> Any:
    from errorshape.fastapi import init_app

    app = _fastapi(data.documented)
    init_app(app)
    return app


def _fastapi_problem() -> Any:
    from fastapi_problem.handler import add_exception_handler, new_exception_handler

    app = _fastapi(_problem)
    add_exception_handler(app, new_exception_handler())
    return app


def _fastapi_problem_details() -> Any:
    import fastapi_problem_details

    return fastapi_problem_details.init_app(_fastapi(_problem_exception))


# --- from raise to bytes --------------------------------------------------------------------------


def _core_raise() -> Callable[[], object]:
    def raised() -> None:
        try:
            raise data.documented()
        except APIError:
            return

    return raised


class _Error(msgspec.Struct):
    """As anybody would write it."""

    code: str
    message: str
    trace_id: str
    details: dict[str, str]


class _Envelope(msgspec.Struct):
    error: _Error


def _core_bare() -> Callable[[], object]:
    encode, trace_id = msgspec.json.Encoder().encode, errorshape.new_trace_id()

    def bare() -> bytes:
        try:
            raise data.documented()
        except APIError as exc:
            return encode(_Envelope(_Error(exc.code, exc.message, trace_id, data.DETAILS)))

    return bare


def _core_body() -> Callable[[], object]:
    encode, trace_id = body.encode_plain, errorshape.new_trace_id()

    def encoded() -> bytes:
        try:
            raise data.documented()
        except APIError as exc:
            return encode(exc.code, exc.message, trace_id, exc.details)

    return encoded


def _core_response() -> Callable[[], object]:
    layer, trace_id = errorshape.ErrorLayer(log_records=False), errorshape.new_trace_id()

    def responded() -> bytes:
        try:
            raise data.documented()
        except APIError as exc:
            return layer.respond(exc, trace_id=trace_id).body

    return responded


Makers = dict[str, Callable[[], Any]]

#: protocol or framework → candidate → maker; those of ``core`` are called as they are
CANDIDATES: dict[str, Makers] = {
    "asgi": {
        "bare": _asgi_bare,
        "minimum": _asgi_minimum,
        "errorshape": _asgi_errorshape,
        "asgi-correlation-id": _asgi_correlation_id,
        "starlette's two": _asgi_starlette,
        "OpenTelemetry": _asgi_opentelemetry,
    },
    "asgi, working": {"bare": _working, "errorshape": _working_errorshape},
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
        "errorshape, its handler alone": _drf_errorshape_handler,
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
    "core": {
        "raised and caught": _core_raise,
        "msgspec, built and encoded": _core_bare,
        "errorshape, the body": _core_body,
        "errorshape, status and headers too": _core_response,
    },
}
