"""requests: calls that carry the trace of the request that makes them.

``session = errorshape.requests.propagate(requests.Session())``
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import urlsplit

try:
    import requests
    from requests.adapters import BaseAdapter
except ImportError as exc:
    raise ImportError(
        "errorshape.requests needs requests: pip install 'errorshape[requests]'"
    ) from exc

from .trace.outgoing import Propagation

_Session = TypeVar("_Session", bound=requests.Session)


def propagate(
    session: _Session,
    *,
    hosts: Iterable[str] | None = None,
    trace_header: str = "X-Request-Id",
) -> _Session:
    """Have every call of ``session`` carry the trace, and return the session.

    Wraps the adapters that are mounted, so call it after ``mount()``. A redirect is a call of its
    own; an attempt that an adapter repeats is not. ``hosts`` limits it to those named, as in
    ``("api.example.com", ".internal.example")``. A header that the caller has set stays. Raises
    what :class:`~errorshape.trace.outgoing.Propagation` raises.
    """
    propagation = Propagation(hosts, trace_header)
    for prefix, adapter in session.adapters.items():
        session.adapters[prefix] = _Adapter(adapter, propagation)
    return session


class _Adapter(BaseAdapter):
    """An adapter that adds the headers, and otherwise is the one inside."""

    def __init__(self, inner: BaseAdapter, propagation: Propagation) -> None:
        super().__init__()
        self.inner = inner
        self.propagation = propagation

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        host = urlsplit(request.url or "").hostname
        # A copy: a request that follows a redirect, perhaps to a host that must not learn of the
        # trace, has the headers of the one before it.
        request = request.copy()
        request.headers.update(self.propagation.headers_for(host, request.headers))
        return self.inner.send(request, *args, **kwargs)

    def close(self) -> None:
        self.inner.close()

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # not there yet: a session is being unpickled
            raise AttributeError(name)
        return getattr(self.inner, name)
