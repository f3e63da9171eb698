"""The routes as an ASGI application without a framework, that answers in plain text when lost."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import errorshape
from errorshape.asgi import ErrorShapeMiddleware

from .routes import ROUTES, fetch_page

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BY_PATH = {route.path: route for route in ROUTES}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request."""
    if scope["type"] != "http":
        return
    route = BY_PATH.get(scope["path"])
    if route and route.method == scope["method"]:
        await reply_json(send, route.answer(await read_body(receive)))
    elif route:
        allow = (b"allow", route.method.encode())
        await reply(send, 405, b"text/plain", b"Method Not Allowed", allow)
    elif scope["path"] == "/echo":
        with errorshape.validating():
            echoed = json.loads(await read_body(receive))
        await reply_json(send, echoed)
    elif scope["path"] == "/report":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % (1 / 0)})
    elif scope["path"] == "/upstream":
        await reply(send, 502, b"text/html", fetch_page().encode())
    else:
        await reply(send, 404, b"text/plain", b"Not Found")


async def read_body(receive: Receive) -> bytes:
    """Collect the body of the request."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def reply_json(send: Send, value: object) -> None:
    """Send a whole response with a JSON body."""
    await reply(send, 200, b"application/json", json.dumps(value).encode())


async def reply(
    send: Send, status: int, content_type: bytes, body: bytes, *headers: tuple[bytes, bytes]
) -> None:
    """Send a whole response."""
    fields = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


app = ErrorShapeMiddleware(application)
