"""The connector service as a raw ASGI application, without a framework.

From this directory: ``uvicorn --lifespan off asgi_app:app``
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from errors import CATALOG
from errorshape.asgi import ErrorShapeMiddleware
from router import handle

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(trace_id)s %(name)s: %(message)s")

Message = MutableMapping[str, Any]


async def connectors(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Read one request, hand it to the router and send what that returns."""
    headers = dict(scope["headers"])
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    status, answer = handle(
        scope["method"],
        scope["path"],
        headers.get(b"authorization", b"").decode("latin-1"),
        body,
    )
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(answer)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": answer})


app = ErrorShapeMiddleware(connectors, catalog=CATALOG)
