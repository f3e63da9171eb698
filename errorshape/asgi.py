"""The wrap around any ASGI application (ASGI 3.0: http, websocket; lifespan passes through)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partial
from typing import Any, Unpack

from .core.body import MAX_BODY
from .core.headers import stamper, varying
from .core.http import ErrorResponse, Request
from .core.layer import ErrorLayer
from .core.options import Options
from .core.translation import is_disconnect, only_leaf
from .trace import context
from .trace.context import Trace, current

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Each framework types the three arguments in its own way (dict, MutableMapping, TypedDicts).
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

#: Where the outermost wrap notes in ``scope`` what goes between it, the wraps further in and the
#: adapters: ``trace_id``; ``accepted``, of a WebSocket; ``reported`` and ``answered``, an exception
#: that an adapter has reported, or answered as well, and that its framework may raise all the same;
#: ``body``, that of an answer which the layer has made and an adapter hands on.
SCOPE_KEY = "errorshape"

_CONTENT_TYPE = b"content-type"
_EXPOSE = b"access-control-expose-headers"

# The servers whose send() of a last message goes on to the next request. Others log the
# request then, under its id; uvicorn has done so at its start.
_READ_ON = frozenset(
    f"uvicorn.protocols.http.{implementation}_impl"
    for implementation in ("h11", "httptools", "zttp", "zttp_h2")
)

_NO_START: Message = {}

# How far a response has come. Up to COLLECTING the server has seen nothing of it.
_NOTHING, _HELD, _COLLECTING, _BEGUN, _TRAILERS, _REPLACED, _COMPLETE, _ACCEPTED = range(8)


class ErrorShapeMiddleware:
    """Give every response of an ASGI application its trace id, and every error the shape.

    ``app = ErrorShapeMiddleware(app)``. Takes the options of :class:`~errorshape.ErrorLayer`, or
    a layer made before; raises what that raises.
    """

    def __init__(
        self, app: ASGIApp, layer: ErrorLayer | None = None, **options: Unpack[Options]
    ) -> None:
        self.app = app
        self.layer = ErrorLayer.of(layer, options)
        self.header = self.layer.trace_header.lower().encode()
        self.stamp = stamper(self.header)
        self.names = frozenset({self.header, b"traceparent", b"tracestate"})
        # Comparing lengths costs a third of lowering names, and lets few of them through.
        self.lengths = frozenset(map(len, (self.header, _EXPOSE, _CONTENT_TYPE)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            exchange = _Exchange(self, scope, receive, send)
        elif kind == "websocket":
            exchange = _Handshake(self, scope, receive, send)
        else:
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception as exc:
            if await exchange.failed(exc):
                raise
        else:
            if exchange.state != _COMPLETE or exchange.violation is not None:
                await exchange.ended()

    def identify(self, headers: Iterable[tuple[bytes, bytes]]) -> str | Trace:
        """Return the id of a request from its headers."""
        names = self.names
        # Nearly all headers are none of ours, and one look into a set says so of each: cheaper than
        # a comparison with each name, even where the server has made the bytes anew.
        found = [header for header in headers if header[0] in names]
        if not found:
            return self.layer.fresh()
        if len(found) == 1 and found[0][0] == self.header:
            return self.layer.accepted(found[0][1])
        return self.layer.identify(
            _only(found, self.header),
            _only(found, b"traceparent"),
            b",".join([value for name, value in found if name == b"tracestate"]).decode("latin-1"),
        )


class _Exchange:
    """One HTTP request and its response.

    What every response takes is inline in ``send`` and in ``__call__`` above: a call costs some 500
    machine instructions, that of a coroutine 1,500.
    """

    __slots__ = (
        "_end", "_marks", "_parts", "_receive", "_scope", "_send", "_start", "_wrap",
        "gone", "outermost", "state", "status", "trace_id", "violation",
    )  # fmt: skip

    start_type = "http.response.start"
    body_type = "http.response.body"
    disconnect = "http.disconnect"

    def __init__(
        self, wrap: ErrorShapeMiddleware, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._wrap = wrap
        self._scope = scope
        self._receive = receive
        self._send = send
        self._start: Message = _NO_START  # held back
        self._parts: list[Message] | None = None  # of the body, where they are collected
        self._end = _COMPLETE  # what follows the body; trailers do where they were announced
        self.violation: str | None = None
        self.gone = False
        self.state = _NOTHING
        self.status = 0
        # A wrap further out has decided the id already. It is found in the scope, never through
        # the context variable, which may still hold the id of another request.
        marks = scope.get(SCOPE_KEY)
        self.outermost = marks is None
        if marks is None:
            headers = scope.get("headers", ())
            if type(headers) is not list:  # Falcon's test client has them, and each, read but once
                scope["headers"] = headers = list(map(tuple, headers))
            trace = wrap.identify(headers)
            context.enter(trace)
            self.trace_id: str = trace if isinstance(trace, str) else trace.id
            # Not this object: it has the scope, and a cycle for each request would need collecting.
            self._marks: dict[str, Any] = {"trace_id": self.trace_id}
            scope[SCOPE_KEY] = self._marks
        else:
            self.trace_id = marks["trace_id"]
            self._marks = marks

    # --- between the application and the server --------------------------------------------------

    async def receive(self) -> Message:
        # What a server starts while it waits, and what it reads from then on, copies the context,
        # and may be about later requests of the connection (uvicorn's flow control).
        message: Message = await _without_the_id(self._receive)
        if message["type"] == self.disconnect:
            self.gone = True
        return message

    async def send(self, message: Message) -> None:
        if self.state == _BEGUN and message.get("more_body"):
            # A chunk between the first and the last: nothing is left to decide. What has more of the
            # body to follow is a part of it; to ask for the type as well would cost a quarter more.
            try:
                await self._send(message)
            except OSError:
                self.gone = True
                raise
            return
        kind = message["type"]
        if kind == self.start_type:
            if self.state != _NOTHING:
                raise self._violated("started its response twice")
            if self._begins(message):
                await self._forward(self._start)
            return
        if kind != self.body_type:
            await self._send_other(kind, message)
            return
        last = not message.get("more_body")
        try:
            if (
                self.state == _HELD
                and self.violation is None
                and (self.status < 400 or self._is_answer(message))
            ):
                # Before the first await: whatever happens from here on, the server may have begun.
                self.state = _BEGUN
                await self._send(self._start)
            elif self.state != _BEGUN:
                await self._send_part(message)
                return
            if last and getattr(self._send, "__module__", None) in _READ_ON:
                await _without_the_id(self._send, message)
            else:
                await self._send(message)
        except OSError:
            self.gone = True
            raise
        if last:
            self.state = self._end

    def _begins(self, message: Message) -> bool:
        """Take the start of a response; return whether it is to go out at once."""
        status = self.status = message["status"]
        headers = message.get("headers", ())
        if type(headers) is not list:  # any iterable will do, also one that ends with its first use
            headers = list(map(tuple, headers))
        if message.get("trailers"):
            self._end = _TRAILERS
        is_event_stream = False
        if status < 400:
            wrap = self._wrap
            lengths = wrap.lengths
            pair = (wrap.header, self.trace_id.encode())
            is_ours = False
            for name, value in headers:
                if len(name) in lengths:
                    if (lowered := name.lower()) == _CONTENT_TYPE:
                        is_event_stream = value.startswith(b"text/event-stream")
                    elif lowered in (wrap.header, _EXPOSE):
                        is_ours = True
            headers = wrap.stamp(headers, pair[1]) if is_ours else [*headers, pair]
        # Never in place: the application may send the same message, or list, with each response.
        self._start = {**message, "headers": headers}
        # The client waits for the headers of a stream, and its first event may be far away.
        self.state = _BEGUN if is_event_stream else _HELD
        return is_event_stream

    async def _send_other(self, kind: str, message: Message) -> None:
        part = kind.rpartition(".")[2]
        if part in ("pathsend", "zerocopysend"):  # extensions: a file instead of a body
            await self._send_part(message)
        elif part == "trailers" and self.state == _TRAILERS:
            await self._forward(message)
            if not message.get("more_trailers"):
                self.state = _COMPLETE
        elif part == "trailers" and self.state in (_REPLACED, _COMPLETE):
            pass  # of the body that was replaced
        else:  # early hints, push, and whatever else a server may understand
            await self._forward(message)

    async def _send_part(self, message: Message) -> None:
        """Send a part of the body, or what stands for it, wherever the response is."""
        if self.state in (_HELD, _COLLECTING) and self.violation is None:
            if self.status >= 400 and await self._reshaped(message):
                return
            if self.state == _COLLECTING:
                return
            self.state = _BEGUN
            await self._forward(self._start)
            for before in self._parts or ():
                await self._forward(before)
            self._parts = None
        elif self.state == _REPLACED:
            if not message.get("more_body"):
                self.state = _COMPLETE
            return
        elif self.state != _BEGUN:
            raise self._violated(
                "sent a body after the end of its response"
                if self.state == _COMPLETE
                else "sent a body before the start of its response"
            )
        await self._forward(message)
        if not message.get("more_body"):
            self.state = self._end

    def _is_answer(self, message: Message) -> bool:
        """Whether an error response is one that the layer has made; then its start is complete."""
        body = message.get("body")
        if not body or body is not self._marks.get("body"):
            return False
        # The same object. To look at it again would cost as much as all else that is done for an
        # error, and find no more than that the id may be missing.
        start = self._start
        stamped = self._wrap.stamp(start.get("headers", ()), self.trace_id.encode())
        self._start = {**start, "headers": stamped}
        return True

    async def _reshaped(self, message: Message) -> bool:
        """Whether an error response was replaced; if it stays, its start is made complete."""
        start = self._start
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in start.get("headers", ())
        ]
        more = message.get("more_body", False)
        body: bytes | None = None  # as of a HEAD, or of a file
        if self._scope.get("method") != "HEAD" and message["type"].endswith(".body"):
            parts = [*(self._parts or ()), message]
            body = b"".join([part.get("body", b"") for part in parts])
            if more and len(body) <= MAX_BODY and self._wrap.layer.wants_body(self.status, headers):
                self._parts = parts
                self.state = _COLLECTING
                return False
            if more and not body:
                body = None  # a flush says nothing of what follows
        response = self._wrap.layer.reshape(
            self.status, headers, body, trace_id=self.trace_id, request=self.request()
        )
        if response is not None:
            await self._answer(response)
            if more:
                self.state = _REPLACED
            return True
        self.state = _HELD
        if self._wrap.layer.shapes(self.request().path):
            headers = self._wrap.layer.complete(self.status, headers)
        stamped = self._wrap.stamp(_encoded(headers), self.trace_id.encode())
        self._start = {**start, "headers": stamped}
        return False

    async def _forward(self, message: Message) -> None:
        try:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await self._finish(message)
            else:
                await self._send(message)
        except OSError:
            self.gone = True
            raise

    async def _finish(self, message: Message) -> None:
        """End the response, at a server that goes on to the connection's next request in it."""
        if getattr(self._send, "__module__", None) in _READ_ON:
            await _without_the_id(self._send, message)
        else:
            await self._send(message)

    async def _answer(self, response: ErrorResponse) -> None:
        self.state = _BEGUN
        self.status = response.status
        bodiless = self._scope.get("method") == "HEAD" or response.status in (204, 304)
        headers = _encoded(response.headers)
        body = b"" if bodiless else response.body
        try:
            await self._send(
                {"type": self.start_type, "status": response.status, "headers": headers}
            )
            await self._finish({"type": self.body_type, "body": body, "more_body": False})
        except OSError:
            self.gone = True
            raise
        self.state = _COMPLETE

    def _violated(self, what: str) -> RuntimeError:
        self.violation = f"The application {what}"
        return RuntimeError(self.violation)

    # --- when the application is done ------------------------------------------------------------

    async def failed(self, exc: Exception) -> bool:
        """Answer an exception if it is not too late; return whether it is to be raised again."""
        if self._marks.pop("logged", None) is exc:  # by a wrap further in
            return True
        request = self.request()
        if self.gone and is_disconnect(exc):
            self._wrap.layer.gone(exc, request)
            return False
        if self._is_marked("answered", exc):
            pass
        elif self.state < _BEGUN:
            layer = self._wrap.layer
            answer = layer.respond if self._is_marked("reported", exc) else layer.answer
            response = answer(exc, trace_id=self.trace_id, request=request)
            if self._start and (cross_origin := self._cross_origin()):
                response.headers = varying([*response.headers, *cross_origin])
            try:
                await self._answer(response)
            except OSError as failure:
                self._wrap.layer.gone(failure, request)
        elif self.state in (_REPLACED, _COMPLETE) and self.status >= 500:
            # Answered by the application, which then told the server (as Starlette does).
            self._report(exc, request)
        else:
            self._wrap.layer.too_late(exc, request)
            return self._raised(exc)
        if self._wrap.layer.debug and self._wrap.layer.translate(exc) is None:
            return self._raised(exc)
        return False

    def _report(self, exc: Exception, request: Request) -> None:
        if not self._is_marked("reported", exc):
            self._wrap.layer.report(exc, trace_id=self.trace_id, request=request)

    def _is_marked(self, what: str, exc: Exception) -> bool:
        """Whether an adapter has said this of an exception; it is said once."""
        return what in self._marks and self._marks.pop(what) is only_leaf(exc)

    def _cross_origin(self) -> list[tuple[str, str]]:
        """Return what lets another origin's page read an answer: that of what it replaces."""
        return [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._start.get("headers", ())
            if name.lower().startswith(b"access-control-") or name.lower() == b"vary"
        ]

    def _raised(self, exc: Exception) -> bool:
        if not self.outermost:  # who takes it out again, so that no cycle is left behind
            self._marks["logged"] = exc
        return True

    async def ended(self) -> None:
        """See to it that a response which the application did not finish is an error."""
        if self.violation is not None:
            problem = self.violation
        elif self.state >= _REPLACED:
            return
        elif self.gone:
            self._wrap.layer.gone(None, self.request())
            return
        elif self.state in (_BEGUN, _TRAILERS):
            problem = "The application ended in the middle of its response"
        else:
            problem = "The application ended without a response"
        error = RuntimeError(problem)
        try:
            if await self.failed(error):
                raise error
        finally:
            del error  # its traceback has this frame

    def request(self) -> Request:
        """Return what the layer wants to know of the request."""
        return request_in(self._scope)


class _Handshake(_Exchange):
    """One WebSocket: refused as an HTTP response before it is accepted, closed after that."""

    __slots__ = ()

    start_type = "websocket.http.response.start"
    body_type = "websocket.http.response.body"
    disconnect = "websocket.disconnect"

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            # Any iterable will do, also one that ends with its first use.
            headers = self._wrap.stamp([*message.get("headers", ())], self.trace_id.encode())
            self.state = _ACCEPTED
            self._marks["accepted"] = True
            await self._forward({**message, "headers": headers})
        elif kind == "websocket.close":
            if self.state == _NOTHING and self._can_deny():
                # What a server makes of a close before the accept (ASGI: 403), in the shape.
                await self._answer(self._refusal())
            else:
                self.state = _COMPLETE
                await self._forward(message)
        elif kind == "websocket.send":
            await self._forward(message)
        else:
            await super().send(message)

    def _refusal(self) -> ErrorResponse:
        request = self.request()
        refusal = self._wrap.layer.reshape(403, [], b"", trace_id=self.trace_id, request=request)
        return refusal or ErrorResponse(403, [(self._wrap.layer.trace_header, self.trace_id)], b"")

    def _can_deny(self) -> bool:
        return "websocket.http.response" in (self._scope.get("extensions") or ())

    async def _answer(self, response: ErrorResponse) -> None:
        if self._can_deny():
            await super()._answer(response)
        else:
            self.state = _COMPLETE
            await self._close()

    async def _close(self) -> None:
        # RFC 6455 §5.5: at most 125 bytes, two of them for the code; ids are ASCII.
        reason = self.trace_id[:123]
        await self._forward({"type": "websocket.close", "code": 1011, "reason": reason})

    async def failed(self, exc: Exception) -> bool:
        if self.state != _ACCEPTED or (self.gone and is_disconnect(exc)):
            return await super().failed(exc)
        request = self.request()
        self._report(exc, request)
        self.state = _COMPLETE
        if not self.gone:
            try:
                await self._close()
            except OSError as failure:
                self._wrap.layer.gone(failure, request)
        return False


async def _without_the_id(serve: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Await the server, which may go on to another request, without this one's id."""
    trace = current.get()
    current.set(None)
    try:
        done = await serve(*arguments)
    except GeneratorExit:  # by the collector, in whatever context that happens to run
        raise
    except BaseException:
        current.set(trace)
        raise
    current.set(trace)
    return done


def request_in(scope: Scope) -> Request:
    """Return what the layer wants to know of the request in a scope."""
    method, path = scope.get("method", "GET"), scope.get("path", "/")
    return Request(method, path, partial(header_in, scope))


def header_in(scope: Scope, name: str) -> str:
    """Return a header of a request; several of one name are a list (RFC 9110 §5.3)."""
    wanted = name.lower().encode()
    values = [value for key, value in scope.get("headers", ()) if key.lower() == wanted]
    return b",".join(values).decode("latin-1")


def _only(found: list[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    """Return the value of a header, ``""`` (never a valid one) if it is there twice, or None."""
    values = [value for name, value in found if name == wanted]
    if not values:
        return None
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
