"""aiohttp's client: calls that carry the trace of the request that makes them.

``session = aiohttp.ClientSession(middlewares=[errorshape.aiohttp.propagate()])``
"""

from __future__ import annotations

from collections.abc import Iterable

try:
    from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse
except ImportError as exc:
    raise ImportError(
        "errorshape.aiohttp needs aiohttp 3.12 or newer: pip install 'errorshape[aiohttp]'"
    ) from exc

from .trace.outgoing import Propagation


def propagate(
    *, hosts: Iterable[str] | None = None, trace_header: str = "X-Request-Id"
) -> ClientMiddlewareType:
    """Return the client middleware by which every call of a session carries the trace.

    Put it last, next to the network. Each redirect is a call of its own. ``hosts`` limits it to
    those named, as in ``("api.example.com", ".internal.example")``. A header that the caller has
    set stays. Raises what :class:`~errorshape.trace.outgoing.Propagation` raises.
    """
    propagation = Propagation(hosts, trace_header)

    async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        request.headers.update(propagation.headers_for(request.url.raw_host, request.headers))
        return await handler(request)

    return middleware
