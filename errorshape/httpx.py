"""httpx and httpx2: calls that carry the trace of the request that makes them.

``client = errorshape.httpx.propagate(httpx.Client())``. Neither package is imported: their clients
have the same hooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from inspect import iscoroutinefunction
from typing import Any, Protocol, TypeVar

from .trace.outgoing import Propagation

# Where a request notes what was added to it. httpx hands a request's extensions, like its headers,
# on to the one that follows a redirect, perhaps to a host that must not learn of the trace.
_EXTENSION = "errorshape"


class _HasHooks(Protocol):
    @property
    def event_hooks(self) -> dict[str, list[Any]]: ...
    @event_hooks.setter
    def event_hooks(self, event_hooks: dict[str, list[Any]]) -> None: ...


_Client = TypeVar("_Client", bound=_HasHooks)


def propagate(
    client: _Client,
    *,
    hosts: Iterable[str] | None = None,
    trace_header: str = "X-Request-Id",
) -> _Client:
    """Have every call of ``client`` carry the trace, and return the client.

    For ``Client`` and ``AsyncClient``; adds a request hook, so that each redirect and each attempt
    of an authentication is a call of its own. ``hosts`` limits it to those named, as in
    ``("api.example.com", ".internal.example")``; then a response hook takes the headers off a
    request that is redirected, which is what ``response.next_request`` is made of. A header that
    the caller has set stays. Raises
    what :class:`~errorshape.trace.outgoing.Propagation` raises.
    """
    propagation = Propagation(hosts, trace_header)

    def add(request: Any) -> None:
        _take_off(request)
        added = propagation.headers_for(request.url.host, request.headers)
        request.headers.update(added)
        # A new dictionary: the caller's own may be the one that is there.
        request.extensions = {**request.extensions, _EXTENSION: added}

    async def add_async(request: Any) -> None:
        add(request)

    def redirected(response: Any) -> None:
        # Of this request httpx makes the next one, which a client may send that has no hook.
        if response.has_redirect_location:
            _take_off(response.request)

    async def redirected_async(response: Any) -> None:
        redirected(response)

    is_async = iscoroutinefunction(client.send)  # type: ignore[attr-defined]
    hooks = client.event_hooks
    hooks["request"] = [*hooks["request"], add_async if is_async else add]
    if hosts is not None:
        after = redirected_async if is_async else redirected
        hooks["response"] = [*hooks["response"], after]
    client.event_hooks = hooks
    return client


def _take_off(request: Any) -> None:
    """Take the headers off a request that were added to it, unless somebody has set them since."""
    for name, value in request.extensions.get(_EXTENSION, {}).items():
        if request.headers.get(name) == value:
            del request.headers[name]
