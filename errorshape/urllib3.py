"""urllib3: calls that carry the trace of the request that makes them.

``http = errorshape.urllib3.propagate(urllib3.PoolManager())``
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

try:
    from urllib3 import HTTPConnectionPool, HTTPHeaderDict, PoolManager
    from urllib3.util import parse_url
except ImportError as exc:
    raise ImportError(
        "errorshape.urllib3 needs urllib3 2 or newer: pip install 'errorshape[urllib3]'"
    ) from exc

from .trace.outgoing import Propagation

_Manager = TypeVar("_Manager", bound=PoolManager)


def propagate(
    manager: _Manager,
    *,
    hosts: Iterable[str] | None = None,
    trace_header: str = "X-Request-Id",
) -> _Manager:
    """Have every call of ``manager`` carry the trace, and return the manager.

    For ``PoolManager`` and ``ProxyManager``; pools that it has already made are given up. A
    redirect is a call of its own, an attempt that urllib3 repeats is not. ``hosts`` limits it to
    those named, as in ``("api.example.com", ".internal.example")``. A header that the caller has
    set stays. Raises what :class:`~errorshape.trace.outgoing.Propagation` raises.
    """
    propagation = Propagation(hosts, trace_header)
    manager.clear()
    # The manager's own place for pools that differ. They are below its redirects, whose headers
    # would otherwise reach hosts that must not learn of the trace.
    manager.pool_classes_by_scheme = {
        scheme: _traced(pool, propagation)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager


def _traced(pool: type[Any], propagation: Propagation) -> type[HTTPConnectionPool]:
    class Traced(pool):  # type: ignore[misc]
        def urlopen(
            self,
            method: str,
            url: str,
            body: Any = None,
            headers: Mapping[str, str] | None = None,
            *args: Any,
            **kwargs: Any,
        ) -> Any:
            given = HTTPHeaderDict(self.headers if headers is None else headers)
            # Behind a proxy the pool is the proxy's, and the URL names the host.
            host = parse_url(url).host or self.host
            given.update(propagation.headers_for(host, given))
            return super().urlopen(method, url, body, given, *args, **kwargs)

    Traced.__name__, Traced.__qualname__ = pool.__name__, pool.__qualname__
    return Traced
