"""The script as a Django site with the middleware: sync views, async ones under ``/async``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import django
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django import forms
from django.core import exceptions
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

import errorshape.asgi
import errorshape.wsgi
from errorshape.django import validated
from tests.stacks import script
from tests.stacks.script import SECRET, Answer, Sent

# --- the applications ----------------------------------------------------------------------------


def build_wsgi(**options: Any) -> Any:
    """Return the site under WSGI."""
    with _settings(options):
        return WSGIHandler()


def build_asgi(**options: Any) -> Any:
    """Return the site under ASGI."""
    with _settings(options):
        return ASGIHandler()


def build_wsgi_wrapped(**options: Any) -> Any:
    """Return the site under WSGI inside the raw wrap."""
    return errorshape.wsgi.ErrorShapeMiddleware(build_wsgi(**options), **options)


def build_asgi_wrapped(**options: Any) -> Any:
    """Return the site under ASGI inside the raw wrap."""
    return errorshape.asgi.ErrorShapeMiddleware(build_asgi(**options), **options)


def _settings(options: dict[str, Any]) -> Any:
    django.setup()
    return override_settings(ERRORSHAPE={name.upper(): value for name, value in options.items()})


@contextmanager
def unhandled() -> Iterator[list[Any]]:
    """Collect what Django reports as unhandled."""
    reported: list[Any] = []

    def receiver(sender: Any, **_: Any) -> None:
        reported.append(sender)

    got_request_exception.connect(receiver)
    try:
        yield reported
    finally:
        got_request_exception.disconnect(receiver)


# --- views ---------------------------------------------------------------------------------------

#: kind → (status, the headers that it must keep)
NATIVE: dict[str, tuple[int, dict[str, str]]] = {
    "404": (404, {}),
    "403": (403, {}),
    "400": (400, {}),
    "suspicious": (400, {}),
    "too-big": (400, {}),
    "no-object": (404, {}),
}
HOOKS = ("process_request", "process_view", "process_response", "render")


def message_of(kind: str) -> str | None:
    """The message that the answer to ``/native/<kind>`` must have, None for the catalogue's."""
    return None


def native(sent: Sent, kind: str) -> Answer:
    raise {
        "404": Http404,
        "403": exceptions.PermissionDenied,
        "400": exceptions.BadRequest,
        "suspicious": exceptions.SuspiciousOperation,
        "too-big": exceptions.RequestDataTooBig,
        "no-object": Http404,
    }[kind](SECRET)


def hook(sent: Sent, kind: str) -> Answer:
    return Answer(b"ok")


class ApplicationMiddleware:
    """The application's own middleware, below errorshape's: its handlers, and failures on demand."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._acall(request)
        _fail_in(request, "process_request")
        response = self.get_response(request)
        _fail_in(request, "process_response")
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponse:
        _fail_in(request, "process_request")
        response = await self.get_response(request)
        _fail_in(request, "process_response")
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        _fail_in(request, "process_view")

    def process_exception(self, request: HttpRequest, exc: Exception) -> Any:
        if isinstance(exc, script.HandledError):
            return _response(request, script.HANDLED)
        if isinstance(exc, script.HandlerFailsError):
            raise exc.failure from None
        return None


def _fail_in(request: HttpRequest, hook: str) -> None:
    script.fail_in(hook, request.path)


class _RenderedLate(HttpResponse):
    """As a TemplateResponse, which is rendered after the view, and may fail then."""

    is_rendered = False

    def __init__(self, request: HttpRequest) -> None:
        super().__init__()
        self._request = request

    def render(self) -> HttpResponse:
        _fail_in(self._request, "render")
        return self

    def add_post_render_callback(self, callback: Any) -> None:
        """Nothing is ever rendered."""


def _response(request: HttpRequest, answer: Answer) -> Any:
    if "/hook/render" in request.path:
        return _RenderedLate(request)
    headers = dict(answer.headers)
    if answer.chunks is not None and request.method != "HEAD":
        give = script.chunks_async if isinstance(request, ASGIRequest) else script.Chunks
        chunks = give(answer.chunks)
        response: Any = StreamingHttpResponse(chunks, status=answer.status, headers=headers)
        return _with_cookies(response, answer)
    body = answer.body
    if request.method == "HEAD":
        # Django leaves it to the server to drop the body, which not every server does.
        headers.setdefault("Content-Length", str(len(body)))
        body = b""
    response = HttpResponse(body, status=answer.status, headers=headers)
    if "Content-Type" not in headers:
        del response["Content-Type"]
    return _with_cookies(response, answer)


def _with_cookies(response: Any, answer: Answer) -> Any:
    for name, value in answer.cookies:
        response.set_cookie(name, value)
    return response


def _view(function: Any) -> Any:
    def view(request: HttpRequest, **arguments: str) -> Any:
        answer = function(Sent(request.body), **arguments)
        if answer.pause:
            time.sleep(answer.pause)
            answer = answer.then()
        return _response(request, answer)

    return view


def _async_view(function: Any) -> Any:
    async def view(request: HttpRequest, **arguments: str) -> Any:
        answer = function(Sent(request.body), **arguments)
        if answer.pause:
            await asyncio.sleep(answer.pause)
            answer = answer.then()
        return _response(request, answer)

    return view


_routes = (
    *script.ROUTES,
    ("native/<kind>", "GET", native),
    ("hook/<kind>", "GET", hook),
    ("json", "POST", script.parse),
)


@require_http_methods(["POST"])
def form(request: HttpRequest) -> HttpResponse:
    """Read a form, which Django parses only now."""
    return HttpResponse(request.POST.get("field", ""))


def _methods(method: str) -> list[str]:
    return ["GET", "HEAD"] if method == "GET" else [method]


@csrf_protect
def protected(request: HttpRequest) -> HttpResponse:
    """Want a CSRF token."""
    return HttpResponse("ok")


urlpatterns = [path(f"{prefix}csrf", protected) for prefix in ("", "async/", "drf/", "ninja/")]


class Named(forms.Form):
    """A form."""

    name = forms.CharField()


class Upload(Named):
    """A form with a file."""

    count = forms.IntegerField()
    file = forms.FileField()


@require_http_methods(["POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Take an upload."""
    return HttpResponse(validated(Upload(request.POST, request.FILES))["name"])


@require_http_methods(["POST"])
def urlencoded(request: HttpRequest) -> HttpResponse:
    """Take a form without a file."""
    return HttpResponse(validated(Named(request.POST))["name"])


urlpatterns += (
    [path("form", form), path("async/form", form)]
    + [
        path(f"{prefix}{view.__name__}", view)
        for prefix in ("", "async/")
        for view in (upload, urlencoded)
    ]
    + [
        path(prefix + pattern, require_http_methods(_methods(method))(view(function)))
        for prefix, view in (("", _view), ("async/", _async_view))
        for pattern, method, function in _routes
    ]
)

# The same through the frameworks on Django, where they are installed.
if find_spec("rest_framework"):
    from tests.stacks.drf_views import FormView, drf_view
    from tests.stacks.drf_views import Named as _Named

    urlpatterns += [
        path("drf/upload", FormView.as_view()),
        path("drf/urlencoded", FormView.as_view(serializer=_Named)),
    ]
    urlpatterns += [path("drf/form", drf_view(form, ["POST"]))] + [
        path(f"drf/{pattern}", drf_view(_view(function), _methods(method)))
        for pattern, method, function in _routes
    ]
if find_spec("ninja"):
    from tests.stacks.ninja_api import add_operation, api

    add_operation("form", form, ["POST"])
    for _pattern, _method, _function in _routes:
        add_operation(_pattern, _view(_function), _methods(_method))
    urlpatterns.append(path("ninja/", api.urls))
