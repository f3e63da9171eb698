"""Real servers on loopback, one for each candidate: requests a second and p99, with wrk."""

from __future__ import annotations

import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from . import data
from .candidates import CANDIDATES

Table = dict[str, dict[str, float]]


class Group(NamedTuple):
    """What is measured in turn: candidates of one protocol, one server for each."""

    protocol: str
    server: str
    path: str = "/ok"

    @property
    def names(self) -> list[str]:
        """The candidates: the bare application is the first, and what is no peer is left out."""
        return [
            name for name in CANDIDATES[self.protocol] if name != "errorshape, its handler alone"
        ]


#: How the titles of the groups begin whose application does nothing at all.
IDLE = "raw ASGI on"
GROUPS = {
    f"{IDLE} uvicorn": Group("asgi", "uvicorn"),
    f"{IDLE} granian": Group("asgi", "granian, ASGI"),
    "raw ASGI with a millisecond of work on uvicorn": Group("asgi, working", "uvicorn"),
    "raw ASGI with a millisecond of work on granian": Group("asgi, working", "granian, ASGI"),
    "Starlette on uvicorn": Group("starlette", "uvicorn"),
    "Starlette on granian": Group("starlette", "granian, ASGI"),
    "FastAPI on uvicorn": Group("fastapi", "uvicorn"),
    "FastAPI on granian": Group("fastapi", "granian, ASGI"),
    "Flask on granian": Group("flask", "granian, WSGI"),
    "Django (ASGI) on uvicorn": Group("django", "uvicorn"),
    "Django (WSGI) on granian": Group("django", "granian, WSGI"),
    # At /ok these have a view of Django's, which knows nothing of the framework above it.
    "Django REST Framework (ASGI) on uvicorn": Group("drf", "uvicorn", "/view"),
    "Django REST Framework (WSGI) on granian": Group("drf", "granian, WSGI", "/view"),
}

# One process each, and the event loop that Python brings: what is installed besides decides nothing.
_UVICORN = (
    "uvicorn --factory --workers 1 --loop asyncio --http httptools --no-access-log"
    " --log-level critical --host 127.0.0.1 --port {port} benchmarks.servers:"
)
_GRANIAN = (
    "granian --factory --workers 1 --loop asyncio --no-log"
    " --host 127.0.0.1 --port {port} benchmarks.servers:"
)
_COMMANDS = {
    "uvicorn": f"{_UVICORN}asgi",
    "granian, ASGI": f"{_GRANIAN}asgi --interface asgi",
    # One request after the other, so that the rate tells what a request takes. Granian would have up to
    # 512 threads, and the rate tell as well how they hand the interpreter's lock to each other.
    "granian, WSGI": f"{_GRANIAN}wsgi --interface wsgi --blocking-threads 1",
}

#: Which candidate a server's process makes: its protocol and its name.
_CANDIDATE = "ERRORSHAPE_BENCHMARK_CANDIDATE"


def wsgi() -> Any:
    """Return the candidate that the environment names."""
    protocol, _, name = os.environ[_CANDIDATE].partition("/")
    return CANDIDATES[protocol][name]()


def asgi() -> Any:
    """Do the same; of Django's candidates the other handler, for the settings that they have made."""
    app = wsgi()
    if os.environ[_CANDIDATE].startswith(("django/", "drf/")):
        from django.core.handlers.asgi import ASGIHandler

        return ASGIHandler()
    return app


def measure(seconds: int = 1, rounds: int = 12) -> dict[str, Table]:
    """Measure all groups, one after the other; many short runs, since the machine's speed drifts."""
    return {title: _measured(group, seconds, rounds) for title, group in GROUPS.items()}


def _measured(group: Group, seconds: int, rounds: int) -> Table:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in group.names}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serving(group, name)) for name in found}
        for number in range(rounds):
            # There and back, so that nobody is always the first or always behind the same one.
            for name in list(found)[:: -1 if number % 2 else 1]:
                found[name].append(_wrk(urls[name], seconds))
    return summary(found)


def summary(found: dict[str, list[tuple[float, float]]]) -> Table:
    """Return the medians of the rounds, and of what is lost to the bare application in each."""
    table: Table = {}
    for name, runs in found.items():
        losses = [
            (1 - rate / bare) * 100
            for (rate, _), (bare, _) in zip(runs, found["bare"], strict=True)
        ]
        low, middle, high = statistics.quantiles(losses, n=4)
        table[name] = {
            "requests/s": statistics.median(rate for rate, _ in runs),
            "p99 ms": statistics.median(p99 for _, p99 in runs),
            "loss": middle,
            "spread": (high - low) / 2,
        }
    return table


# --- wrk ------------------------------------------------------------------------------------------

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)").search
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)").search
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
#: wrk counts a response as a request that was served, whatever it says.
_FAILED = re.compile(r"Non-2xx|Socket errors").search


def _wrk(url: str, seconds: int) -> tuple[float, float]:
    done = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", url],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return read(done.stdout)


def read(said: str) -> tuple[float, float]:
    """Return requests a second and p99 in milliseconds; RuntimeError for a run with a failure."""
    rate, p99 = _RATE(said), _P99(said)
    if rate is None or p99 is None or _FAILED(said):
        raise RuntimeError(said)
    return float(rate[1]), float(p99[1]) * _MILLISECONDS[p99[2]]


# --- a server -------------------------------------------------------------------------------------


@contextmanager
def serving(group: Group, name: str) -> Iterator[str]:
    """Run a server of one candidate, ended by its own process id; yield the URL that it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *_COMMANDS[group.server].format(port=port).split()],
        env={**os.environ, _CANDIDATE: f"{group.protocol}/{name}"},
        stdout=subprocess.DEVNULL,
    )
    try:
        _await(port, process)
        _check(port, group.path, name)
        yield f"http://127.0.0.1:{port}{group.path}"
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


def _check(port: int, path: str, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        status, body = response.status, response.read()
    finally:
        connection.close()
    if (status, body) != (200, data.BODY):
        raise RuntimeError(f"{name} answers {path} with {status} and {body[:200]!r}")
