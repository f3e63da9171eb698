"""The script as a FastAPI application: endpoints in the event loop and, below /sync, in threads."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Form, Request, Response, UploadFile
from starlette.middleware import Middleware

import errorshape.asgi
import errorshape.fastapi
from tests.stacks import script, starlette_app, starlette_native
from tests.stacks.script import Sent
from tests.stacks.starlette_app import NATIVE
from tests.stacks.starlette_native import message_of

__all__ = ["HOOKS", "NATIVE", "build", "build_wrapped", "message_of"]

HOOKS = (*starlette_app.HOOKS, "dispatch_before", "dispatch_after")


def build(**options: Any) -> FastAPI:
    """Return the FastAPI application with the adapter, which comes before the routes here."""
    app = FastAPI(
        middleware=[Middleware(starlette_app.Failing), Middleware(starlette_app.Dispatching)]
    )
    errorshape.fastapi.init_app(app, **options)
    starlette_app.add_handlers(app)
    for prefix, endpoint_of in (("/", _async_endpoint), ("/sync/", _sync_endpoint)):
        for path, method, function in script.ROUTES:
            methods = ["GET", "HEAD"] if method == "GET" else [method]
            app.add_api_route(
                prefix + starlette_app.starlette_path(path), endpoint_of(function), methods=methods
            )

        @app.api_route(prefix + "native/{kind}", methods=["GET", "HEAD"])
        async def native(kind: str) -> Any:
            raise starlette_native.NATIVE[kind][0]()

        @app.get(prefix + "hook/{kind}")
        async def hook(kind: str) -> Any:
            return Response("ok")

        @app.post(prefix + "json")
        async def parse(value: dict[str, str] = Body()) -> Any:  # noqa: B008
            return Response("ok")

        @app.post(prefix + "upload")
        async def upload(
            name: Annotated[str, Form()], count: Annotated[int, Form()], file: UploadFile
        ) -> Any:
            return Response(file.filename)

        @app.post(prefix + "urlencoded")
        async def urlencoded(name: Annotated[str, Form()]) -> Any:
            return Response(name)

    app.add_api_websocket_route("/ws/{kind}", starlette_app.websocket)
    return app


def build_wrapped(**options: Any) -> Any:
    """Return the same application inside the raw ASGI wrap."""
    return errorshape.asgi.ErrorShapeMiddleware(build(**options), **options)


async def _body_of(request: Request) -> bytes:
    return await request.body()


def _async_endpoint(function: Any) -> Any:
    async def endpoint(request: Request, body: bytes = Depends(_body_of)) -> Response:
        answer = function(Sent(body), **request.path_params)
        if answer.pause:
            await asyncio.sleep(answer.pause)
            answer = answer.then()
        return starlette_app.response_of(request, answer)

    return endpoint


def _sync_endpoint(function: Any) -> Any:
    def endpoint(request: Request, body: bytes = Depends(_body_of)) -> Response:
        answer = function(Sent(body), **request.path_params)
        if answer.pause:
            time.sleep(answer.pause)
            answer = answer.then()
        return starlette_app.response_of(request, answer)

    return endpoint
