"""Soak real servers with pipelines: no response and no record may have another request's id.

``wsgi`` and ``asgi`` are the applications that the servers run; ``soak`` is the clients. Each client
keeps a connection for some pipelines of up to 16 requests that are sent at once: responses in one
piece, streams, errors, crashes. Then it ends the connection in one of three ways: with a stream that
fails in its middle, behind which further requests were already sent; with a reset while the server
is at work; or in good order. A third of the requests bring no id and get a fresh one, which must be
new. The application logs what the client has sent as its id, and the server's process prints it
beside the record's own ``trace_id``; so do the records that errorshape makes of crashes.
"""

from __future__ import annotations

import gc
import itertools
import json
import logging
import os
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import errorshape
from errorshape.asgi import ErrorShapeMiddleware as ASGIMiddleware
from errorshape.demo.servers import Server, start
from errorshape.wsgi import ErrorShapeMiddleware as WSGIMiddleware

# --- the applications -----------------------------------------------------------------------------

log = logging.getLogger("soak")
_MORE = b" and more"


class Telling(logging.Handler):
    """Prints ``soak``, the id that a record has, and the one that it should have."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        said = str(error) if error else record.getMessage()
        sys.stdout.write(f"soak {record.trace_id} {said}\n")  # type: ignore[attr-defined]


def _tell() -> None:
    for name in ("soak", "errorshape"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [Telling()], False
    log.setLevel(logging.INFO)


def _answer(path: str, inbound: str) -> Iterator[bytes]:
    """Give the parts of a body, which tell the id that the application sees."""
    told = errorshape.trace_id() or "none"
    said = inbound or told
    log.info("%s", said)
    if path == "/error":
        raise errorshape.ConflictError(said)
    if path == "/crash":
        raise RuntimeError(said)
    yield told.encode()
    if path != "/whole":
        log.info("%s", said)
        yield _MORE
    if path == "/cut":
        raise RuntimeError(said)


def _length(path: str) -> str | None:
    if path != "/stream":
        return None
    return str(len((errorshape.trace_id() or "none").encode() + _MORE))


def _state() -> bytes:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return json.dumps({"objects": len(gc.get_objects()), "memory": memory}).encode()


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Any:
    path = environ["PATH_INFO"]
    if path == "/state":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [_state()]
    parts = _answer(path, environ.get("HTTP_X_REQUEST_ID", ""))
    length = _length(path)
    start_response("200 OK", [("Content-Length", length)] if length else [])
    return [next(parts)] if path == "/whole" else parts


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("this application has no lifespan")
    path = scope["path"]
    inbound = dict(scope["headers"]).get(b"x-request-id", b"").decode()
    parts = iter([_state()]) if path == "/state" else _answer(path, inbound)
    length = _length(path)
    headers = [(b"content-length", length.encode())] if length else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


if __name__ != "__main__":
    _tell()
wsgi, asgi = WSGIMiddleware(wsgi_app), ASGIMiddleware(asgi_app)

# --- the clients ----------------------------------------------------------------------------------

_HERE = "benchmarks.soak_servers"
_PYTHON = [sys.executable, "-m"]
SERVERS = {
    "gunicorn, gthread": [
        *_PYTHON, "gunicorn", "-b", "127.0.0.1:0", "-k", "gthread", "--threads", "4",
        "--keep-alive", "10", "--no-control-socket", f"{_HERE}:wsgi",
    ],
    "waitress": [*_PYTHON, "waitress", "--listen=127.0.0.1:0", f"{_HERE}:wsgi"],
    "uvicorn": [
        *_PYTHON, "uvicorn", "--port", "0", "--no-access-log", f"{_HERE}:asgi",
    ],
}  # fmt: skip
CLIENTS = 6
_names = itertools.count()
PIPELINE = 16
#: Waitress ends the connection after a response without a length: there are few of them.
_PATHS = (*("/whole", "/stream", "/error", "/crash") * 8, "/chunked")
_STATUS = {"/error": 409, "/crash": 500}


class ForeignIDError(AssertionError):
    """A response or a record had the id of another request."""


class Tally:
    """What all clients of a server have seen; ForeignIDError for what must not be."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.fresh: set[str] = set()
        self.broken: list[Exception] = []
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        """Count one of them."""
        with self._lock:
            self.counted[what] += 1

    def see_fresh(self, trace_id: str) -> None:
        """Take an id that nobody has sent; it must be new."""
        with self._lock:
            if trace_id in self.fresh:
                raise ForeignIDError(f"{trace_id} was made twice")
            self.fresh.add(trace_id)

    def see_line(self, line: str) -> None:
        """Take a line of the server's output."""
        if line.startswith("soak "):
            _, trace_id, said = line.split()
            self.count("records")
            if trace_id != said:
                self.broken.append(ForeignIDError(f"a record of {said} has {trace_id}"))


def _read(reader: BinaryIO) -> tuple[int, dict[str, str], bytes, bool]:
    """Return status, headers, body and whether all of it is there; status 0 where nothing came."""
    first = reader.readline()
    if not first:
        return 0, {}, b"", False
    headers = {}
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    status = int(first.split()[1])
    if "content-length" in headers:
        length = int(headers["content-length"])
        body = reader.read(length)
        return status, headers, body, len(body) == length
    body = b""
    while size := reader.readline():
        body += reader.read(int(size, 16))
        if not reader.readline():
            break
        if not int(size, 16):
            return status, headers, body, True
    return status, headers, body, False


class Client:
    """One client, with one connection at a time."""

    def __init__(self, port: int, name: int, tally: Tally) -> None:
        self.port, self.name, self.tally = port, name, tally
        self.random = random.Random(name)
        self.sent = 0

    def connect(self) -> None:
        """Keep one connection from its beginning to its end."""
        address = ("127.0.0.1", self.port)
        with (
            socket.create_connection(address, timeout=30) as connection,
            connection.makefile("rb") as reader,
        ):
            for _ in range(self.random.randint(1, 20)):
                if not self.exchange(connection, reader):
                    return
            end = self.random.choice((self.cut, self.reset, lambda *_: None))
            end(connection, reader)

    def exchange(self, connection: socket.socket, reader: BinaryIO) -> bool:
        """Send one pipeline and read all of it; whether the server keeps the connection."""
        pipeline = self.make(self.random.randint(1, PIPELINE))
        self.send(connection, pipeline)
        for path, trace_id in pipeline:
            response = _read(reader)
            self.check(response, path, trace_id)
            if response[1].get("connection", "").lower() == "close":
                self.expect_end(reader)
                return False
        return True

    def make(self, length: int) -> list[tuple[str, str]]:
        """Return a pipeline: paths and ids, which are empty where none is sent."""
        pipeline = []
        for _ in range(length):
            self.sent += 1
            own = f"c{self.name}-{self.sent}" if self.random.random() < 2 / 3 else ""
            pipeline.append((self.random.choice(_PATHS), own))
        return pipeline

    def send(self, connection: socket.socket, pipeline: list[tuple[str, str]]) -> None:
        """Send all of it at once."""
        connection.sendall(
            b"".join(
                f"GET {path} HTTP/1.1\r\nHost: soak\r\n".encode()
                + (f"X-Request-Id: {trace_id}\r\n".encode() if trace_id else b"")
                + b"\r\n"
                for path, trace_id in pipeline
            )
        )

    def check(self, response: Any, path: str, sent: str) -> None:
        """ForeignIDError where anything in a response is not its own request's."""
        status, headers, body, complete = response
        trace_id = headers.get("x-request-id")
        if status < 400:
            told = body.removesuffix(_MORE).decode()
        else:
            told = json.loads(body)["error"]["trace_id"]
        found = (status, trace_id, told, complete)
        expected = (_STATUS.get(path, 200), sent or trace_id, sent or trace_id, path != "/cut")
        if found != expected:
            raise ForeignIDError(f"{path}, {sent or 'no id sent'}: {response}")
        if not sent:
            self.tally.see_fresh(told)
        self.tally.count({"/cut": "cut", "/error": "errors", "/crash": "errors"}.get(path, "fine"))

    def cut(self, connection: socket.socket, reader: BinaryIO) -> None:
        """End with a stream that fails; what was sent behind it is never answered."""
        ((_, trace_id), *behind) = self.make(4)
        self.send(connection, [("/cut", trace_id), *behind])
        self.check(_read(reader), "/cut", trace_id)
        self.expect_end(reader)

    def expect_end(self, reader: BinaryIO) -> None:
        """ForeignIDError where anything is behind the last response of a connection."""
        try:
            rest = reader.read()
        except ConnectionResetError:  # the server has not read all that was sent to it
            rest = b""
        if rest:
            raise ForeignIDError(f"{rest!r} behind the last response")

    def reset(self, connection: socket.socket, reader: BinaryIO) -> None:
        """End with a reset while the server is at work."""
        self.send(connection, self.make(PIPELINE))
        reader.read(self.random.randint(1, 500))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.tally.count("resets")


def soak(name: str, seconds: float) -> dict[str, float]:
    """Return the figures of one server; ForeignIDError for the first id that is foreign."""
    tally = Tally()
    with start(SERVERS[name], name=name, ready_timeout=30) as server:
        server.on_line = tally.see_line
        _clients(server, tally, min(10.0, seconds / 4))  # to be warm
        before, tally.counted = _ask_state(server), Counter()
        _clients(server, tally, seconds)
        after = _ask_state(server)
    if tally.broken:
        raise tally.broken[0]
    counted = tally.counted
    requests = counted["fine"] + counted["errors"] + counted["cut"]
    return {
        "minutes": seconds / 60,
        "responses": requests,
        "errors": counted["errors"],
        "cut": counted["cut"],
        "resets": counted["resets"],
        "records": counted["records"],
        "foreign ids": 0,
        "objects more": after["objects"] - before["objects"],
        "memory more, KiB": after["memory"] - before["memory"],
    }


def _clients(server: Server, tally: Tally, seconds: float) -> None:
    until = time.monotonic() + seconds

    def run() -> None:
        client = Client(server.port, next(_names), tally)
        try:
            while time.monotonic() < until and not tally.broken:
                client.connect()
        except Exception as error:
            tally.broken.append(error)

    threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if tally.broken:
        raise tally.broken[0]


def _ask_state(server: Server) -> dict[str, int]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"GET /state HTTP/1.1\r\nHost: soak\r\n\r\n")
        with connection.makefile("rb") as reader:
            state: dict[str, int] = json.loads(_read(reader)[2])
            return state
