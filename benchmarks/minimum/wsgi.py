"""The minimum around a raw WSGI application, also inside of Flask's, piece by piece.

Two ways out: a list needs no iterator of ours, only a list with a ``close()``; anything else is
an object that holds the start back until the first chunk that is not empty, has a ``close()``, and is
iterated by a generator, whose steps cost a fraction of those of a ``__next__()``.
"""

from http import HTTPStatus

from errorshape.core.exceptions import APIError
from errorshape.core.headers import stamper

from .identity import KEY, current, encoded, identify

stamp = stamper("X-Request-Id")


class Finished(list):
    """A whole body; the server's close() clears the context variable."""

    __slots__ = ()

    def close(self):
        """End the request."""
        current.set(None)


class Body:
    """A body that comes in parts."""

    __slots__ = ("close_result", "first", "iterator", "outermost", "trace_id")

    def __init__(self, result, begin, trace_id, outermost):
        self.iterator = iter(result)
        self.close_result = getattr(result, "close", None)
        self.trace_id = trace_id
        self.outermost = outermost
        self.first = b""
        for chunk in self.iterator:
            if chunk:
                self.first = chunk
                break
        begin()

    def __iter__(self):
        self.bring_back()
        if self.first:
            yield self.first
            self.bring_back()
        for chunk in self.iterator:
            yield chunk
            self.bring_back()

    def bring_back(self):
        """See to it that the id is there, though the server may go on in another thread."""
        if self.outermost and current.get() is not self.trace_id:
            current.set(self.trace_id)

    def close(self):
        """End the request."""
        self.bring_back()
        try:
            if self.close_result is not None:
                self.close_result()
        finally:
            if self.outermost:
                current.set(None)


def minimum(app):
    """Return ``app`` with an id on every response."""

    def wrapped(environ, start_response):
        marks = environ.get(KEY)
        if marks is None:
            request_id = environ.get("HTTP_X_REQUEST_ID")
            if request_id is None and "HTTP_TRACEPARENT" not in environ:
                trace_id = identify(None)
            else:
                trace_id = identify(request_id, environ.get("HTTP_TRACEPARENT"))
            current.set(trace_id)
            environ[KEY] = {"trace_id": trace_id}
        else:
            trace_id = marks["trace_id"]
        status = headers = server_write = None

        def write(chunk):
            nonlocal server_write
            if chunk:
                if server_write is None:
                    server_write = start_response(status, stamp(headers, trace_id))
                server_write(chunk)

        def start(new_status, new_headers, exc_info=None):
            nonlocal status, headers
            if exc_info is None and status is not None:
                raise RuntimeError("a second start")
            if exc_info is not None and server_write is not None:
                raise exc_info[1].with_traceback(exc_info[2])
            status, headers = new_status, new_headers
            return write

        def begin():
            nonlocal server_write
            if server_write is None:
                if status is None:
                    raise RuntimeError("no start")
                server_write = start_response(status, stamp(headers, trace_id))

        try:
            result = app(environ, start)
            if type(result) is list:
                begin()
                return Finished(result) if marks is None else result
            return Body(result, begin, trace_id, marks is None)
        except APIError as exc:
            if server_write is not None:
                raise
            body = encoded(exc, trace_id)
            pairs = [
                ("X-Request-Id", trace_id),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
            ]
            start_response(f"{exc.status} {HTTPStatus(exc.status).phrase}", pairs)
            return Finished([body]) if marks is None else [body]

    return wrapped
