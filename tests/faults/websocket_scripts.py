"""WebSockets that fail wherever control passes, and what the contract says of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.drivers import WebSocketExchange, run_in_a_loop
from tests.faults.asgi_scripts import drive
from tests.faults.ledger import FAULTS, SERVER_FAULTS, ClientGoneError
from tests.faults.oracle import answer_to
from tests.logs import Record, captured
from tests.stacks import Stack, script
from tests.stacks.script import SECRET, Connection

ACCEPT = {"type": "websocket.accept"}
HELLO = {"type": "websocket.send", "text": "hello"}
CLOSE = {"type": "websocket.close", "code": 1000, "reason": ""}

#: name → the messages that the application sends after it has received the connect.
SCRIPTS: dict[str, tuple[dict[str, Any], ...]] = {
    "talks": (ACCEPT, HELLO, HELLO, CLOSE),
    "never closes": (ACCEPT, HELLO),
    "refuses": (CLOSE,),
    "answers nothing": (),
    "exposes": ({**ACCEPT, "headers": [(b"x-request-id", b"the-application's")]}, CLOSE),
}


@dataclass(frozen=True)
class Case:
    """One connection: what the application does, and where it or the server fails."""

    name: str
    denial: bool
    side: str  # "none", "application", "server"
    at: int | None = None
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.name} denial={self.denial}: {self.fault} at {self.side} {self.at}"


class _Server(WebSocketExchange):
    def __init__(self, case: Case, trace_id: str, path: str = "/sweep") -> None:
        super().__init__(path, received=["hello"], denial=case.denial)
        self.trace_id = trace_id
        self.case = case
        self.calls = 0
        self.gone = False
        self.over = False  # the application is
        self.refused: BaseException | None = None

    async def run(self, app: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        await super().run(app, [*headers, (b"x-request-id", self.trace_id.encode())])

    async def send(self, message: dict[str, Any]) -> None:
        call, self.calls = self.calls, self.calls + 1
        if self.gone:
            raise ClientGoneError(32, "gone")
        if self.case.side == "server" and call == self.case.at:
            exc = SERVER_FAULTS[self.case.fault]()
            self.gone = isinstance(exc, ClientGoneError)
            self.refused = None if self.gone else exc
            raise exc
        await super().send(message)


class _Walk:
    """Goes through the messages of a case's script, and fails where the case says so."""

    def __init__(self, case: Case, server: _Server) -> None:
        self.case = case
        self.server = server
        self.points = 0
        self.told: list[str] = []
        self.raised: BaseException | None = None

    def point(self) -> None:
        """Fail here, if it is the point."""
        point, self.points = self.points, self.points + 1
        if self.case.side == "application" and point == self.case.at:
            raise FAULTS[self.case.fault]()

    async def go(self, step: Callable[[dict[str, Any]], Awaitable[Any]]) -> None:
        """Have ``step`` send each message."""
        for message in SCRIPTS[self.case.name]:
            self.point()
            await step(message)
            self.told.append(message["type"])
        self.point()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Note what the application raises, and that it is over."""
        try:
            yield
        except BaseException as exc:
            self.raised = exc
            raise
        finally:
            self.server.over = True

    def seen(self, trace_id: str, records: list[Record]) -> tuple[list[str], int, int]:
        """Return what was broken, and how many points there were at each end."""
        broken = _violations(self.case, self.server, self.told, self.raised, trace_id, records)
        return broken, self.points, self.server.calls


def run(case: Case, wrap: Callable[[Any], Any], trace_id: str) -> tuple[list[str], int, int]:
    """Serve one connection; what was broken, and how many points there were at each end."""
    server = _Server(case, trace_id)
    walk = _Walk(case, server)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with walk.watched():
            walk.point()
            await receive()
            await walk.go(send)

    with captured() as records:
        drive(server.run(wrap(app)))
    return walk.seen(trace_id, records)


#: What an application of a framework does for each message of the scripts.
_STEPS: dict[str, Callable[[Connection], Any]] = {
    "websocket.accept": lambda connection: connection.accept(),
    "websocket.send": lambda connection: connection.send("hello"),
    "websocket.close": lambda connection: connection.close(),
}


class _StackServer(_Server):
    """Has the client stay: Quart reads on while its view is at work, and cancels it at the end."""

    def __init__(self, case: Case, trace_id: str, path: str, *, answers_late: bool) -> None:
        super().__init__(case, trace_id, path)
        #: The framework logs a failure that comes after the end, and tries to answer all the same.
        self.answers_late = answers_late
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if len(self._to_receive) == 1:
            await self.left.wait()
        return await super().receive()


def run_stack(stack: Stack, app: Any, case: Case, trace_id: str) -> tuple[list[str], int, int]:
    """The same through a stack, whose ``/ws/planned`` does what the script says."""
    is_quart = stack.framework == "quart"
    server = _StackServer(case, trace_id, "/ws/planned", answers_late=is_quart)
    walk = _Walk(case, server)

    async def talk(connection: Connection) -> None:
        try:
            with walk.watched():
                await walk.go(lambda message: _STEPS[message["type"]](connection))
        finally:
            server.left.set()

    script.talk = talk
    with captured() as records:
        run_in_a_loop(server, app, records)
    # What the loop has to say of tasks that a framework has left is no request's (Python 3.11).
    records = [record for record in records if record.logger != "asyncio"]
    return walk.seen(trace_id, records)


def _violations(
    case: Case,
    server: _Server,
    told: list[str],
    raised: BaseException | None,
    trace_id: str,
    records: list[Record],
) -> list[str]:
    """§6 for WebSockets, as one function."""
    broken = [f"protocol: {rule}" for rule in server.violations]
    errors = [r for r in records if r.level >= logging.ERROR]
    if SECRET in repr(server.messages):
        broken.append("§5: the secret was sent")
    if any(r.trace_id != trace_id for r in records):
        broken.append("§4: a record has another id")
    for message in server.messages:
        ids = [v for k, v in message.get("headers", ()) if k == b"x-request-id"]
        if message["type"].endswith(("accept", "start")) and ids != [trace_id.encode()]:
            broken.append(f"§3: {message['type']} has the ids {ids}")
    if server.gone:
        if errors and isinstance(raised, OSError):
            broken.append("§6: a client that is gone was logged")
        return broken
    if raised is not None and not isinstance(raised, Exception):
        if server.failure is not raised:
            broken.append(f"§5: raised {server.failure!r}, not {raised!r}")
        if errors:
            broken.append("§5: what is no exception was logged")
        return broken
    if server.refused is not None:
        if not errors and server.failure is not server.refused:
            broken.append("a failure of the server's was neither raised nor logged")
        return broken
    last = server.messages[-1] if server.messages else {}
    accepted = "websocket.accept" in told
    closed = "websocket.close" in told
    if raised is None and (accepted or closed):
        if errors or server.failure is not None:
            broken.append(f"what went well was an error: {errors} {server.failure!r}")
        if closed and not accepted and case.denial:
            broken += _denied(server.messages, 403, "forbidden", trace_id)
    elif closed and isinstance(server, _StackServer) and server.answers_late:
        if not errors and answer_to(raised)[0] >= 500:
            broken.append("§6: a failure after the end is logged")
    elif closed:
        if server.failure is not raised or len(errors) != 1:
            broken.append("§6: a failure after the end is logged once and raised")
    else:
        status, code = answer_to(raised)
        if len(errors) != (status >= 500) or server.failure is not None:
            broken.append(f"§5: logged {len(errors)} times, raised {server.failure!r}")
        if case.denial and not accepted:
            broken += _denied(server.messages, status, code, trace_id)
        elif isinstance(server, _StackServer) and not accepted:
            if last.get("type") != "websocket.close":  # a framework's own may have any code
                broken.append(f"§6: not closed, but {last}")
        elif (last.get("type"), last.get("code"), last.get("reason")) != (
            "websocket.close",
            1011,
            trace_id,
        ):
            broken.append(f"§6: not closed with 1011 and the id, but {last}")
    return broken


def _denied(messages: list[dict[str, Any]], status: int, code: str, trace_id: str) -> list[str]:
    try:
        start, *parts = messages
        error = json.loads(b"".join(part.get("body", b"") for part in parts))["error"]
        ok = start["status"] == status and (error["code"], error["trace_id"]) == (code, trace_id)
    except (ValueError, KeyError) as exc:
        return [f"§6: not denied with the shape: {messages} ({exc!r})"]
    return [] if ok else [f"§6: denied with {start['status']} {error}"]


def cases(wrap: Callable[[Any], Any]) -> Iterator[Case]:
    """Yield every script without a fault, then with each fault at each point of each side."""
    return product(lambda case: run(case, wrap, "counts"), FAULTS, SERVER_FAULTS)


def product(
    count: Callable[[Case], tuple[Any, int, int]],
    faults: Iterable[str],
    server_faults: Iterable[str],
) -> Iterator[Case]:
    """Yield the same of any application, whose points ``count`` counts."""
    for name in SCRIPTS:
        for denial in (True, False):
            base = Case(name, denial, "none")
            yield base
            _, points, calls = count(base)
            for at in range(points):
                for fault in faults:
                    yield Case(name, denial, "application", at, fault)
            for at in range(calls):
                for fault in server_faults:
                    yield Case(name, denial, "server", at, fault)
