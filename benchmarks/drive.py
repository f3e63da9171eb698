"""Drive a candidate through many requests without a server: ``python -m benchmarks.drive``.

An ASGI application is run by hand, without an event loop, whose own cost would hide the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import data


async def receive() -> dict[str, Any]:
    """Give an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: dict[str, Any]) -> None:
    """Take a message."""


def write(chunk: bytes) -> None:
    """Take a chunk."""


def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
    """Take the start of a response."""
    return write


def asgi(
    app: Any, *, inbound: bool = False, path: str = "/ok", more: int = 0
) -> Callable[[], None]:
    """Return the function that serves one request; what ``app`` raises is raised."""
    template = data.scope(inbound, path, more)
    pairs = [(bytearray(name), value) for name, value in template["headers"]]

    def once() -> None:
        # The names are new bytes each time, as from a server, so that no hash is there before.
        headers = [(bytes(name), value) for name, value in pairs]
        call = app({**template, "headers": headers}, receive, send)
        try:
            call.send(None)
        except StopIteration:
            return
        raise RuntimeError("the application waits for something")

    return once


def wsgi(
    app: Any, *, inbound: bool = False, path: str = "/ok", more: int = 0
) -> Callable[[], None]:
    """Return the function that serves one request; what ``app`` raises is raised."""
    template = data.environ(inbound, path, more)

    def once() -> None:
        body = app(template.copy(), start_response)
        try:
            for _ in body:
                pass
        finally:
            if hasattr(body, "close"):
                body.close()

    return once


def driver(protocol: str, name: str, variant: str) -> Callable[[], None]:
    """Return the function that serves one request of a candidate.

    ``variant`` is ``fresh``, ``inbound``, or a path without its slash.
    """
    from .candidates import CANDIDATES

    app = CANDIDATES[protocol][name]()
    drive = asgi if protocol in ("asgi", "starlette", "fastapi") else wsgi
    path = "/ok" if variant in ("fresh", "inbound") else f"/{variant}"
    return drive(app, inbound=variant == "inbound", path=path)


def main() -> None:
    """Serve as many requests as the command line says; what is raised is part of it."""
    protocol, name, variant, count = sys.argv[1:]
    once = driver(protocol, name, variant)
    for _ in range(int(count)):
        with suppress(Exception):
            once()


if __name__ == "__main__":
    main()
