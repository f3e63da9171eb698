"""What eases the way from other packages: their names, their log fields, their headers.

docs/migration.md says what to delete and what to write instead; this is for what cannot be changed
on the same day.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .trace.context import Trace, current, trace_id
from .trace.ids import is_trace_id
from .trace.records import OUTSIDE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from .asgi import ASGIApp, Message, Receive, Scope, Send

# --- names ----------------------------------------------------------------------------------------


class _CorrelationId:
    """The variable of asgi-correlation-id: ``from errorshape.migration import correlation_id``."""

    def get(self, default: str | None = None) -> str | None:
        """Return the id of the request, ``default`` outside of one."""
        return trace_id() or default

    def set(self, value: str | None) -> str | Trace | None:
        """Take ``value`` for the id from here on; return what :meth:`reset` takes.

        Raises :exc:`ValueError` for one that is not valid.
        """
        before = current.get()
        set_guid(value)
        return before

    def reset(self, token: str | Trace | None) -> None:
        """Take the id that there was before, in whatever context."""
        current.set(token)


class _Local:
    """``log_request_id.local`` of django-log-request-id."""

    @property
    def request_id(self) -> str:
        """The id of the request; AttributeError outside of one."""
        if (found := trace_id()) is None:
            raise AttributeError("There is no request, so it has no id.")
        return found


correlation_id = _CorrelationId()
local = _Local()

#: ``django_guid.get_guid`` and ``flask_log_request_id.current_request_id``.
get_guid = current_request_id = trace_id


def set_guid(value: str | None) -> str | None:
    """Take ``value`` for the id from here on and return it, as ``django_guid.set_guid``.

    The response still has the id that the request came with. Raises :exc:`ValueError` for one that
    is not valid. New code says ``with errorshape.bind_trace_id(value):``.
    """
    if value is not None and not (isinstance(value, str) and is_trace_id(value)):
        raise ValueError(f"{value!r} is no trace id: see errorshape.bind_trace_id.")
    current.set(value)
    return value


def clear_guid() -> None:
    """Take the id away, as ``django_guid.clear_guid``."""
    current.set(None)


class LogFilter(logging.Filter):
    """Gives records the id under another name: ``correlation_id``, ``request_id``.

    For handlers whose formats cannot be changed yet. ``length`` cuts it, ``default`` is what it is
    outside of a request.
    """

    def __init__(
        self, field: str = "correlation_id", length: int | None = None, default: str = OUTSIDE
    ) -> None:
        super().__init__()
        self._field, self._length, self._default = field, length, default

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the field; every record passes."""
        found: str | None = getattr(record, "trace_id", trace_id())
        value = self._default if found in (None, OUTSIDE) else str(found)[: self._length]
        setattr(record, self._field, value)
        return True


# --- headers --------------------------------------------------------------------------------------


class OldHeaderWSGI:
    """Read the id from an old header where the new one is missing, and answer with both.

    Outside of errorshape: ``app.wsgi_app = OldHeaderWSGI(app.wsgi_app, "X-Correlation-ID")``.
    """

    def __init__(self, app: WSGIApplication, old: str, trace_header: str = "X-Request-Id") -> None:
        self._app, self._old, self._new = app, old, trace_header

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        old, new = (f"HTTP_{name.upper().replace('-', '_')}" for name in (self._old, self._new))
        if old in environ and new not in environ:
            environ[new] = _id_in(environ[old])

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            return start_response(status, _both(headers, self._old, self._new), *exc_info)

        return self._app(environ, start)


class OldHeaderASGI:
    """Read the id from an old header where the new one is missing, and answer with both.

    Outside of errorshape: ``app = OldHeaderASGI(ErrorShapeMiddleware(app), "X-Correlation-ID")``.
    """

    def __init__(self, app: ASGIApp, old: str, trace_header: str = "X-Request-Id") -> None:
        self._app = app
        self._old, self._new = old.lower().encode(), trace_header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = list(scope["headers"])
        if all(name != self._new for name, _ in headers):
            # Each of them: an id that was sent twice is no valid one.
            headers += [
                (self._new, _id_in(value.decode("latin-1")).encode("latin-1"))
                for name, value in headers
                if name == self._old
            ]

        async def send_both(message: Message) -> None:
            if message["type"].endswith("response.start"):
                headers = _both(list(message.get("headers", ())), self._old, self._new)
                message = {**message, "headers": headers}
            await send(message)

        await self._app({**scope, "headers": headers}, receive, send_both)


def _id_in(value: str) -> str:
    """Return the id in the value of a header; that of X-Amzn-Trace-Id names its parts."""
    parts: dict[str, str] = {}
    for part in value.split(";"):
        name, _, of_it = part.strip().partition("=")
        parts[name] = of_it
    return parts.get("Self") or parts.get("Root") or value


def _both(headers: list[Any], old: Any, new: Any) -> list[Any]:
    """Add the old header to those of a response, as a copy of the new one."""
    lowered = [(name.lower(), value) for name, value in headers]
    found = [value for name, value in lowered if name == new.lower()]
    if not found or any(name == old.lower() for name, _ in lowered):
        return headers
    return [*headers, (old, found[0])]
