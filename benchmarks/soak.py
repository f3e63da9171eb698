"""Soak the wraps: requests without end, a third fine, a third errors, a third cut in mid-stream.

    python -m benchmarks.soak [REQUESTS]            # in process, a million each
    python -m benchmarks.soak servers [SECONDS]     # gthread, waitress, uvicorn: ten minutes each

Prints its figures and puts them on the page of the docs. What is done to servers is said in
``soak_servers``.

Measures in process, for each wrap: requests a second; how many objects the process has more at the
end than after a warm-up; how many unreachable objects the collector finds when it was off for a
thousand requests (it must be none: no cycle for a request or a failure); and by how much the
resident memory grew. Ids are checked on each response: one that is foreign ends the run.

The application answers at once, so that the figures are the layer's and the driver's; they say
nothing about a server. Logging goes nowhere.
"""

from __future__ import annotations

import gc
import itertools
import json
import logging
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from errorshape.asgi import ErrorShapeMiddleware as ASGIMiddleware
from errorshape.wsgi import ErrorShapeMiddleware as WSGIMiddleware

from . import page, soak_servers

WARM_UP = 3_000


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/error":
        raise RuntimeError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    if scope["path"] == "/cut":
        raise RuntimeError
    await send({"type": "http.response.body"})


def wsgi_app(environ: Any, start_response: Any) -> Any:
    if environ["PATH_INFO"] == "/error":
        raise RuntimeError
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _chunks(environ["PATH_INFO"])


def _chunks(path: str) -> Any:
    yield b"part"
    if path == "/cut":
        raise RuntimeError


def asgi_request() -> Callable[[str, str], str]:
    """Return what makes one request and tells the id of its response."""
    wrapped = ASGIMiddleware(asgi_app)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    def request(path: str, trace_id: str) -> str:
        ids: list[str] = []

        async def send(message: Any) -> None:
            for name, value in message.get("headers", ()):
                if name == b"x-request-id":
                    ids.append(value.decode())

        headers = [(b"x-request-id", trace_id.encode())]
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
        with suppress(StopIteration, RuntimeError):
            wrapped(scope, receive, send).send(None)  # type: ignore[attr-defined]
        return ids[0]

    return request


def wsgi_request() -> Callable[[str, str], str]:
    """Return what makes one request and tells the id of its response."""
    wrapped = WSGIMiddleware(wsgi_app)

    def request(path: str, trace_id: str) -> str:
        ids: list[str] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            ids.append(dict(headers)["X-Request-Id"])
            return lambda data: None

        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_X_REQUEST_ID": trace_id}
        body: Any = wrapped(environ, start_response)
        with suppress(RuntimeError):
            for _ in body:
                pass
        body.close()
        return ids[0]

    return request


def soak(name: str, request: Callable[[str, str], str], times: int) -> dict[str, float]:
    """Make the requests and return the figures."""
    paths = itertools.cycle(["/fine", "/error", "/cut"])
    numbers = itertools.count()

    def many(count: int) -> None:
        for path, number in zip(itertools.islice(paths, count), numbers, strict=False):
            trace_id = f"soak-{number}"
            seen = request(path, trace_id)
            if seen != trace_id:
                raise SystemExit(f"{name}: {trace_id} was answered with {seen}")

    many(WARM_UP)
    gc.collect()
    objects, memory = len(gc.get_objects()), _memory()
    began = time.perf_counter()
    many(times)
    seconds = time.perf_counter() - began
    gc.collect()
    more, grown = len(gc.get_objects()) - objects, _memory() - memory
    gc.disable()
    many(999)
    unreachable = gc.collect()
    gc.enable()
    return {
        "requests": times,
        "a second": times / seconds,
        "objects more": more,
        "unreachable": unreachable,
        "peak memory more, KiB": grown,
    }


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(*arguments: str) -> None:
    """Soak both wraps, or the servers."""
    what, rows = "soak", _in_process
    if arguments[:1] == ("servers",):
        what, rows, arguments = "soak servers", _on_servers, arguments[1:]
    table = {}
    for name, figures in rows(*arguments):
        print(name, *(f"{figure}: {value:,.0f}" for figure, value in figures.items()), sep="; ")
        table[name] = figures
    results = {**json.loads(page.RESULTS.read_text()), what: table}
    page.RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    page.write(results)


def _in_process(times: str = "1_000_000") -> Iterator[tuple[str, dict[str, float]]]:
    logging.disable(logging.CRITICAL)
    for name, request in {"asgi": asgi_request(), "wsgi": wsgi_request()}.items():
        yield name, soak(name, request, int(times))


def _on_servers(seconds: str = "600") -> Iterator[tuple[str, dict[str, float]]]:
    for name in soak_servers.SERVERS:
        yield name, soak_servers.soak(name, float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
