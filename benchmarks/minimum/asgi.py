"""The minimum around a raw ASGI application, piece by piece.

Tuned on CPython 3.13 by counting instructions. What was tried and cost more: a class with slots in
the place of the closures (equal within 1 %, and what errorshape does, since it reads better), a
plain ``def send`` that returns an awaitable (the start needs one all the same, and an OSError is
seen only by whoever awaits), comparing each header with each name (half more than one set),
``bytes.strip`` or a regular expression for the id (twice and three times the table).
"""

from errorshape.core.exceptions import APIError
from errorshape.core.headers import stamper
from errorshape.trace.ids import is_trace_id_in_bytes, new_trace_id

from .identity import KEY, current, encoded, identify

NAMES = frozenset({b"x-request-id", b"traceparent"})
stamp = stamper(b"x-request-id")
LENGTHS = frozenset({len(b"x-request-id"), len(b"access-control-expose-headers")})
READ_ON = frozenset({"uvicorn.protocols.http.h11_impl", "uvicorn.protocols.http.httptools_impl"})
BEGUN, COMPLETE = object(), object()


def minimum(app):
    """Return ``app`` with an id on every response."""

    async def wrapped(scope, receive, send):
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        # A wrap further out is found in the scope; else all headers are looked at, for a second
        # X-Request-Id makes the first one invalid. One look into a set for each.
        marks = scope.get(KEY)
        if marks is None:
            found = [header for header in scope["headers"] if header[0] in NAMES]
            if not found:
                trace_id = new_trace_id()
            elif len(found) == 1 and found[0][0] == b"x-request-id":
                given = found[0][1]
                trace_id = given.decode() if is_trace_id_in_bytes(given) else new_trace_id()
            else:
                trace_id = identify(only(found, b"x-request-id"), only(found, b"traceparent"))
            current.set(trace_id)
            scope[KEY] = {"trace_id": trace_id}
        else:
            trace_id = marks["trace_id"]
        response = None  # the start that is held back, then BEGUN, then COMPLETE
        gone = False

        async def watched_receive():
            nonlocal gone
            # What the server reads meanwhile may belong to the connection's next request.
            trace = current.get()
            current.set(None)
            try:
                message = await receive()
            finally:
                current.set(trace)
            if message["type"] == "http.disconnect":
                gone = True
            return message

        async def watched_send(message):
            nonlocal response, gone
            kind = message["type"]
            if kind == "http.response.start":
                if response is not None:
                    raise RuntimeError("a second start")
                headers = message.get("headers", ())
                if type(headers) is not list:
                    headers = list(headers)
                is_event_stream = is_ours = False
                for name, value in headers:
                    # Content-Type happens to be as long as X-Request-Id.
                    if len(name) in LENGTHS:
                        if (lowered := name.lower()) == b"content-type":
                            is_event_stream = value.startswith(b"text/event-stream")
                        elif lowered in (b"x-request-id", b"access-control-expose-headers"):
                            is_ours = True
                pair = (b"x-request-id", trace_id.encode())
                headers = stamp(headers, pair[1]) if is_ours else [*headers, pair]
                response = {**message, "headers": headers}
                if is_event_stream:
                    start, response = response, BEGUN
                    await send(start)
                return
            last = kind == "http.response.body" and not message.get("more_body")
            try:
                if kind == "http.response.body":
                    if response is None or response is COMPLETE:
                        raise RuntimeError("a body before the start, or after the end")
                    if response is not BEGUN:
                        start, response = response, BEGUN
                        await send(start)
                if last and getattr(send, "__module__", None) in READ_ON:
                    trace = current.get()
                    current.set(None)
                    try:
                        await send(message)
                    finally:
                        current.set(trace)
                else:
                    await send(message)
            except OSError:
                gone = True
                raise
            if last:
                response = COMPLETE

        try:
            await app(scope, watched_receive, watched_send)
        except APIError as exc:
            if response is BEGUN or response is COMPLETE:
                raise
            body = encoded(exc, trace_id)
            pairs = [
                (b"x-request-id", trace_id.encode()),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
            ]
            response = COMPLETE
            await send({"type": "http.response.start", "status": exc.status, "headers": pairs})
            await send({"type": "http.response.body", "body": body})
        if response is not COMPLETE and not gone:
            raise RuntimeError("no complete response")

    return wrapped


def only(found, wanted):
    """Return the value of a header, None if it is not there, invalid if it is there twice."""
    values = [value for name, value in found if name == wanted]
    if len(values) > 1:
        return ""
    return values[0].decode("latin-1") if values else None
