"""Views that fail wherever control passes, on every stack of ``tests.stacks``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import django

import errorshape
from tests.drivers import ASGIExchange, Request, WSGIExchange, run_in_a_loop
from tests.faults.ledger import FAULTS, SERVER_FAULTS, ClientGoneError, Seen, Told
from tests.logs import captured
from tests.stacks import Stack, script
from tests.stacks.script import HTML, JSON, TEXT, Answer

STALE = ("X-Stale", "1")

#: name → (the answer, the code of the shape that replaces it, or None)
SCRIPTS: dict[str, tuple[Answer, str | None]] = {
    "body": (Answer(b"fine", 200, (TEXT, STALE)), None),
    "empty": (Answer(b"", 200, (TEXT,)), None),
    "created": (Answer(b"{}", 201, (JSON, ("Location", "/x"))), None),
    "redirect": (Answer(b"", 302, (TEXT, ("Location", "/x"))), None),
    "no-content": (Answer(b"", 204, ()), None),
    "text-404": (Answer(b"broken", 404, (TEXT,)), "not_found"),
    "html-500": (Answer(b"<h1>broken</h1>", 500, (HTML,)), "internal_error"),
    "json-409": (Answer(b'{"mine":1}', 409, (JSON,)), None),
    "stream": (Answer(status=200, headers=(TEXT, STALE), chunks=(b"one,", b"two,", b"end")), None),
    "empty-chunks": (Answer(status=200, headers=(TEXT,), chunks=(b"", b"", b"late")), None),
    "empty-stream": (Answer(status=200, headers=(TEXT,), chunks=()), None),
    "html-stream": (
        Answer(status=500, headers=(HTML,), chunks=(b"<h1>", b"</h1>")),
        "internal_error",
    ),
}
#: On asyncio the end of the process ends the loop, so that one request says nothing of others.
ASGI_SERVER_FAULTS = ("client-gone", "send-fails", "CancelledError")
WSGI_SERVER_FAULTS = tuple(SERVER_FAULTS)


@dataclass(frozen=True)
class Case:
    """One request: a stack, a view, and where it or the server fails."""

    stack: Stack
    name: str
    method: str
    side: str  # "none", "application", "server"
    at: int | None = None
    fault: str = ""

    def __str__(self) -> str:
        where = f"{self.fault} at {self.side} {self.at}" if self.side != "none" else "no fault"
        return f"{self.stack} {self.name} {self.method}: {where}"


class Plan:
    """What ``/planned`` does: gives the answer, noted, and fails at one point."""

    def __init__(self, case: Case, told: Told) -> None:
        self.case = case
        self.told = told
        self.points = 0
        self.flushed = False
        self.answer = SCRIPTS[case.name][0]

    def __call__(self) -> Answer:
        self.point()
        answer, told = self.answer, self.told
        told.status, told.headers = answer.status, list(answer.headers)
        if answer.chunks is None or told.method == "HEAD":
            told.body = answer.body
            told.finished = told.too_late = True
            return answer
        return Answer(status=answer.status, headers=answer.headers, chunks=_Chunks(self))

    def point(self) -> None:
        """Fail here, if it is the point."""
        point, self.points = self.points, self.points + 1
        if self.case.side == "application" and point == self.case.at:
            self.told.raised = FAULTS[self.case.fault]()
            raise self.told.raised


class _Chunks:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._chunks: Iterator[Any] = iter(plan.answer.chunks or ())

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        told = self._plan.told
        self._plan.point()
        for chunk in self._chunks:
            told.body += chunk
            told.too_late |= bool(chunk)
            self._plan.flushed |= not chunk
            return chunk  # type: ignore[no-any-return]
        told.finished = told.too_late = True
        raise StopIteration

    def close(self) -> None:
        """Fail, if that is the point."""
        told = self._plan.told
        if self._plan.case.stack.protocol == "asgi":
            # The last act of an async generator: what it raises there, the iteration raises.
            ended = told.finished
            told.finished, told.too_late = False, bool(told.body)
            self._plan.point()
            told.finished = ended
            told.too_late |= ended
            return
        before, told.raised = told.raised, None
        try:
            self._plan.point()
        finally:
            told.raised_by_close, told.raised = told.raised, before


class _Server:
    """Fails at one of its calls; both protocols' exchanges are given ``point``."""

    def __init__(self, case: Case, told: Told) -> None:
        self.case = case
        self.told = told
        self.calls = 0
        self.gone = False
        self.refused: BaseException | None = None
        self.refused_start = False
        self.failed: Callable[[], None] = lambda: None
        self.refused_answer: BaseException | None = None

    def point(self, point: str) -> None:
        if point in ("call", "close", "receive"):
            return
        if self.gone and point in ("send", "write"):
            raise ClientGoneError(32, "gone")
        call, self.calls = self.calls, self.calls + 1
        fault = self.case.fault
        if self.case.side != "server" or call != self.case.at:
            return
        if fault == "client-gone" and point not in ("send", "write"):
            return
        exc = SERVER_FAULTS[fault]()
        self.failed()
        if isinstance(exc, ClientGoneError):
            self.gone = True
        else:
            self.refused = exc
            self.refused_start = point == "start_response" and not self.case.stack.wrapped
        raise exc


def run(app: Any, case: Case, trace_id: str) -> tuple[Told, Seen, int, int]:
    """Serve one case; what both ends say, and how many points there were at each."""
    told = Told(
        method=case.method,
        reshaped=SCRIPTS[case.name][1],
        framework=case.stack.framework != "raw",
    )
    plan, server = Plan(case, told), _Server(case, told)
    script.plan = plan
    request = Request(case.method, case.stack.prefix + "/planned", (("X-Request-Id", trace_id),))
    with captured() as records:
        if case.stack.protocol == "wsgi":
            exchange: Any = WSGIExchange(request, fault=server.point)
            exchange.run(app)
            left_behind = errorshape.trace_id()
            if server.refused_start and case.stack.framework == "django":
                left_behind = None  # nobody has the response then; a wrap around Django clears it
        else:
            mixed_case = case.stack.mixed_case
            exchange = ASGIExchange(request, fault=server.point, mixed_case=mixed_case)
            server.failed = exchange._over.set  # whose send fails has no client to wait for
            run_in_a_loop(exchange, app, records)
            # §6: an empty part flushes, where the framework hands it on.
            told.too_late |= plan.flushed and exchange.status == told.status
            # A framework may not have handed on yet what it was given.
            told.too_late &= not told.framework or exchange.status == told.status
            left_behind = None
    _excuse(case, told, server, records)
    closed = [record for record in records if record.message == "stream closed"]
    told.closed = len(closed) if closed else None
    if told.status is None:
        told.reshaped = None
    return (
        told,
        Seen(
            trace_id, exchange.status, exchange.headers, exchange.body, exchange.complete,
            exchange.failure, exchange.violations, server.gone, server.refused,
            server.refused_answer, records, left_behind,
        ),
        plan.points,
        server.calls,
    )  # fmt: skip


def _excuse(case: Case, told: Told, server: _Server, records: list[Any]) -> None:
    """Take out what a framework does after errorshape has done its part."""
    # HttpResponseBase.close() swallows what the closers of a response raise.
    if case.stack.framework == "django" and isinstance(told.raised_by_close, Exception):
        told.raised_by_close = None
    # An async generator that a framework drops is ended by the event loop, in no request's context.
    if told.framework and (server.gone or server.refused is not None):
        records[:] = [r for r in records if (r.message, r.trace_id) != ("stream closed", "-")]


#: These serve a request in tasks of their own, where the two are how a task ends: they never come
#: out of it, with errorshape or without.
IN_TASKS = {"fastapi", "quart", "litestar"}
ENDS_OF_TASKS = {"CancelledError", "GeneratorExit"}


def faults_of(stack: Stack, name: str, faults: Iterable[str]) -> list[str]:
    """Return which of these faults this stack's framework lets through to whoever serves it."""
    impossible: set[str] = set()
    if stack.framework in IN_TASKS:
        impossible = ENDS_OF_TASKS
    elif stack.protocol == "asgi" and stack.framework == "django":
        if not stack.prefix:
            impossible = {"GeneratorExit"}  # asgiref cannot take it out of a thread
        if django.VERSION < (6, 1) and SCRIPTS[name][0].chunks is not None:
            # ASGIHandler.handle() takes each for its own, which it cancels when the client leaves.
            impossible |= ENDS_OF_TASKS
    return [fault for fault in faults if fault not in impossible]


def cases(
    stack: Stack, app: Any, methods: Iterable[str] = ("GET", "HEAD"), faults: Iterable[str] = FAULTS
) -> Iterator[Case]:
    """Yield every script without a fault, then with each fault at each point of each side."""
    of_server = ASGI_SERVER_FAULTS if stack.protocol == "asgi" else WSGI_SERVER_FAULTS
    for name in SCRIPTS:
        for method in methods:
            base = Case(stack, name, method, "none")
            yield base
            *_, points, calls = run(app, base, "counts")
            for at in range(points):
                for fault in faults_of(stack, name, faults):
                    yield Case(stack, name, method, "application", at, fault)
            for at in range(calls):
                for fault in faults_of(stack, name, of_server):
                    yield Case(stack, name, method, "server", at, fault)
