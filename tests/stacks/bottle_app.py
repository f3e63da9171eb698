"""The script as a Bottle application, by the wrap alone."""

from __future__ import annotations

import time
from typing import Any

import bottle

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
HOOKS = ("before_request", "after_request", "plugin")


def build(**options: Any) -> Any:
    """Return the application inside the wrap."""
    app = bottle.Bottle()
    app.config["catchall"] = False  # what nobody handles is for the wrap
    routes: list[tuple[str, str, Any]] = [
        *script.ROUTES,
        ("native/<kind>", "GET", native),
        ("hook/<kind>", "GET", hook),
        ("json", "POST", script.parse),
    ]
    for path, method, function in routes:
        app.route(f"/{path}", method, _view(function))
    app.add_hook("before_request", lambda: _fail_in("before_request"))
    app.add_hook("after_request", lambda: _fail_in("after_request"))
    app.install(_plugin)
    return errorshape.wsgi.ErrorShapeMiddleware(app, **options)


def native(sent: Sent, kind: str) -> Answer:
    status, headers = NATIVE[kind]
    raise bottle.HTTPError(status, "of Bottle", **headers)


def hook(sent: Sent, kind: str) -> Answer:
    return Answer(b"ok")


def _fail_in(hook: str) -> None:
    script.fail_in(hook, bottle.request.path)


def _plugin(callback: Any) -> Any:
    def plugged(*args: Any, **kwargs: Any) -> Any:
        _fail_in("plugin")
        return callback(*args, **kwargs)

    return plugged


def _view(function: Any) -> Any:
    def view(**arguments: str) -> Any:
        try:  # Bottle's error handlers are for statuses only
            answer = function(Sent(bottle.request.body.read()), **arguments)
        except script.HandledError:
            answer = script.HANDLED
        except script.HandlerFailsError as exc:
            raise exc.failure from None
        if answer.pause:
            time.sleep(answer.pause)
            answer = answer.then()
        return _response(answer)

    return view


def _response(answer: Answer) -> Any:
    body: Any = answer.body if answer.chunks is None else script.Chunks(answer.chunks)
    headers = {name: value for name, value in answer.headers if name != "Content-Length"}
    response = bottle.HTTPResponse(body, answer.status, headers)
    for name, value in answer.cookies:
        response.set_cookie(name, value)
    return response
