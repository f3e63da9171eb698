"""Drive a candidate through requests without a server.

An ASGI application is run by hand, without an event loop, whose own cost would hide the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

from . import data

# What all candidates of a protocol import anyway.
_IMPORTS = {
    "flask": ("flask",),
    "django": ("django.core.handlers.wsgi",),
    "drf": ("django.core.handlers.wsgi", "rest_framework.compat"),
    "starlette": ("starlette.applications",),
    "fastapi": ("fastapi",),
}


def prepare(protocol: str) -> None:
    """Do what all candidates of a protocol need, once."""
    for module in _IMPORTS.get(protocol, ()):
        import_module(module)
    if protocol == "validators":
        from .validators import cases

        cases()


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


def asgi_in_a_loop(app: Any, *, inbound: bool = False, path: str = "/ok") -> Callable[[], None]:
    """Do the same in an event loop, since some peers call their handlers in a thread.

    A loop of the process that serves: threads do not come along when it is copied.
    """
    template = data.scope(inbound, path)
    runner: asyncio.Runner | None = None

    def once() -> None:
        nonlocal runner
        if runner is None:
            runner = asyncio.Runner()
        runner.run(app({**template, "headers": [*template["headers"]]}, receive, send))

    return once


_DRIVERS = {"asgi": asgi, "starlette": asgi_in_a_loop, "fastapi": asgi_in_a_loop}


def driver(protocol: str, name: str, variant: str) -> Callable[[], object]:
    """Return the function that serves one request of a candidate.

    ``variant`` is ``fresh``, ``inbound``, or a path without its slash.
    """
    from . import pieces
    from .candidates import CANDIDATES

    name, changes = pieces.named(protocol, name)
    pieces.take_out(changes)
    if protocol == "growth":
        from .measures import growing

        return growing(name, variant)
    if protocol == "validators":
        from .validators import listing

        return listing(name, variant)
    app = CANDIDATES[protocol][name]()
    if protocol == "core":
        return app  # type: ignore[no-any-return]
    path = "/ok" if variant in ("fresh", "inbound") else f"/{variant}"
    return _DRIVERS.get(protocol, wsgi)(app, inbound=variant == "inbound", path=path)
