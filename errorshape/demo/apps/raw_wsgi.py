"""The routes as a WSGI application of werkzeug's parts, whose exceptions are understood as well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from errorshape.wsgi import ErrorShapeMiddleware

from .routes import ROUTES, Route, fetch_page

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def view(route: Route) -> Callable[[Request], Response]:
    """Make a view of a route."""
    return lambda request: reply_json(route.answer(request.get_data()))


def echo(request: Request) -> Response:
    """Let werkzeug parse the body."""
    return reply_json(request.get_json())


def report(request: Request) -> Response:
    """Stream a report whose first row cannot be had."""

    def rows() -> Iterator[str]:
        yield str(1 / 0)

    return Response(rows(), mimetype="text/csv")


def upstream(request: Request) -> Response:
    """Hand on a page of HTML that another server has made."""
    return Response(fetch_page(), status=502, mimetype="text/html")


def reply_json(value: object) -> Response:
    """Make a response with a JSON body."""
    return Response(json.dumps(value), mimetype="application/json")


URLS = Map(
    [
        *(Rule(route.path, methods=[route.method], endpoint=view(route)) for route in ROUTES),
        Rule("/echo", methods=["POST"], endpoint=echo),
        Rule("/report", methods=["GET"], endpoint=report),
        Rule("/upstream", methods=["GET"], endpoint=upstream),
    ]
)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request; no route, or not with this method, is an exception of werkzeug."""
    answer, _ = URLS.bind_to_environ(environ).match()
    response: Response = answer(Request(environ))
    return response(environ, start_response)


app = ErrorShapeMiddleware(application)
