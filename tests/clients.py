"""One way to ask any stack, in process or on a real server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import h11

from errorshape.demo.servers import Server, start
from tests import logs
from tests.drivers import ASGIExchange, Reply, Request, WSGIExchange, run_asgi, run_wsgi
from tests.stacks import Stack

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Client:
    """Asks one application; requests are the same whatever is between it and us."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def get(self, path: str, headers: Headers = ()) -> Reply:
        """Ask with GET."""
        return self.request("GET", path, headers)

    def head(self, path: str, headers: Headers = ()) -> Reply:
        """Ask with HEAD."""
        return self.request("HEAD", path, headers)

    def post(self, path: str, body: bytes = b"", headers: Headers = ()) -> Reply:
        """Ask with POST."""
        return self.request("POST", path, headers, body)

    def request(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Reply:
        """Ask, and collect what was logged until the answer was complete."""
        raise NotImplementedError

    def concurrently(self, requests: list[Request]) -> tuple[list[Reply], list[logs.Record]]:
        """Ask everything at once; the replies in their order, and what was logged meanwhile."""
        raise NotImplementedError

    def _made(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Request:
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        return Request(method, self.stack.prefix + path, tuple(pairs), body)


class InProcess(Client):
    """Asks an application of this process through the strict stand-in of a server."""

    def __init__(self, stack: Stack, app: Any) -> None:
        super().__init__(stack)
        self.app = app

    def request(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Reply:
        request = self._made(method, path, headers, body)
        if self.stack.protocol == "wsgi":
            return run_wsgi(self.app, request)
        return run_asgi(self.app, request, mixed_case=self.stack.mixed_case)

    def concurrently(self, requests: list[Request]) -> tuple[list[Reply], list[logs.Record]]:
        requests = [self._made(*vars(request).values()) for request in requests]
        with logs.captured() as records:
            if self.stack.protocol == "wsgi":
                exchanges: list[Any] = [WSGIExchange(request) for request in requests]
                with ThreadPoolExecutor(len(exchanges)) as pool:
                    list(pool.map(lambda exchange: exchange.run(self.app), exchanges))
            else:
                mixed_case = self.stack.mixed_case
                exchanges = [ASGIExchange(request, mixed_case=mixed_case) for request in requests]
                asyncio.run(self._gather(exchanges))
        return [exchange.reply() for exchange in exchanges], records

    async def _gather(self, exchanges: list[ASGIExchange]) -> None:
        await asyncio.gather(*(exchange.run(self.app) for exchange in exchanges))


class OverServer(Client):
    """Asks an application that a real server serves, in a process of its own."""

    _fences: ClassVar = itertools.count()

    #: After a HEAD that it had to chunk, waitress sends the last chunk, which is empty.
    _after_head: ClassVar = {"waitress": (b"0\r\n\r\n",)}
    #: Said by the thread that accepts connections, which serves no request.
    _of_no_request: ClassVar = {"waitress.queue"}

    def __init__(self, stack: Stack, server: str, process: Server, log: Path) -> None:
        super().__init__(stack)
        self._server = server
        self._process = process
        self._log = log
        self._read_up_to = 0

    @classmethod
    def started(
        cls,
        stack: Stack,
        server: str,
        log: Path,
        threads: int = 1,
        env: Mapping[str, str] | None = None,
    ) -> OverServer:
        """Start the server; ``stop`` ends it.

        With one thread (waitress) a request has been served to its very end, with all that is
        logged about it, when the next one begins; uvicorn does so with its one event loop.
        """
        command = [sys.executable, "-m", "tests.stacks.serve", stack.name, server, str(log)]
        name = f"{stack}@{server}"
        process = start([*command, str(threads)], name=name, env=env, ready_timeout=30)
        client = cls(stack, server, process, log)
        client._records()  # of its start
        return client

    def stop(self) -> None:
        """End the server's process."""
        self._process.stop()

    def request(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Reply:
        reply = self._ask(self._made(method, path, headers, body))
        reply.log_records = self._records()
        return reply

    def concurrently(self, requests: list[Request]) -> tuple[list[Reply], list[logs.Record]]:
        requests = [self._made(*vars(request).values()) for request in requests]
        with ThreadPoolExecutor(len(requests)) as pool:
            replies = list(pool.map(self._ask, requests))
        return replies, self._records()

    @property
    def server(self) -> str:
        """The name of the server."""
        return self._server

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._process.port

    def request_outside(self, method: str, path: str) -> Reply:
        """Ask for a path that is not one of the stack's own."""
        reply = self._ask(Request(method, path))
        reply.log_records = self._records()
        return reply

    def websocket(self, path: str) -> tuple[Reply, tuple[int, str] | None]:
        """Open a WebSocket: the answer to the handshake, and the code and reason of its end."""
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key)
        with socket.create_connection(("127.0.0.1", self._process.port), timeout=10) as connection:
            connection.sendall(_written(self._made("GET", path), *lines))
            received = head = rest = b""
            while part := _received(connection):
                received += part
                head, found, rest = received.partition(b"\r\n\r\n")
                if found and head.startswith(b"HTTP/1.1 101"):
                    if len(rest) >= 2 and len(rest) >= 2 + (rest[1] & 0x7F):
                        break
                elif found and _is_whole(received):
                    break
        if not head.startswith(b"HTTP/1.1 101"):
            return _read(received, "GET")[0], None
        fields = [line.decode("latin-1").split(": ", 1) for line in head.split(b"\r\n")[1:]]
        reply = Reply(101, [(name.lower(), value) for name, value in fields], b"")
        length = rest[1] & 0x7F if len(rest) > 1 else 0
        if len(rest) < 4 or rest[0] != 0x88:  # RFC 6455 §5.5.1: a close frame
            return reply, None
        payload = rest[2 : 2 + length]
        return reply, (int.from_bytes(payload[:2]), payload[2:].decode())

    def pipelined(self, requests: list[Request]) -> tuple[list[Reply], list[logs.Record]]:
        """Send everything at once on one connection; the replies in their order, and the log."""
        requests = [self._made(*vars(request).values()) for request in requests]
        *most, last = requests
        sent = b"".join(_written(request) for request in most)
        rest = self._exchanged(sent + _written(last, "Connection: close"))
        replies = []
        for request in requests:
            reply, rest = _read(rest, request.method)
            replies.append(reply)
        assert rest == b""
        return replies, self._records()

    def _ask(self, request: Request) -> Reply:
        """Send the request on a connection of its own and read all that comes until its end."""
        received = self._exchanged(_written(request, "Connection: close"))
        reply, rest = _read(received, request.method)
        may_follow = self._after_head.get(self._server, ()) if request.method == "HEAD" else ()
        assert rest in (b"", *may_follow), f"{rest!r} after the response"
        return reply

    def _exchanged(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._process.port), timeout=30) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)  # an answer may come before all of a body was read
            parts = []
            while part := _received(connection):
                parts.append(part)
        return b"".join(parts)

    def _records(self) -> list[logs.Record]:
        """Return what was logged since the last time, once nothing more can come."""
        tag = f"{next(self._fences)}."
        self._ask(self._made("GET", f"/fence/{tag}"))
        fence = f"fence {tag}\x1f\x1e\n"
        deadline = time.monotonic() + 10
        while True:
            with self._log.open("rb") as log:
                log.seek(self._read_up_to)
                text, found, _ = log.read().decode(errors="replace").partition(fence)
            if found:
                break
            assert time.monotonic() < deadline, f"{fence!r} not in the log: {text}"
            time.sleep(0.001)
        self._read_up_to += len((text + found).encode())
        # The fence's own: the beginning of its line, and the access line of the one before.
        text = text.rpartition("\x1e\n")[0]
        return [
            record
            for record in logs.parse(text)
            if "/fence/" not in record.message and record.logger not in self._of_no_request
        ]


def _written(request: Request, *lines: str) -> bytes:
    fields = [f"{name}: {value}" for name, value in request.headers_with_host]
    if request.body:
        fields.append(f"Content-Length: {len(request.body)}")
    head = [f"{request.method} {request.path} HTTP/1.1", *fields, *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + request.body


def _is_whole(data: bytes) -> bool:
    """Whether a response on a connection that stays open has come to its end."""
    try:
        return _read(data, "GET")[0].complete
    except AssertionError:
        return False


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except (ConnectionResetError, TimeoutError):
        return b""


def _read(data: bytes, method: str) -> tuple[Reply, bytes]:
    """Read one response as a strict client does (h11); it, and what came after it."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(data)
    head = parser.next_event()
    assert isinstance(head, h11.Response), f"{head} from {data!r}"
    headers = [(name.decode(), value.decode("latin-1")) for name, value in head.headers]
    reply = Reply(head.status_code, headers, b"", complete=False)
    parser.receive_data(b"")
    try:
        while isinstance(event := parser.next_event(), h11.Data):
            reply.body += bytes(event.data)
    except h11.RemoteProtocolError:
        return reply, b""  # cut before its end
    assert isinstance(event, h11.EndOfMessage)
    reply.complete = True
    return reply, parser.trailing_data[0]


@contextlib.contextmanager
def each_made_once(
    logs_of: Callable[[str], Path], **options: Any
) -> Iterator[Callable[..., Client]]:
    """Give the client of a target, made with its first use and stopped at the end.

    Applications are long-lived, and servers slow to start. ``logs_of`` makes a directory.
    """
    clients: dict[Any, Client] = {}
    env = {"ERRORSHAPE_TEST_OPTIONS": json.dumps(options)} if options else None

    def client_of(target: Any) -> Client:
        if target not in clients:
            if target.server is None:
                clients[target] = InProcess(target.stack, target.stack.build(**options))
            else:
                log = logs_of("logs") / f"{target}.log"
                clients[target] = OverServer.started(target.stack, target.server, log, env=env)
        return clients[target]

    yield client_of
    for made in clients.values():
        if isinstance(made, OverServer):
            made.stop()
