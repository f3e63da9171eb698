"""An application that fails as no application should: below HTTP."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NOT_HTTP = b"220 shop.example ESMTP\r\n"
PAGE = b"<h1>Not here</h1>"


@contextmanager
def misbehaving() -> Iterator[int]:
    """Serve what no application should answer with; yield the port.

    ``/hang`` gets no answer, ``/cut`` not a byte of one, ``/garbage`` no HTTP, ``/not-http`` nothing
    like it. ``/told`` gets the ids that came along, and no id in the headers; ``/html`` an error
    page, without one as well.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


@contextmanager
def dead() -> Iterator[int]:
    """Yield a port that is taken and refuses every connection."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _accept(listener: socket.socket) -> None:
    hanging = []  # what is not kept is closed
    with contextlib.suppress(OSError):  # the listener is closed: the end
        while True:
            connection, _ = listener.accept()
            head = connection.recv(65536)
            path = head.split(b" ")[1:2]
            if path == [b"/hang"]:
                hanging.append(connection)
                continue
            answer = _ANSWERS.get(b"".join(path), lambda head: b"")(head)
            connection.sendall(answer)
            if not answer:
                # No orderly end: a reset, as when a process is killed.
                reset = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.close()


def _told(head: bytes) -> bytes:
    ids = re.findall(rb"\r\nx-(?:request-id|trace): *([^\r]*)", head, re.IGNORECASE)
    return _answer(b"200 OK", b"|".join(ids))


def _answer(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close"
    return (head + b"\r\n\r\n%b") % (status, len(body), body)


_ANSWERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"/garbage": lambda head: b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
    b"/not-http": lambda head: NOT_HTTP,
    b"/told": _told,
    b"/html": lambda head: _answer(b"404 Not Found", PAGE),
}
