"""A client that sends what it is told to, byte by byte, and reads one response."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from types import SimpleNamespace

SECONDS = 10


@dataclass
class Response:
    """What came back; :mod:`errorshape.testing` takes it as it takes that of any client."""

    status_code: int
    headers: http.client.HTTPMessage
    content: bytes
    request: SimpleNamespace

    def all(self, name: str) -> list[str]:
        """Return the values of every header of this name."""
        return self.headers.get_all(name, [])


def request(
    method: str = "GET", path: str = "/whoami", *headers: tuple[str, str], body: bytes = b""
) -> bytes:
    """Write an ordinary request, to be changed by those who want another."""
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.example"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def send(port: int, sent: bytes) -> Response | None:
    """Send bytes and read the response; None if the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(sent)
        method = sent.partition(b" ")[0].decode("latin-1")
        with http.client.HTTPResponse(connection, method=method) as response:
            try:
                response.begin()
            except (http.client.RemoteDisconnected, ConnectionResetError):
                return None
            content = response.read()
        request = SimpleNamespace(method=method)
        return Response(response.status, response.headers, content, request)


def raw(port: int, sent: bytes) -> bytes:
    """Send bytes and return what came until the connection was closed."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(sent)
        while chunk := connection.recv(65536):
            received += chunk
    return received
