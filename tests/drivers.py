"""Strict stand-ins for a server: one request in, one neutral reply out, every rule checked.

``ASGIExchange`` and ``WSGIExchange`` drive one application through one request and note every
breach of the protocol (ASGI 3.0, its HTTP sub-specification 2.5; PEP 3333) in ``violations``, also
one that the application swallowed. ``fault`` is called at each point where control passes
between server and application and may raise: that is how a sweep makes everything fail.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from wsgiref.validate import WSGIWarning, validator

import msgspec

from tests.logs import Record, captured

#: Logs as servers do: a line when a response begins, one when it is over, one when it failed.
server_log = logging.getLogger("server")

Fault = Callable[[str], None]


class ProtocolError(AssertionError):
    """The application broke a rule of ASGI or WSGI."""


@dataclass(frozen=True)
class Request:
    """What a client sends."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def headers_with_host(self) -> tuple[tuple[str, str], ...]:
        """All headers; every request names its host once (RFC 9112 §3.2)."""
        if any(name == "Host" for name, _ in self.headers):
            return self.headers
        return (("Host", "testserver"), *self.headers)


@dataclass
class Reply:
    """What a client got, and what was logged meanwhile.

    ``headers`` have lower-case names and are in their order; ``complete`` is whether the client
    could tell that it has all of the body; ``failure`` is what the server saw raised (in process).
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    complete: bool = True
    log_records: list[Record] = field(default_factory=list)
    failure: BaseException | None = None

    def all(self, name: str) -> list[str]:
        """Return the values of every header of this name."""
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str:
        """Return the value of the header of this name, of which there must be exactly one."""
        values = self.all(name)
        assert len(values) == 1, f"{name}: {values} in {self}"
        return values[0]

    @property
    def error(self) -> dict[str, Any]:
        """What the envelope holds."""
        return msgspec.json.decode(self.body)["error"]

    def logged(self, level: int) -> list[Record]:
        """Return what was logged at this level and above, but for what the server had to say."""
        return [
            record
            for record in self.log_records
            if record.level >= level and not record.is_of_server
        ]


# --- the rules that both protocols share --------------------------------------------------------

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch  # RFC 9110 §5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search  # RFC 9110 §5.5
HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailers transfer-encoding"
    " upgrade".split()
)


class _Exchange:
    """One request and its response, as far as both protocols are alike."""

    def __init__(self, request: Request, *, fault: Fault | None = None) -> None:
        self.request = request
        self.fault: Fault = fault or (lambda point: None)
        self.violations: list[str] = []
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.complete = False
        self.failure: BaseException | None = None

    def violate(self, rule: str) -> ProtocolError:
        """Note a breach; the caller raises what this returns, as a strict server would."""
        self.violations.append(rule)
        return ProtocolError(rule)

    def reply(self, log_records: Iterable[Record] = ()) -> Reply:
        """Return what the client got; ProtocolError for all breaches of the exchange."""
        if self.violations:
            raise ProtocolError("; ".join(self.violations)) from self.failure
        status = 500 if self.status is None else self.status
        return Reply(
            status, self.headers, self.body, self.complete, list(log_records), self.failure
        )

    def check_head(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Check a status and headers before they go out."""
        for name, value in headers:
            if not _TOKEN(name):
                raise self.violate(f"header name {name!r} is no token")
            if _CONTROL(value):
                raise self.violate(f"header value {name}: {value!r} cannot be sent")
        names = [name.lower() for name, _ in headers]
        for single in ("content-length", "content-type", "x-request-id"):
            if names.count(single) > 1:
                raise self.violate(f"{single} is there {names.count(single)} times")
        if not 200 <= status <= 599:
            raise self.violate(f"{status} is no final status")

    def check_part(self, data: bytes) -> None:
        """Check a part of the body before it goes out."""
        if not isinstance(data, bytes):
            raise self.violate(f"a part of the body is {type(data).__name__}, not bytes")
        if data and self.must_be_bare:
            raise self.violate(f"a body for {self.request.method} {self.status}")
        length = self.content_length
        if length is not None and not self.must_be_bare and len(self.body) + len(data) > length:
            raise self.violate(f"more than Content-Length: {length}")

    def check_end(self) -> None:
        """Check what was sent, once the application says that it is all."""
        length = self.content_length
        if length is not None and not self.must_be_bare and len(self.body) != length:
            raise self.violate(f"{len(self.body)} bytes, Content-Length: {length}")

    @property
    def must_be_bare(self) -> bool:
        """Whether the response has no body, whatever its headers say (RFC 9110 §6.4.1)."""
        return self.request.method == "HEAD" or self.status in (204, 304)

    @property
    def content_length(self) -> int | None:
        """The length that the response has announced."""
        return next((int(v) for k, v in self.headers if k.lower() == "content-length"), None)


# --- ASGI ---------------------------------------------------------------------------------------

_FIELDS = {
    "http.response.start": {"status", "headers", "trailers"},
    "http.response.body": {"body", "more_body"},
    "http.response.trailers": {"headers", "more_trailers"},
    "http.response.early_hint": {"links"},
    "http.response.push": {"path", "headers"},
    "http.response.pathsend": {"path"},
}
_EXTENSIONS = tuple(kind for kind in _FIELDS if kind.rpartition(".")[2] not in ("start", "body"))


class ASGIExchange(_Exchange):
    """An ASGI server's side of one HTTP request.

    ``mixed_case`` allows header names that are not in lower case, which the specification forbids
    and servers accept (Django sends them). ``gone_after`` is how many messages the application
    sends before the client is gone: then ``send`` raises OSError, as the specification has it.
    """

    def __init__(
        self,
        request: Request,
        *,
        fault: Fault | None = None,
        mixed_case: bool = False,
        gone_after: int | None = None,
        extensions: Iterable[str] = (),
    ) -> None:
        super().__init__(request, fault=fault)
        self.mixed_case = mixed_case
        self.gone_after = gone_after
        self.extensions = tuple(extensions)
        assert set(self.extensions) <= set(_EXTENSIONS)
        self.messages: list[dict[str, Any]] = []
        self.expected = "start"  # then "body", "trailers", "nothing"
        self.has_trailers = False
        self._received = False
        self._over = asyncio.Event()

    @property
    def scope(self) -> dict[str, Any]:
        """A complete connection scope, as a server makes it."""
        path, _, query = self.request.path.partition("?")
        body = self.request.body
        length = [(b"content-length", str(len(body)).encode())] if body else []
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "method": self.request.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": [
                *length,
                *(
                    (k.lower().encode(), v.encode("latin-1"))
                    for k, v in self.request.headers_with_host
                ),
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("testserver", 80),
            "state": {},
            "extensions": {name: {} for name in self.extensions},
        }

    async def receive(self) -> dict[str, Any]:
        """Give the body, then wait until the exchange is over, then say that the client is gone."""
        self.fault("receive")
        if not self._received:
            self._received = True
            return {"type": "http.request", "body": self.request.body, "more_body": False}
        if self.gone_after != 0:
            await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message that the grammar allows at this point."""
        self.fault("send")
        if self.gone_after is not None and len(self.messages) >= self.gone_after:
            self._over.set()
            raise OSError("the client is gone")
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise self.violate(f"{message!r} is no message")
        kind = message["type"]
        allowed = _FIELDS.get(kind)
        if allowed is None or (kind in _EXTENSIONS and kind not in self.extensions):
            raise self.violate(f"{kind} was not offered")
        if unknown := message.keys() - allowed - {"type"}:
            raise self.violate(f"{kind} has no {unknown}")
        self.messages.append(message)
        getattr(self, "_take_" + kind.rpartition(".")[2])(message)
        if self.expected == "nothing":
            self._over.set()

    def _take_start(self, message: dict[str, Any]) -> None:
        if self.expected != "start":
            raise self.violate(f"http.response.start where {self.expected} was expected")
        status = message.get("status")
        if type(status) is not int:
            raise self.violate(f"status {status!r} is not an int")
        headers = self._decoded(message.get("headers", ()))
        self.check_head(status, headers)
        self.status = status
        self.headers = [(name.lower(), value) for name, value in headers]
        self.has_trailers = message.get("trailers", False)
        self.expected = "body"
        server_log.info("%s %s", self.request.method, status)

    def _take_body(self, message: dict[str, Any]) -> None:
        if self.expected != "body":
            raise self.violate(f"http.response.body where {self.expected} was expected")
        data = message.get("body", b"")
        more = message.get("more_body", False)
        if not isinstance(more, bool):
            raise self.violate(f"more_body is {more!r}")
        self.check_part(data)
        self.body += data
        if not more:
            self.check_end()
            self._end_body()

    def _take_pathsend(self, message: dict[str, Any]) -> None:
        if self.expected != "body" or self.body:
            raise self.violate("http.response.pathsend is instead of a body, after the start")
        self._end_body()

    def _end_body(self) -> None:
        self.expected = "trailers" if self.has_trailers else "nothing"
        self.complete = not self.has_trailers

    def _take_trailers(self, message: dict[str, Any]) -> None:
        if self.expected != "trailers":
            raise self.violate(f"http.response.trailers where {self.expected} was expected")
        self._decoded(message.get("headers", ()))
        if not message.get("more_trailers", False):
            self.expected = "nothing"
            self.complete = True

    def _take_early_hint(self, message: dict[str, Any]) -> None:
        if self.expected != "start":
            raise self.violate("http.response.early_hint after the start")

    def _take_push(self, message: dict[str, Any]) -> None:
        if self.expected == "nothing":
            raise self.violate("http.response.push after the end")

    def _decoded(self, headers: Iterable[Iterable[bytes]]) -> list[tuple[str, str]]:
        decoded = []
        for name, value in headers:
            if not (isinstance(name, bytes) and isinstance(value, bytes)):
                raise self.violate(f"header {name!r}: {value!r} is not bytes")
            if name != name.lower() and not self.mixed_case:
                raise self.violate(f"header name {name!r} is not in lower case")
            decoded.append((name.decode("latin-1"), value.decode("latin-1")))
        return decoded

    async def run(self, app: Any) -> None:
        """Serve the request to its end, and log about it as a server does."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as exc:
            self.failure = exc
            server_log.exception("the application failed")
        self._over.set()
        server_log.info("over")


async def drive_asgi(app: Any, request: Request, **options: Any) -> Reply:
    """Serve one request in a task of its own; ProtocolError if ``app`` broke a rule."""
    exchange = ASGIExchange(request, **options)
    with captured() as records:
        await asyncio.create_task(exchange.run(app))
    return exchange.reply(records)


def run_asgi(app: Any, request: Request, **options: Any) -> Reply:
    """Serve one request in an event loop of its own; ProtocolError if ``app`` broke a rule."""
    exchange = ASGIExchange(request, **options)
    with captured() as records:
        try:
            asyncio.run(exchange.run(app))
        except (KeyboardInterrupt, SystemExit) as exc:
            # Raised in a task of the application's own, these end the loop, not the request.
            exchange.failure = exc
    return exchange.reply(records)


# --- WebSocket ----------------------------------------------------------------------------------


class WebSocketExchange:
    """An ASGI server's side of one WebSocket connection; ``messages`` is what the client got."""

    def __init__(self, path: str, *, received: Iterable[str] = (), denial: bool = False) -> None:
        self.path = path
        self.messages: list[dict[str, Any]] = []
        self.violations: list[str] = []
        self.failure: BaseException | None = None
        self.denial = denial
        self._to_receive = [
            {"type": "websocket.connect"},
            *({"type": "websocket.receive", "text": text} for text in received),
            {"type": "websocket.disconnect", "code": 1005, "reason": ""},
        ]
        self._state = "connecting"  # then "open" or "denied", and "closed"

    async def receive(self) -> dict[str, Any]:
        """Give the next message of the client."""
        return self._to_receive.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message that the grammar allows at this point."""
        kind = message["type"].removeprefix("websocket.")
        allowed = {
            "connecting": {"accept", "close", *(["http.response.start"] * self.denial)},
            "open": {"send", "close"},
            "denied": {"http.response.body"},
            "closed": set(),
        }[self._state]
        if kind not in allowed:
            self.violations.append(f"{kind} while {self._state}")
            raise ProtocolError(self.violations[-1])
        self.messages.append(message)
        if kind == "accept":
            self._state = "open"
        elif kind == "http.response.start":
            self._state = "denied"
        elif kind == "close" or (kind == "http.response.body" and not message.get("more_body")):
            self._state = "closed"

    async def run(self, app: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Serve the connection to its end."""
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": self.path,
            "raw_path": self.path.encode("ascii"),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"testserver"), *headers],
            "client": ("127.0.0.1", 50000),
            "server": ("testserver", 80),
            "subprotocols": [],
            "state": {},
            "extensions": {"websocket.http.response": {}} if self.denial else {},
        }
        try:
            await app(scope, self.receive, self.send)
        except BaseException as exc:
            self.failure = exc


# --- WSGI ---------------------------------------------------------------------------------------

_STATUS = re.compile(r"[2-5]\d\d [\x20-\x7e]+").fullmatch


class WSGIExchange(_Exchange):
    """A WSGI server's side of one request, with ``wsgiref.validate`` between it and ``app``.

    ``file_wrapper`` is what the server offers as ``wsgi.file_wrapper``, if it does.
    """

    def __init__(
        self, request: Request, *, fault: Fault | None = None, file_wrapper: Any = None
    ) -> None:
        super().__init__(request, fault=fault)
        self.file_wrapper = file_wrapper
        self.started = False
        self.headers_sent = False

    @property
    def environ(self) -> dict[str, Any]:
        """A complete environment, as a server makes it; repeated headers are joined (RFC 3875)."""
        path, _, query = self.request.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(self.request.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.request.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if self.file_wrapper is not None:
            environ["wsgi.file_wrapper"] = self.file_wrapper
        sent: set[str] = set()
        for name, value in self.request.headers_with_host:
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in sent else value
            sent.add(key)
        return environ

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Take a status and headers, which stay ours until the first byte of the body."""
        self.fault("start_response")
        if exc_info:
            try:
                if self.headers_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.started:
            raise self.violate("start_response a second time without exc_info")
        if type(status) is not str or not _STATUS(status):
            raise self.violate(f"status {status!r}")
        if type(headers) is not list:
            raise self.violate(f"headers are {type(headers).__name__}, not list")
        for header in headers:
            if type(header) is not tuple or [type(part) for part in header] != [str, str]:
                raise self.violate(f"header {header!r} is no pair of str")
            header[1].encode("latin-1")
            if header[0].lower() in HOP_BY_HOP:
                raise self.violate(f"{header[0]} is for the server to set")
        self.check_head(int(status[:3]), headers)
        self.started = True
        self.status = int(status[:3])
        self.headers = [(name.lower(), value) for name, value in headers]
        return self.write

    def write(self, data: bytes) -> None:
        """Take a part of the body, through PEP 3333's old way or from the iterable."""
        self.fault("write")
        if not self.started:
            raise self.violate("a part of the body before start_response")
        self.check_part(data)
        if data and not self.headers_sent:
            self.headers_sent = True
            server_log.info("%s %s", self.request.method, self.status)
        self.body += data

    def run(self, app: Any) -> None:
        """Serve the request to its end, and log about it as a server does."""
        try:
            self._run(validator(self._witnessing(app)) if self.file_wrapper is None else app)
        except BaseException as exc:
            self.failure = exc
            server_log.exception("the application failed")

    def _run(self, app: Any) -> None:
        self.fault("call")
        iterable = app(self.environ, self.start_response)
        try:
            for data in iterable:
                self.write(data)
                self.fault("next")
            if not self.started:
                raise self.violate("start_response was never called")
            self.check_end()
            server_log.info("all sent")
        finally:
            self.fault("close")
            if hasattr(iterable, "close"):
                iterable.close()
        self.complete = True

    def _witnessing(self, app: Any) -> Any:
        """Note what the validator objects to, in case the application swallows it."""

        def witness(environ: dict[str, Any], start_response: Any) -> Any:
            def witnessed(*args: Any) -> Any:
                try:
                    return start_response(*args)
                except (AssertionError, WSGIWarning) as exc:
                    if not isinstance(exc, ProtocolError):
                        frame = traceback.extract_tb(exc.__traceback__)[-2]
                        self.violations.append(f"wsgiref.validate: {exc} ({frame.line})")
                    raise

            return app(environ, witnessed)

        return witness


def run_wsgi(app: Any, request: Request, **options: Any) -> Reply:
    """Serve one request in this thread; ProtocolError if ``app`` broke a rule."""
    exchange = WSGIExchange(request, **options)
    with captured() as records:
        exchange.run(app)
        server_log.info("after close")
    return exchange.reply(records)
