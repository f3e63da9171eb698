"""The script as a Quart application with the extension."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import quart

import errorshape
from errorshape.quart import ErrorShape
from tests.stacks import script, werkzeug_native
from tests.stacks.script import Answer, Sent
from tests.stacks.werkzeug_native import message_of

__all__ = ["HOOKS", "NATIVE", "build", "message_of", "unhandled"]

NATIVE = {kind: entry[1:] for kind, entry in werkzeug_native.NATIVE.items()}
# url_value_preprocessor is not among them: with one, Quart 0.20 fails on every WebSocket.
HOOKS = ("before_request", "after_request")


def build(**options: Any) -> quart.Quart:
    """Return the Quart application with the extension."""
    app = quart.Quart(__name__)
    app.config["MAX_CONTENT_LENGTH"] = script.MAX_UPLOAD
    for path, method, function in script.ROUTES:
        app.add_url_rule(f"/{path}", path, _view(function), methods=[method])

    @app.get("/native/<kind>")
    async def native(kind: str) -> Any:
        raise werkzeug_native.NATIVE[kind][0]()

    @app.get("/hook/<kind>")
    async def hook(kind: str) -> Any:
        return "ok"

    @app.before_request
    async def before_request() -> None:
        _fail_in("before_request")

    @app.after_request
    async def after_request(response: quart.Response) -> quart.Response:
        _fail_in("after_request")
        return response

    @app.post("/json")
    async def parse() -> Any:
        with errorshape.validating():  # Quart lets the UnicodeDecodeError of what is no UTF-8 out
            await quart.request.get_json()
        return "ok"

    @app.post("/upload")
    async def upload() -> Any:
        return (await quart.request.files)["file"].filename or (await quart.request.form)["name"]

    @app.post("/urlencoded")
    async def urlencoded() -> Any:
        return (await quart.request.form)["name"]

    @app.websocket("/ws/<kind>")
    async def websocket(kind: str) -> None:
        if kind == "planned":
            await script.planned_websocket(
                script.Connection(
                    accept=quart.websocket.accept,
                    send=quart.websocket.send,
                    receive=quart.websocket.receive,
                    close=functools.partial(quart.websocket.close, 1000),
                )
            )
            return
        if kind == "crash":
            await quart.websocket.accept()
        script.websocket(kind)

    @app.errorhandler(script.HandledError)
    async def handle(exc: Exception) -> Any:
        return _response(script.HANDLED)

    @app.errorhandler(script.HandlerFailsError)
    async def fail(exc: Any) -> Any:
        raise exc.failure from None

    ErrorShape(app, **options)
    return app


@contextmanager
def unhandled() -> Iterator[list[BaseException]]:
    """Collect what Quart reports as unhandled."""
    reported: list[BaseException] = []

    async def receiver(sender: quart.Quart, exception: BaseException, **_: Any) -> None:
        reported.append(exception)

    with quart.got_request_exception.connected_to(receiver):
        yield reported


def _fail_in(hook: str) -> None:
    # Once a request: Quart runs after_request again for the response to the first failure.
    hooks = quart.g.setdefault("hooks", set())
    if hook not in hooks:
        hooks.add(hook)
        script.fail_in(hook, quart.request.path)


def _view(function: Any) -> Any:
    async def view(**arguments: str) -> quart.Response:
        answer = function(Sent(await quart.request.get_data()), **arguments)
        if answer.pause:
            await asyncio.sleep(answer.pause)
            answer = answer.then()
        return _response(answer)

    return view


def _response(answer: Answer) -> quart.Response:
    body: Any = answer.body if answer.chunks is None else script.chunks_async(answer.chunks)
    if quart.request.method == "HEAD":
        body = b""  # Quart leaves it to the server to drop it
    response = quart.Response(body, answer.status, dict(answer.headers))
    if quart.request.method == "HEAD" and answer.chunks is None:
        response.headers["Content-Length"] = str(len(answer.body))
    if "Content-Type" not in dict(answer.headers):
        del response.headers["Content-Type"]
    for name, value in answer.cookies:
        response.set_cookie(name, value)
    return response
