"""What the trace costs: ``python -m benchmarks.traces`` prints ratios.

Measured: the wraps' own share of a request (that of the bare application taken off) with a valid
``traceparent`` and ``tracestate`` against without; and a log record with a trace id against one
without, made and formatted for a handler that writes nowhere. One process, candidates interleaved,
the minimum of many rounds: on a busy machine take the ratios, not the figures.
"""

from __future__ import annotations

import logging
import sys
import timeit
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from errorshape import asgi, wsgi
from errorshape.trace.context import current
from errorshape.trace.records import TraceRecord

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACESTATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
_HEADERS = [
    (b"host", b"api.example.com"),
    (b"user-agent", b"client/1.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
    (b"authorization", b"Bearer 7f3a1b2c"),
]
_TRACE = [(b"traceparent", TRACEPARENT.encode()), (b"tracestate", TRACESTATE.encode())]


async def _asgi_app(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def _send(message: Any) -> None:
    pass


def _asgi(app: Any, headers: Any) -> Callable[[], object]:
    def request() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        with suppress(StopIteration):
            app(scope, None, _send).send(None)

    return request


def _wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def _wsgi(app: Any, headers: dict[str, str]) -> Callable[[], object]:
    def request() -> None:
        environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", **headers}
        body = app(environ, lambda *args: None)
        for _ in body:
            pass
        getattr(body, "close", int)()

    return request


class _Formatting(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def _record(factory: Any, form: str) -> Callable[[], object]:
    handler = _Formatting()
    handler.setFormatter(logging.Formatter(form))
    logger = logging.Logger("benchmark", logging.INFO)  # noqa: LOG001 - one that nobody else has
    logger.addHandler(handler)
    logger.makeRecord = lambda *args: factory(*args[:9])  # type: ignore[method-assign]
    return lambda: logger.info("order %s", 7)


def best_of(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the seconds that one call of each takes, measured in turns."""
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(rounds):
        for name, call in candidates.items():
            best[name] = min(best[name], timeit.timeit(call, number=100) / 100)
    return best


def traceparent_ratios(rounds: int) -> dict[str, float]:
    """Return how much dearer a valid inbound trace makes each wrap."""
    wrapped_asgi = asgi.ErrorShapeMiddleware(_asgi_app)
    wrapped_wsgi = wsgi.ErrorShapeMiddleware(_wsgi_app)
    trace = {"HTTP_TRACEPARENT": TRACEPARENT, "HTTP_TRACESTATE": TRACESTATE}
    best = best_of(
        {
            "asgi bare": _asgi(_asgi_app, _HEADERS),
            "asgi without": _asgi(wrapped_asgi, _HEADERS),
            "asgi with": _asgi(wrapped_asgi, _HEADERS + _TRACE),
            "wsgi bare": _wsgi(_wsgi_app, {}),
            "wsgi without": _wsgi(wrapped_wsgi, {}),
            "wsgi with": _wsgi(wrapped_wsgi, trace),
        },
        rounds,
    )
    return {
        kind: (best[f"{kind} with"] - best[f"{kind} bare"])
        / (best[f"{kind} without"] - best[f"{kind} bare"])
        for kind in ("asgi", "wsgi")
    }


def record_ratio(rounds: int) -> float:
    """Return how much dearer a log record is that has a trace id, and shows it."""
    before = current.get()
    current.set("7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c")
    plain = "%(asctime)s %(levelname)s %(name)s %(message)s"
    try:
        best = best_of(
            {
                "plain": _record(logging.LogRecord, plain),
                "traced": _record(TraceRecord, plain + " %(trace_id)s"),
            },
            rounds,
        )
    finally:
        current.set(before)
    return best["traced"] / best["plain"]


if __name__ == "__main__":
    for kind, ratio in traceparent_ratios(300).items():
        sys.stdout.write(f"{kind} wrap, with a valid traceparent / without: {ratio:.2f}\n")
    sys.stdout.write(f"log record, with its trace id / without: {record_ratio(300):.2f}\n")
