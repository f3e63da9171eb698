"""The script as a Flask application with the extension, and the same inside the raw WSGI wrap."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask

from errorshape.flask import ErrorShape
from errorshape.wsgi import ErrorShapeMiddleware
from tests.stacks import script, werkzeug_native
from tests.stacks.script import Answer, Sent
from tests.stacks.werkzeug_native import message_of

__all__ = ["HOOKS", "NATIVE", "build", "build_wrapped", "message_of", "unhandled"]

NATIVE = {kind: entry[1:] for kind, entry in werkzeug_native.NATIVE.items()}
HOOKS = ("before_request", "after_request", "url_value_preprocessor")


def build(**options: Any) -> flask.Flask:
    """Return the Flask application with the extension."""
    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = script.MAX_UPLOAD
    for path, method, function in script.ROUTES:
        app.add_url_rule(f"/{path}", path, _view(function), methods=[method])

    @app.get("/native/<kind>")
    def native(kind: str) -> Any:
        raise werkzeug_native.NATIVE[kind][0]()

    @app.get("/hook/<kind>")
    def hook(kind: str) -> Any:
        return "ok"

    @app.before_request
    def before_request() -> None:
        _fail_in("before_request")

    @app.after_request
    def after_request(response: flask.Response) -> flask.Response:
        _fail_in("after_request")
        return response

    @app.url_value_preprocessor
    def url_value_preprocessor(endpoint: str | None, values: Any) -> None:
        _fail_in("url_value_preprocessor")

    @app.post("/json")
    def parse() -> Any:
        flask.request.get_json()
        return "ok"

    @app.post("/upload")
    def upload() -> Any:
        return flask.request.files["file"].filename or flask.request.form["name"]

    @app.post("/urlencoded")
    def urlencoded() -> Any:
        return flask.request.form["name"]

    @app.errorhandler(script.HandledError)
    def handle(exc: Exception) -> Any:
        return _response(script.HANDLED)

    @app.errorhandler(script.HandlerFailsError)
    def fail(exc: Any) -> Any:
        raise exc.failure from None

    ErrorShape(app, **options)
    return app


def build_wrapped(**options: Any) -> Any:
    """Return the same application inside the raw WSGI wrap."""
    return ErrorShapeMiddleware(build(**options), **options)


@contextmanager
def unhandled() -> Iterator[list[BaseException]]:
    """Collect what Flask reports as unhandled."""
    reported: list[BaseException] = []

    def receiver(sender: flask.Flask, exception: BaseException, **_: Any) -> None:
        reported.append(exception)

    with flask.got_request_exception.connected_to(receiver):
        yield reported


def _fail_in(hook: str) -> None:
    # Once a request: Flask runs after_request again for the response to the first failure.
    hooks = flask.g.setdefault("hooks", set())
    if hook not in hooks:
        hooks.add(hook)
        script.fail_in(hook, flask.request.path)


def _view(function: Any) -> Any:
    def view(**arguments: str) -> flask.Response:
        answer = function(Sent(flask.request.get_data()), **arguments)
        if answer.pause:
            time.sleep(answer.pause)
            answer = answer.then()
        return _response(answer)

    return view


def _response(answer: Answer) -> flask.Response:
    body = answer.body if answer.chunks is None else script.Chunks(answer.chunks)
    response = flask.Response(body, answer.status, list(answer.headers))
    if "Content-Type" not in dict(answer.headers):
        del response.headers["Content-Type"]
    for name, value in answer.cookies:
        response.set_cookie(name, value)
    return response
