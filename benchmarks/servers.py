"""Real servers on loopback, one candidate each, ended by their own process id."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Which candidate a server's process makes.
CANDIDATE = "ERRORSHAPE_BENCHMARK_CANDIDATE"
_COMMANDS = {
    "uvicorn": "uvicorn --factory --no-access-log --log-level critical --port {port} {target}",
    "granian": "granian --factory --no-log --interface asgi --port {port} {target}",
}


def make() -> object:
    """Return the candidate that the environment names."""
    from .candidates import CANDIDATES

    app = CANDIDATES["asgi"][os.environ[CANDIDATE]]()

    async def serve(scope: dict[str, object], receive: object, send: object) -> None:
        if scope["type"] == "http":  # the bare application knows no lifespan
            await app(scope, receive, send)

    return serve


@contextmanager
def serving(server: str, name: str) -> Iterator[str]:
    """Run a server of one candidate; yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = _COMMANDS[server].format(port=port, target="benchmarks.servers:make").split()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**os.environ, CANDIDATE: name},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not come up")
