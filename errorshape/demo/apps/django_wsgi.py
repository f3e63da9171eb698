"""The routes as a Django application with sync views, for a WSGI server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.http import require_http_methods

import errorshape

from .django_project import configure
from .routes import ROUTES, Route, fetch_page

configure(__name__)
app = get_wsgi_application()


def view(route: Route) -> Callable[..., HttpResponseBase]:
    """Make a view of a route."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return JsonResponse(route.answer(request.body))

    return require_http_methods([route.method])(answer)


def echo(request: HttpRequest) -> HttpResponseBase:
    """Parse the body as it is done where Django does not."""
    with errorshape.validating():
        return JsonResponse(json.loads(request.body))


def report(request: HttpRequest) -> HttpResponseBase:
    """Stream a report whose first row cannot be had."""

    def rows() -> Iterator[str]:
        yield str(1 / 0)

    return StreamingHttpResponse(rows(), content_type="text/csv")


def upstream(request: HttpRequest) -> HttpResponseBase:
    """Hand on a page of HTML that another server has made."""
    return HttpResponse(fetch_page(), status=502)


urlpatterns = [
    *(path(route.path[1:], view(route)) for route in ROUTES),
    path("echo", echo),
    path("report", report),
    path("upstream", upstream),
]
