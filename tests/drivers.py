"""Strict stand-ins for a server: one request in, one neutral reply out, every rule checked.

``ASGIExchange`` and ``WSGIExchange`` drive one application through one request and note every
breach of the protocol (ASGI 3.0, its HTTP sub-specification 2.5; PEP 3333) in ``violations``, also
one that the application swallowed. ``fault`` is called at each point where control passes
between server and application and may raise: that is how a sweep makes everything fail.
"""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any
from wsgiref import validate
from wsgiref.validate import WSGIWarning

import msgspec

from tests import grammar
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
        for rule in (*grammar.of_headers(headers), *grammar.of_status(status)):
            raise self.violate(rule)

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


class _ASGIResponse(_Exchange):
    """One response in ASGI's messages; ``mixed_case`` is said below."""

    def __init__(
        self, request: Request, *, fault: Fault | None = None, mixed_case: bool = False
    ) -> None:
        super().__init__(request, fault=fault)
        self.mixed_case = mixed_case
        self.messages: list[dict[str, Any]] = []
        self.expected = "start"  # then "body", "trailers", "nothing"
        self.has_trailers = False

    def read(self, message: Any) -> dict[str, Any]:
        """Return a message that has kept to its own grammar."""
        message, broken = grammar.read(message, mixed_case=self.mixed_case)
        for rule in broken:
            raise self.violate(rule)
        return message

    def _take_start(self, message: dict[str, Any]) -> None:
        if self.expected != "start":
            raise self.violate(f"{message['type']} where {self.expected} was expected")
        headers = _decoded(message)
        self.check_head(message["status"], headers)
        self.status = message["status"]
        self.headers = [(name.lower(), value) for name, value in headers]
        self.has_trailers = message.get("trailers", False)
        self.expected = "body"
        server_log.info("%s %s", self.request.method, self.status)

    def _take_body(self, message: dict[str, Any]) -> None:
        if self.expected != "body":
            raise self.violate(f"{message['type']} where {self.expected} was expected")
        data = message.get("body", b"")
        self.check_part(data)
        self.body += data
        if not message.get("more_body", False):
            self.check_end()
            self._end_body()

    def _end_body(self) -> None:
        self.expected = "trailers" if self.has_trailers else "nothing"
        self.complete = not self.has_trailers


class ASGIExchange(_ASGIResponse):
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
        super().__init__(request, fault=fault, mixed_case=mixed_case)
        self.gone_after = gone_after
        self.extensions = tuple(extensions)
        assert set(self.extensions) <= set(grammar.EXTENSIONS)
        self._begun = False  # the body is, by whichever message
        self._received = False
        self._over = asyncio.Event()

    @property
    def scope(self) -> dict[str, Any]:
        """A complete connection scope, as a server makes it."""
        body = self.request.body
        length = [(b"content-length", str(len(body)).encode())] if body else []
        return {
            **_scope("http", self.request, length),
            "method": self.request.method,
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
        message = self.read(message)
        kind = message["type"]
        if not kind.startswith("http."):
            raise self.violate(f"{kind} is no message of a response")
        needs = "http.response.trailers" if message.get("trailers") else kind
        if needs in grammar.EXTENSIONS and needs not in self.extensions:
            raise self.violate(f"{needs} was not offered")
        self.messages.append(message)
        getattr(self, "_take_" + kind.rpartition(".")[2])(message)
        if self.expected == "nothing":
            self._over.set()

    def _take_body(self, message: dict[str, Any]) -> None:
        super()._take_body(message)
        self._begun = True

    def _take_pathsend(self, message: dict[str, Any]) -> None:
        if self.expected != "body" or self._begun:
            raise self.violate("http.response.pathsend is instead of a body, after the start")
        self._end_body()

    def _take_zerocopysend(self, message: dict[str, Any]) -> None:
        if self.expected != "body":
            raise self.violate(f"http.response.zerocopysend where {self.expected} was expected")
        self._begun = True
        if not message.get("more_body", False):
            self._end_body()

    def _take_trailers(self, message: dict[str, Any]) -> None:
        if self.expected != "trailers":
            raise self.violate(f"http.response.trailers where {self.expected} was expected")
        for rule in grammar.of_headers(_decoded(message)):
            raise self.violate(rule)
        if not message.get("more_trailers", False):
            self.expected = "nothing"
            self.complete = True

    def _take_early_hint(self, message: dict[str, Any]) -> None:
        if self.expected != "start":
            raise self.violate("http.response.early_hint after the start")

    def _take_push(self, message: dict[str, Any]) -> None:
        if self.expected == "nothing":
            raise self.violate("http.response.push after the end")

    def _take_debug(self, message: dict[str, Any]) -> None:
        if self.expected != "start":
            raise self.violate("http.response.debug after the start")

    async def run(self, app: Any) -> None:
        """Serve the request to its end, and log about it as a server does."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as exc:
            self.failure = exc
            server_log.exception("the application failed")
        self._over.set()
        server_log.info("over")


def _decoded(message: dict[str, Any]) -> list[tuple[str, str]]:
    headers = message.get("headers", ())
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _scope(kind: str, request: Request, more: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    path, _, query = request.path.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": kind,
        "path": path,
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [
            *more,
            *((k.lower().encode(), v.encode("latin-1")) for k, v in request.headers_with_host),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
        "state": {},
    }


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
        run_in_a_loop(exchange, app, records)
    return exchange.reply(records)


def run_in_a_loop(exchange: Any, app: Any, records: list[Record]) -> None:
    """Run an exchange in an event loop of its own, which is gone with all that was in it."""
    try:
        asyncio.run(exchange.run(app))
    except (KeyboardInterrupt, SystemExit) as exc:
        # In a task of the application's own, these end the loop, not the request. What that leaves
        # pending is collected now, not in the midst of a later test (the tracebacks would hold it
        # until then), and in a context of its own, which asgiref's sync_to_async() then sets to the
        # request's.
        exchange.failure = exc
        while exc is not None:
            exc.__traceback__, exc = None, exc.__context__
        of_the_request = len(records)
        copy_context().run(gc.collect)
        del records[of_the_request:]


# --- WebSocket ----------------------------------------------------------------------------------


class WebSocketExchange(_ASGIResponse):
    """An ASGI server's side of one WebSocket connection; ``messages`` is what the client got.

    ``received`` are the texts that the client sends before it leaves, ``stays`` whether it does so
    only when the connection is closed, ``denial`` whether the server can refuse it with a response,
    ``subprotocols`` what the client offers. As the specification has
    it, ``send`` raises OSError once the application was told that the client has left.
    """

    def __init__(
        self,
        path: str,
        *,
        received: Iterable[str] = (),
        stays: bool = False,
        denial: bool = False,
        subprotocols: Iterable[str] = (),
    ) -> None:
        super().__init__(Request("GET", path))
        self.denial = denial
        self.subprotocols = list(subprotocols)
        self._to_receive = [
            {"type": "websocket.connect"},
            *({"type": "websocket.receive", "text": text} for text in received),
            {"type": "websocket.disconnect", "code": 1005, "reason": ""},
        ]
        self._state = "connecting"  # then "open" or "denied", and "closed"
        self._may_leave = asyncio.Event()
        if not stays:
            self._may_leave.set()

    async def receive(self) -> dict[str, Any]:
        """Give the next message of the client."""
        if not self._to_receive:
            raise self.violate("received after the disconnect")
        if len(self._to_receive) == 1:
            await self._may_leave.wait()
        return self._to_receive.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message that the grammar allows at this point."""
        message = self.read(message)
        kind = message["type"]
        denial = {"websocket.http.response.start"} if self.denial else set()
        allowed = {
            "connecting": {"websocket.accept", "websocket.close", *denial},
            "open": {"websocket.send", "websocket.close"},
            "denied": {"websocket.http.response.body"},
            "closed": set(),
        }[self._state]
        if kind not in allowed:
            raise self.violate(f"{kind} while {self._state}")
        if not self._to_receive:
            raise OSError("the client is gone")
        getattr(self, "_take_" + kind.rpartition(".")[2])(message)
        self.messages.append(message)

    def _take_accept(self, message: dict[str, Any]) -> None:
        for rule in grammar.of_headers(_decoded(message)):
            raise self.violate(rule)
        if message.get("subprotocol") not in (None, *self.subprotocols):
            raise self.violate(f"the client has not offered {message['subprotocol']}")
        self._state = "open"

    def _take_send(self, message: dict[str, Any]) -> None:
        pass

    def _take_close(self, message: dict[str, Any]) -> None:
        self._state = "closed"
        self._may_leave.set()

    def _take_start(self, message: dict[str, Any]) -> None:
        super()._take_start(message)
        self._state = "denied"

    def _take_body(self, message: dict[str, Any]) -> None:
        super()._take_body(message)
        if self.complete:
            self._state = "closed"
            self._may_leave.set()

    async def run(self, app: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Serve the connection to its end."""
        scope = {
            **_scope("websocket", self.request, list(headers)),
            "scheme": "ws",
            "subprotocols": self.subprotocols,
            "extensions": {"websocket.http.response": {}} if self.denial else {},
        }
        try:
            await app(scope, self.receive, self.send)
        except BaseException as exc:
            self.failure = exc


# --- lifespan -----------------------------------------------------------------------------------


class LifespanExchange:
    """An ASGI server's side of the lifespan: it starts the application up, and shuts it down.

    ``answers`` are the types of the messages that it was sent; ``failure`` is what came out of the
    application, which is a server's sign that it knows no lifespan if no answer was before it.
    """

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.violations: list[str] = []
        self.failure: BaseException | None = None
        self._asked: list[str] = []

    async def receive(self) -> dict[str, Any]:
        """Ask for the next phase."""
        if len(self._asked) == 2 or len(self.answers) != len(self._asked):
            self.violations.append("received before an answer, or after the shutdown")
            raise ProtocolError(self.violations[-1])
        self._asked.append(("startup", "shutdown")[len(self._asked)])
        return {"type": f"lifespan.{self._asked[-1]}"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take the one answer to what was asked last."""
        message, broken = grammar.read(message)
        kind = message["type"]
        phases = [f"lifespan.{phase}" for phase in self._asked]
        if not broken and [k.rpartition(".")[0] for k in (*self.answers, kind)] != phases:
            broken = [f"{kind} after {self._asked} and {self.answers}"]
        self.violations += broken
        if broken:
            raise ProtocolError("; ".join(broken))
        self.answers.append(kind)

    async def run(self, app: Any) -> None:
        """Run all of the lifespan."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        try:
            await app(scope, self.receive, self.send)
        except BaseException as exc:
            self.failure = exc


# --- WSGI ---------------------------------------------------------------------------------------

_STATUS = re.compile(r"[2-5]\d\d [\x20-\x7e]+").fullmatch


def _is_latin_1(text: str) -> bool:
    return all(character <= "\xff" for character in text)


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
            if not _is_latin_1(header[1]):
                raise self.violate(f"header {header!r} is not ISO-8859-1")
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
        # The validator hands on no file wrapper: it would hide that a body is one.
        checked = self.file_wrapper is None
        try:
            self._run(validate.validator(self._witnessing(app)) if checked else app)
        except BaseException as exc:
            if isinstance(exc, AssertionError | WSGIWarning):
                self._note(exc)
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
            for name in ("wsgi.input", "wsgi.errors"):
                environ[name] = _Witnessed(environ[name], self._noted)

            def start(*args: Any, **kwargs: Any) -> Any:
                return self._noted(self._noted(start_response)(*args, **kwargs))

            return app(environ, start)

        return witness

    def _noted(self, function: Any) -> Any:
        def noted(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except (AssertionError, WSGIWarning) as exc:
                self._note(exc)
                raise

        return noted

    def _note(self, exc: BaseException) -> None:
        """Note what the validator has raised; what this class has is there already."""
        frames = traceback.extract_tb(exc.__traceback__)
        if validate.__file__ in (frame.filename for frame in frames[-2:]):
            rule = f"wsgiref.validate: {exc} ({frames[-2].line})"
            if not isinstance(exc, ProtocolError) and rule not in self.violations:
                self.violations.append(rule)


class _Witnessed:
    """One of the validator's wrappers, whose objections are noted."""

    def __init__(self, wrapped: Any, noted: Callable[[Any], Any]) -> None:
        self._wrapped = wrapped
        self._noted = noted

    def __getattr__(self, name: str) -> Any:
        return self._noted(getattr(self._wrapped, name))

    def __iter__(self) -> Any:
        return iter(self._wrapped)


def run_wsgi(app: Any, request: Request, **options: Any) -> Reply:
    """Serve one request in this thread; ProtocolError if ``app`` broke a rule."""
    exchange = WSGIExchange(request, **options)
    with captured() as records:
        exchange.run(app)
        server_log.info("after close")
    return exchange.reply(records)
