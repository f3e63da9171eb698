"""The script as a Pyramid application, by the wrap alone."""

from __future__ import annotations

import time
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Pyramid and its parts still use pkg_resources
    from pyramid.config import Configurator
    from pyramid.httpexceptions import HTTPMethodNotAllowed, exception_response
    from pyramid.response import Response

import errorshape.wsgi
from tests.stacks import script
from tests.stacks.script import Answer, Sent

#: kind → (status, the headers that it must keep)
NATIVE: dict[str, tuple[int, dict[str, str]]] = {
    **{str(status): (status, {}) for status in (400, 401, 403, 404, 405, 409, 410, 413, 415, 422)},
    **{str(status): (status, {}) for status in (500, 501, 502, 504)},
    "429": (429, {"Retry-After": "0"}),
    "503": (503, {"Retry-After": "120"}),
    "challenge": (401, {"WWW-Authenticate": "Basic"}),
    "allow": (405, {"Allow": "GET, PUT"}),
}
HOOKS = ("tween_over", "tween_under", "subscriber")


def build(**options: Any) -> Any:
    """Return the application inside the wrap."""
    config = Configurator()
    routes: list[tuple[str, str, Any]] = [
        *script.ROUTES,
        ("native/<kind>", "GET", native),
        ("hook/<kind>", "GET", hook),
        ("json", "POST", script.parse),
    ]
    for path, method, function in routes:
        config.add_route(path, "/" + path.replace("<", "{").replace(">", "}"))
        config.add_view(_view(function), route_name=path, request_method=method)
        # Pyramid has no 405: a view that no method fits is a 404. This is how applications do it.
        config.add_view(_not_allowed(method), route_name=path)
    config.add_tween(f"{__name__}._tween_over", over="pyramid.tweens.excview_tween_factory")
    config.add_tween(f"{__name__}._tween_under", under="pyramid.tweens.excview_tween_factory")
    config.add_subscriber(_subscriber, "pyramid.events.NewRequest")
    config.add_exception_view(_handle, context=script.HandledError)
    config.add_exception_view(_fail, context=script.HandlerFailsError)
    return errorshape.wsgi.ErrorShapeMiddleware(config.make_wsgi_app(), **options)


def native(sent: Sent, kind: str) -> Answer:
    status, headers = NATIVE[kind]
    raise exception_response(status, detail="of Pyramid", headers=[*headers.items()])


def hook(sent: Sent, kind: str) -> Answer:
    return Answer(b"ok")


def _handle(exc: Exception, request: Any) -> Response:
    return _response(script.HANDLED)


def _fail(exc: Any, request: Any) -> Response:
    raise exc.failure from None


def _fail_in(request: Any, hook: str) -> None:
    script.fail_in(hook, request.path)


def _tween_over(handler: Any, registry: Any) -> Any:
    def tween(request: Any) -> Any:
        _fail_in(request, "tween_over")
        return handler(request)

    return tween


def _tween_under(handler: Any, registry: Any) -> Any:
    def tween(request: Any) -> Any:
        _fail_in(request, "tween_under")
        return handler(request)

    return tween


def _subscriber(event: Any) -> None:
    _fail_in(event.request, "subscriber")


def _not_allowed(method: str) -> Any:
    def view(request: Any) -> Any:
        allowed = "GET, HEAD" if method == "GET" else method
        raise HTTPMethodNotAllowed(headers=[("Allow", allowed)])

    return view


def _view(function: Any) -> Any:
    def view(request: Any) -> Response:
        answer = function(Sent(request.body), **request.matchdict)
        if answer.pause:
            time.sleep(answer.pause)
            answer = answer.then()
        return _response(answer)

    return view


def _response(answer: Answer) -> Response:
    headers = [pair for pair in answer.headers if pair[0] != "Content-Length"]
    response = Response(status=answer.status, headerlist=headers)
    if answer.chunks is not None:
        response.app_iter = script.Chunks(answer.chunks)
    elif answer.status not in (204, 304):
        response.body = answer.body
    for name, value in answer.cookies:
        response.set_cookie(name, value)
    return response
