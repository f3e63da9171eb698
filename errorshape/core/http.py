"""What the layer and its adapters hand to each other: the failed request, the response to it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class ErrorResponse(msgspec.Struct, gc=False):
    """A response, ready for any framework to send: the headers are complete."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Request(msgspec.Struct, frozen=True):
    """What the layer wants to know of the request that failed."""

    method: str = "GET"
    path: str = "/"
    #: Gives a header of the request by its name, ``""`` if it has none; asked only by an option
    #: whose answer depends on the client.
    header: Callable[[str], str] = lambda name: ""
