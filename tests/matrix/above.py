"""A middleware above everything that an application can register, which crashes on demand."""

from __future__ import annotations

from typing import Any

from tests.stacks import Stack
from tests.stacks.script import SECRET

PATH = "/above/crash"


def above(stack: Stack, built: Any) -> Any:
    """Put the middleware around the application, but inside of a raw wrap that is outermost."""
    crashing = _asgi if stack.protocol == "asgi" else _wsgi
    if stack.is_wrap:
        built.app = crashing(built.app)
        return built
    return crashing(built)


def _asgi(app: Any) -> Any:
    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == PATH:
            raise RuntimeError(SECRET)
        await app(scope, receive, send)

    return middleware


def _wsgi(app: Any) -> Any:
    def middleware(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == PATH:
            raise RuntimeError(SECRET)
        return app(environ, start_response)

    return middleware
