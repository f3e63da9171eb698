"""A Django site in two languages: LocaleMiddleware below errorshape's, failures on either side."""

from __future__ import annotations

from typing import Any

import django
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path
from django.utils.translation import gettext_lazy as _

import errorshape
from tests.stacks import script

# Texts that Django itself has translations of.


class LazyNotFoundError(errorshape.NotFoundError):
    """The standard entry, in the language of the request."""

    message = _("Enter a valid value.")


class LazyInternalError(errorshape.InternalError):
    """The standard entry, in the language of the request."""

    message = _("Enter a number.")


class LazyConflictError(errorshape.ConflictError):
    """The standard entry, in the language of the request."""

    message = _("Yes")


_OWN = {cls.code: cls for cls in (LazyNotFoundError, LazyInternalError, LazyConflictError)}
CATALOG = errorshape.Catalog(*(_OWN.get(cls.code, cls) for cls in errorshape.STANDARD))


def _fail(kind: str) -> HttpResponse | StreamingHttpResponse:
    match kind:
        case "message":
            raise errorshape.ForbiddenError(_("No"))
        case "class":
            raise LazyConflictError
        case "details":
            raise errorshape.ForbiddenError("Plain.", details={"answer": _("Yes")})
        case "plain":
            raise errorshape.ForbiddenError("Plain.")
        case "crash":
            raise RuntimeError
        case "bare":
            return HttpResponse(status=404)
    return HttpResponse(b"ok")


def view(request: HttpRequest, kind: str) -> HttpResponse | StreamingHttpResponse:
    if kind == "stream":
        return StreamingHttpResponse(_broken())
    return _fail(kind)


async def async_view(request: HttpRequest, kind: str) -> HttpResponse | StreamingHttpResponse:
    return view(request, kind)


def _broken() -> Any:
    raise LazyConflictError
    yield b""


def fence(request: HttpRequest, tag: str) -> HttpResponse:
    script.fence(script.Sent(), tag)
    return HttpResponse(b"ok")


urlpatterns = [
    path("<kind>", view),
    path("async/<kind>", async_view),
    path("fence/<tag>", fence),
]


def failing_at(place: str) -> Any:
    """Return a middleware that fails where the path says so."""

    def middleware(get_response: Any) -> Any:
        if iscoroutinefunction(get_response):

            async def call_async(request: HttpRequest) -> Any:
                if request.path.endswith(place):
                    raise LazyConflictError
                return await get_response(request)

            markcoroutinefunction(call_async)
            return call_async

        def call(request: HttpRequest) -> Any:
            if request.path.endswith(place):
                raise LazyConflictError
            return get_response(request)

        return call

    middleware.sync_capable = middleware.async_capable = True  # type: ignore[attr-defined]
    return middleware


above = failing_at("above")
below = failing_at("below")

MIDDLEWARE = [
    "errorshape.django.ErrorShapeMiddleware",
    "tests.stacks.localized.above",
    "django.middleware.locale.LocaleMiddleware",
    "tests.stacks.localized.below",
]


def settings(**options: Any) -> Any:
    """Return the settings of the site, to be overridden while it is built and asked."""
    django.setup()
    options = {"catalog": CATALOG, **options}
    return override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=MIDDLEWARE,
        USE_I18N=True,
        LANGUAGE_CODE="en",
        ERRORSHAPE={name.upper(): value for name, value in options.items()},
    )


def build_wsgi(**options: Any) -> Any:
    """Return the site under WSGI, for a process of its own: the settings are for good."""
    settings(catalog=CATALOG).enable()
    return WSGIHandler()


def build_asgi(**options: Any) -> Any:
    """Return the site under ASGI, for a process of its own: the settings are for good."""
    settings(catalog=CATALOG).enable()
    return ASGIHandler()
