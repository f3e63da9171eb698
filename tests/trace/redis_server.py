"""A real redis-server for the length of a test, on a free port of the loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import wait_until


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """Start one and return its URL; it is ended by its process id."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f"redis-server --bind 127.0.0.1 --port {port} --appendonly no --dir {directory}"
    try:
        process = subprocess.Popen([*command.split(), "--save", ""], stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        raise AssertionError(
            "These tests need the program redis-server: apt-get install redis-server (Debian), or"
            " https://redis.io/docs/latest/operate/oss_and_stack/install/"
        ) from None
    try:
        assert wait_until(lambda: _answers(port)), "redis-server does not answer"
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
