"""The script as a Starlette application, and the same inside the raw ASGI wrap."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import errorshape.asgi
import errorshape.starlette
from tests.stacks import script, starlette_native
from tests.stacks.script import Answer, Sent
from tests.stacks.starlette_native import message_of

__all__ = ["HOOKS", "NATIVE", "build", "build_wrapped", "message_of"]

NATIVE = {kind: entry[1:] for kind, entry in starlette_native.NATIVE.items()}
HOOKS = ("middleware_before", "middleware_after")


def build(**options: Any) -> Starlette:
    """Return the Starlette application with the adapter."""
    app = Starlette(routes=routes(), middleware=[Middleware(Failing)])
    add_handlers(app)
    errorshape.starlette.init_app(app, **options)
    return app


def build_wrapped(**options: Any) -> Any:
    """Return the same application inside the raw ASGI wrap."""
    return errorshape.asgi.ErrorShapeMiddleware(build(**options), **options)


def routes() -> list[Any]:
    """Return the script's routes, and those that only Starlette can serve."""
    return [
        *(
            Route("/" + starlette_path(path), view(function), methods=[method])
            for path, method, function in script.ROUTES
        ),
        Route("/native/{kind}", native),
        Route("/hook/{kind}", hook),
        Route("/json", view(script.parse), methods=["POST"]),
        Route("/upload", form, methods=["POST"]),
        Route("/urlencoded", form, methods=["POST"]),
        WebSocketRoute("/ws/{kind}", websocket),
    ]


def starlette_path(path: str) -> str:
    """Write a pattern as Starlette does."""
    return path.replace("<", "{").replace(">", "}")


async def websocket(connection: WebSocket) -> None:
    kind = connection.path_params["kind"]
    if kind == "planned":
        await script.planned_websocket(
            script.Connection(
                accept=connection.accept,
                send=connection.send_text,
                receive=connection.receive_text,
                close=connection.close,
            )
        )
        return
    if kind == "crash":
        await connection.accept()
    script.websocket(kind)


async def native(request: Request) -> Response:
    raise starlette_native.NATIVE[request.path_params["kind"]][0]()


async def hook(request: Request) -> Response:
    return Response("ok")


async def form(request: Request) -> Response:
    """Read a form, which Starlette checks no more than to parse it."""
    async with request.form() as form:
        return Response(str(form.get("name")))


def add_handlers(app: Starlette) -> None:
    """Add the application's own exception handlers."""

    def handle(request: Request, exc: Exception) -> Response:
        return response_of(request, script.HANDLED)

    async def fail(request: Request, exc: Any) -> Response:
        raise exc.failure from None

    app.add_exception_handler(script.HandledError, handle)
    app.add_exception_handler(script.HandlerFailsError, fail)


class Failing:
    """A plain ASGI middleware that fails on demand, before the application and after it."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        script.fail_in("middleware_before", path)

        async def send_or_fail(message: Any) -> None:
            script.fail_in("middleware_after", path)
            await send(message)

        await self.app(scope, receive, send_or_fail)


class Dispatching(BaseHTTPMiddleware):
    """Starlette's own kind of middleware, which runs the rest in a task of its own."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        script.fail_in("dispatch_before", request.url.path)
        response: Response = await call_next(request)
        script.fail_in("dispatch_after", request.url.path)
        return response


def view(function: Any) -> Any:
    """Return the endpoint of one of the script's functions."""

    async def endpoint(request: Request) -> Response:
        answer = function(Sent(await request.body()), **request.path_params)
        if answer.pause:
            await asyncio.sleep(answer.pause)
            answer = answer.then()
        return response_of(request, answer)

    return endpoint


def response_of(request: Request, answer: Answer) -> Response:
    """Make Starlette's response of an answer."""
    headers = dict(answer.headers)
    response: Response
    if answer.chunks is not None and request.method != "HEAD":
        response = StreamingResponse(
            script.chunks_async(answer.chunks), answer.status, headers, background=None
        )
    else:
        # Starlette leaves it to the server to drop the body of a HEAD.
        if answer.chunks is None and answer.status not in (204, 304):
            headers.setdefault("Content-Length", str(len(answer.body)))
        body = b"" if request.method == "HEAD" else answer.body
        response = Response(body, answer.status, headers)
        if answer.chunks is not None:
            del response.headers["Content-Length"]
            response.background = BackgroundTask(script.log.info, "stream closed")
    for name, value in answer.cookies:
        response.set_cookie(name, value)
    return response
