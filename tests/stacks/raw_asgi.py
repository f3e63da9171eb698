"""The script as a raw ASGI application."""

from __future__ import annotations

import asyncio
from typing import Any

from errorshape.asgi import ErrorShapeMiddleware
from tests.stacks import raw, script
from tests.stacks.raw import HOOKS, NATIVE, message_of

__all__ = ["HOOKS", "NATIVE", "app", "build", "message_of"]


def build(**options: Any) -> Any:
    """Return the application inside the ASGI wrap."""
    return ErrorShapeMiddleware(app, **options)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve one connection."""
    if scope["type"] == "lifespan":
        for done in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{done}.complete"})
        return
    if scope["type"] == "websocket":
        kind = scope["path"].rpartition("/")[2]
        await receive()
        if kind == "crash":
            await send({"type": "websocket.accept"})
        script.websocket(kind)
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = raw.answer(scope["method"], scope["path"], body)
    if answer.pause:
        await asyncio.sleep(answer.pause)
        answer = answer.then()
    headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in raw.headers_of(answer)]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.chunks is None:
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})
        return
    async for chunk in script.chunks_async(answer.chunks):
        if chunk and scope["method"] != "HEAD":
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})
