"""Which calls to other services carry the trace, and by which headers: what all clients share."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from .w3c import outgoing_headers

_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch  # RFC 9110 §5.1


class Propagation:
    """The hosts that may learn of the trace, and the name of the trace id's header.

    ``hosts`` has names as in ``("api.example.com", ".internal.example")``, where one that begins
    with a dot stands for the domain and all below it; ports do not matter; None is every host.
    Raises :exc:`TypeError` for what is no collection of strings, and :exc:`ValueError` for what is
    no host or no name of a header.
    """

    def __init__(self, hosts: Iterable[str] | None, trace_header: str) -> None:
        if not (isinstance(trace_header, str) and _is_token(trace_header)):
            raise ValueError(f"trace_header is {trace_header!r}: name one, like 'X-Request-Id'.")
        if isinstance(hosts, (str, bytes)) or not isinstance(hosts, Iterable | None):
            raise TypeError(f"hosts is {hosts!r}: write the names as ('api.example.com',).")
        self._trace_header = trace_header
        self._hosts = None if hosts is None else frozenset(map(_checked, hosts))

    def allows(self, host: str | None) -> bool:
        """Whether calls to this host carry the trace."""
        if self._hosts is None:
            return True
        name = _normal(host or "")
        if name in self._hosts:
            return True
        # "a.b.example" is under ".a.b.example", ".b.example" and ".example".
        labels = name.split(".")
        return any("." + ".".join(labels[i:]) in self._hosts for i in range(len(labels)))

    def headers_for(self, host: str | None, given: Container[str]) -> dict[str, str]:
        """Return the headers to add to a call that already has those ``given``, in any case.

        One that the caller has set stays; beside a ``traceparent`` of its own the ``tracestate`` of
        ours would speak of another trace.
        """
        if not self.allows(host):
            return {}
        headers = outgoing_headers(self._trace_header)
        if "traceparent" in given:
            headers.pop("tracestate", None)
        return {name: value for name, value in headers.items() if name not in given}


def _checked(host: object) -> str:
    if not isinstance(host, str):
        raise TypeError(f"hosts has {host!r}: name hosts as strings, like 'api.example.com'.")
    try:
        name = _normal(host)
        name = ("." if name.startswith(".") else "") + name.lstrip(".").encode("idna").decode()
    except UnicodeError:
        name = ""
    if not name.strip(".") or set(name) & set("/@?#* \t") or (":" in name and name.count(":") < 2):
        raise ValueError(
            f"hosts has {host!r}: name the host alone, without scheme, port or path, like"
            " 'api.example.com', or '.example.com' for all below it."
        )
    return name


def _normal(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()
