"""Serve HTTP/2 in the clear, by hypercorn: the answer is the headers of the request, in JSON."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    seen = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    body = json.dumps([scope["http_version"], *seen]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write("serving http://{}:{}\n".format(*listener.getsockname()))
    sys.stdout.flush()
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    asyncio.run(serve(echo, config))
