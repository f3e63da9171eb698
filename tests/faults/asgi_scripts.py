"""ASGI applications that can be made to fail wherever control passes, and the server under them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.drivers import ASGIExchange, Request
from tests.faults.ledger import FAULTS, SERVER_FAULTS, ClientGoneError, Seen, Told
from tests.logs import captured
from tests.stacks.script import SECRET

TEXT = (b"content-type", b"text/plain")
HTML = (b"content-type", b"text/html; charset=utf-8")
JSON = (b"content-type", b"application/json")
STALE = (b"x-stale", b"1")

#: name → how the application behaves; ``(scope, receive, send)`` as in ASGI.
SCRIPTS: dict[str, Script] = {}


@dataclass(frozen=True)
class Script:
    """One application: what it does, and what becomes of it when nothing fails."""

    name: str
    run: Callable[[Any, Any, Any], Coroutine[Any, Any, None]]
    #: The code under which its own error response is replaced, for each ``reshape``.
    reshaped: dict[str, str] = field(default_factory=dict)
    #: The same for HEAD, where that differs.
    reshaped_head: dict[str, str] | None = None
    #: The ``reshape`` options under which its error response is collected before it is let through.
    collected: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()

    def code(self, method: str, reshape: str) -> str | None:
        """Return the code that its own error response gets, None if it stays."""
        by = self.reshaped
        if method == "HEAD" and self.reshaped_head is not None:
            by = self.reshaped_head
        return by.get(reshape)


def script(name: str, **about: Any) -> Any:
    """Register the decorated function as a script."""

    def register(run: Any) -> Any:
        SCRIPTS[name] = Script(name, run, **about)
        return run

    return register


def start(status: int = 200, *headers: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [*headers], **more}


def part(scope: Any, data: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    """Return a body message; the body is left out where the client asked for none."""
    data = b"" if scope["method"] == "HEAD" else data
    return {"type": "http.response.body", "body": data, "more_body": more}


def length(data: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(data)).encode()


# --- good responses -------------------------------------------------------------------------------


@script("normal")
async def normal(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(start(200, TEXT, length(b"fine"), STALE, (b"x-request-id", b"the-application's")))
    await send(part(scope, b"fine"))


@script("streaming")
async def streaming(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT, STALE))
    for chunk in (b"one,", b"two,"):
        await send(part(scope, chunk, more=True))
    await send(part(scope))


@script("many-chunks")
async def many_chunks(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT))
    for number in range(12):
        await send(part(scope, b"%d," % number, more=True))
    await send(part(scope, b"end"))


@script("empty")
async def empty(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, (b"content-length", b"0")))
    await send({"type": "http.response.body"})


@script("no-content")
async def no_content(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@script("not-modified")
async def not_modified(scope: Any, receive: Any, send: Any) -> None:
    await send(start(304, (b"etag", b'"v1"')))
    await send({"type": "http.response.body", "body": b""})


@script("flushes-first")
async def flushes_first(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT))
    await send(part(scope, b"", more=True))
    await send(part(scope, b"late", more=False))


@script("event-stream")
async def event_stream(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, (b"content-type", b"text/event-stream; charset=utf-8")))
    await send(part(scope, b"data: 1\n\n", more=True))
    await send(part(scope))


@script("headers-once")
async def headers_once(scope: Any, receive: Any, send: Any) -> None:
    """The specification says Iterable: one that can be iterated only once will do."""
    headers = ((name, value) for name, value in ((b"content-type", b"text/event-stream"), STALE))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send(part(scope, b"data: 1\n\n"))


@script("error-headers-once", reshaped={"text": "not_found", "all": "not_found"})
async def error_headers_once(scope: Any, receive: Any, send: Any) -> None:
    headers = ((name, value) for name, value in (TEXT, (b"x-kept", b"1")))
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send(part(scope, b"broken"))


@script("background")
async def background(scope: Any, receive: Any, send: Any) -> None:
    await send(start(202, TEXT))
    await send(part(scope, b"accepted"))
    await receive()  # the disconnect: work goes on after the response


@script("early-hints", extensions=("http.response.early_hint", "http.response.push"))
async def early_hints(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
    await send({"type": "http.response.push", "path": "/a.css", "headers": []})
    await send(start(200, TEXT))
    await send(part(scope, b"fine"))


@script("trailers", extensions=("http.response.trailers",))
async def trailers(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT, trailers=True))
    await send(part(scope, b"fine"))
    await send({"type": "http.response.trailers", "headers": [], "more_trailers": True})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]})


@script("pathsend", extensions=("http.response.pathsend",))
async def pathsend(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT, (b"content-length", b"9")))
    await send({"type": "http.response.pathsend", "path": "/srv/file"})


@script("reads-all")
async def reads_all(scope: Any, receive: Any, send: Any) -> None:
    """As frameworks do: a disconnect while the body is read is an error of theirs, an OSError."""
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.disconnect":
        raise ClientGoneError(SECRET)
    await send(start(201, JSON))
    await send(part(scope, b"{}"))


@script("leaves-at-disconnect")
async def leaves_at_disconnect(scope: Any, receive: Any, send: Any) -> None:
    if (await receive())["type"] == "http.disconnect":
        return
    await send(start(200, TEXT))
    await send(part(scope, b"fine"))


@script("swallows")
async def swallows(scope: Any, receive: Any, send: Any) -> None:
    """An application that goes on whatever its calls raise."""
    for message in (
        start(200, TEXT),
        part(scope, b"one,", more=True),
        part(scope, b"two,", more=True),
        part(scope),
    ):
        try:
            await send(message)
        except Exception:
            continue


# --- responses that are errors already ------------------------------------------------------------


@script("text-404", reshaped={"text": "not_found", "all": "not_found"})
async def text_404(scope: Any, receive: Any, send: Any) -> None:
    await send(start(404, TEXT, length(b"broken"), (b"x-kept", b"1")))
    await send(part(scope, b"broken"))


@script("html-500", reshaped={"text": "internal_error", "all": "internal_error"})
async def html_500(scope: Any, receive: Any, send: Any) -> None:
    await send(start(500, HTML))
    await send(part(scope, b"<h1>bro", more=True))
    await send(part(scope, b"ken</h1>", more=True))
    await send(part(scope))


@script(
    "html-500-trailers",
    reshaped={"text": "internal_error", "all": "internal_error"},
    extensions=("http.response.trailers",),
)
async def html_500_trailers(scope: Any, receive: Any, send: Any) -> None:
    await send(start(500, HTML, trailers=True))
    await send(part(scope, b"<h1>broken</h1>"))
    await send({"type": "http.response.trailers", "headers": []})


@script("text-500-raises", reshaped={"text": "internal_error", "all": "internal_error"})
async def text_500_raises(scope: Any, receive: Any, send: Any) -> None:
    """As Starlette's ServerErrorMiddleware: answers, then tells the server."""
    await send(start(500, TEXT))
    await send(part(scope, b"Internal Server Error"))
    raise RuntimeError(SECRET)


@script("json-500-raises", reshaped={"all": "internal_error"}, reshaped_head={})
async def json_500_raises(scope: Any, receive: Any, send: Any) -> None:
    await send(start(500, JSON))
    await send(part(scope, b'{"mine":1}'))
    raise RuntimeError(SECRET)


@script("empty-403", reshaped={"text": "forbidden", "all": "forbidden"})
async def empty_403(scope: Any, receive: Any, send: Any) -> None:
    await send(start(403, (b"content-length", b"0")))
    await send(part(scope))


@script("empty-json-403", reshaped={"text": "forbidden", "all": "forbidden"}, reshaped_head={})
async def empty_json_403(scope: Any, receive: Any, send: Any) -> None:
    await send(start(403, JSON, (b"content-length", b"0")))
    await send(part(scope))


@script("json-409", reshaped={"all": "conflict"}, reshaped_head={}, collected=("all",))
async def json_409(scope: Any, receive: Any, send: Any) -> None:
    await send(start(409, JSON))
    await send(part(scope, b'{"mi', more=True))
    await send(part(scope, b'ne":1}'))


@script("json-409-large", reshaped={"all": "conflict"}, reshaped_head={}, collected=("all",))
async def json_409_large(scope: Any, receive: Any, send: Any) -> None:
    await send(start(409, JSON))
    for _ in range(4):
        await send(part(scope, b"1" * 8_000, more=True))
    await send(part(scope))


@script(
    "no-type-404",
    reshaped={},
    reshaped_head={"text": "not_found", "all": "not_found"},
    collected=("text", "all"),
)
async def no_type_404(scope: Any, receive: Any, send: Any) -> None:
    await send(start(404))
    await send(part(scope, b'{"mi', more=True))
    await send(part(scope, b'ne":1}'))


# --- applications that break the protocol ---------------------------------------------------------


@script("nothing")
async def nothing(scope: Any, receive: Any, send: Any) -> None:
    await receive()


@script("start-only")
async def start_only(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT, STALE))


@script("stops-in-the-middle")
async def stops_in_the_middle(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT))
    await send(part(scope, b"one,", more=True))


@script("two-starts")
async def two_starts(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT, STALE))
    await send(start(201, TEXT))
    await send(part(scope, b"fine"))


@script("start-after-body")
async def start_after_body(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT))
    await send(part(scope, b"one,", more=True))
    await send(start(500, TEXT))


@script("body-before-start")
async def body_before_start(scope: Any, receive: Any, send: Any) -> None:
    await send(part(scope, b"fine"))
    await send(start(200, TEXT))


@script("body-after-end")
async def body_after_end(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT))
    await send(part(scope, b"fine"))
    await send(part(scope, b"more"))


@script("trailers-missing", extensions=("http.response.trailers",))
async def trailers_missing(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, TEXT, trailers=True))
    await send(part(scope, b"fine"))


@script("malformed")
async def malformed(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start"})


# --- both ends of one request ---------------------------------------------------------------------


class Teller:
    """The application's side: notes what the script does, and raises its fault at one point."""

    def __init__(self, told: Told, collected: bool, at: int | None, fault: str) -> None:
        self.told = told
        self.collected = collected
        self.at = at
        self.fault = fault
        self.points = 0
        self._state = "start"
        self._trailers = False

    def point(self) -> None:
        """Fail here, if it is the point."""
        if self.points == self.at:
            self.points += 1
            raise FAULTS[self.fault]()
        self.points += 1

    def around(self, app: Any) -> Any:
        """Return the application as the layer is given it."""

        async def told_app(scope: Any, receive: Any, send: Any) -> None:
            async def receive_told() -> Any:
                self.point()
                return await receive()

            async def send_told(message: Any) -> None:
                self.point()
                self._before(message)
                await send(message)
                self._after(message)

            try:
                await app(scope, receive_told, send_told)
                self.point()
            except BaseException as exc:
                self.told.raised = exc
                raise
            finally:
                self.told.over = True

        return told_app

    def _before(self, message: Any) -> None:
        told, kind = self.told, message["type"].rpartition(".")[2]
        if kind == "start":
            if self._state != "start":
                told.breach = True
            elif "status" in message:
                self._state = "body"
                headers = message.get("headers", ())
                if not isinstance(headers, list):
                    headers = message["headers"] = list(headers)
                    message["headers"] = iter(headers)
                told.status = message["status"]
                told.headers = [(k.decode(), v.decode()) for k, v in headers]
                self._trailers = message.get("trailers", False)
                events = (b"content-type", b"text/event-stream")
                told.too_late |= any((k, v[: len(events[1])]) == events for k, v in headers)
        elif kind in ("body", "pathsend"):
            if self._state != "body":
                told.breach = True
                return
            told.opaque |= kind == "pathsend"
            data = message.get("body", b"")
            told.body += data
            if not (self.collected and message.get("more_body") and len(told.body) <= 16 * 1024):
                told.too_late = True

    def _after(self, message: Any) -> None:
        kind = message["type"].rpartition(".")[2]
        if kind in ("body", "pathsend") and self._state == "body" and not message.get("more_body"):
            self._state = "trailers" if self._trailers else "end"
        elif kind == "trailers" and not message.get("more_trailers"):
            self._state = "end"
        self.told.finished = self._state == "end"


class Server(ASGIExchange):
    """The server's side: strict, without an event loop, and failing at one of its calls."""

    def __init__(
        self, request: Request, told: Told, at: int | None, fault: str, **options: Any
    ) -> None:
        super().__init__(request, fault=self._point, **options)
        self.told = told
        self.at = at
        self.fault_name = fault
        self.calls = 0
        self.gone = False
        self.refused: BaseException | None = None
        self.refused_answer: BaseException | None = None

    def _point(self, point: str) -> None:
        call, self.calls = self.calls, self.calls + 1
        if self.gone and point == "send":
            raise ClientGoneError(32, "gone")
        if call != self.at or point == {"disconnect": "send", "client-gone": "receive"}.get(
            self.fault_name
        ):
            return
        if self.fault_name == "disconnect":
            self.gone = True
            return
        exc = SERVER_FAULTS[self.fault_name]()
        if self.told.over:
            self.refused_answer = exc
        elif isinstance(exc, ClientGoneError):
            self.gone = True
        elif point == "send":  # what receive raises is a failure inside the application
            self.refused = exc
        raise exc

    async def receive(self) -> dict[str, Any]:
        """Give the request, then say that the client is gone: nothing here ever waits."""
        self.fault("receive")
        if self.gone or self._received:
            self.gone |= not self.complete
            return {"type": "http.disconnect"}
        self._received = True
        return {"type": "http.request", "body": b"", "more_body": False}


def drive(coroutine: Awaitable[None]) -> None:
    """Run a coroutine that never waits for anything."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return
    raise AssertionError("it waits for something")


@dataclass(frozen=True)
class Case:
    """One request: an application, and where it or the server fails."""

    script: Script
    method: str
    reshape: str
    side: str  # "none", "application", "server"
    at: int | None = None
    fault: str = ""

    def __str__(self) -> str:
        where = f"{self.fault} at {self.side} {self.at}" if self.side != "none" else "no fault"
        return f"{self.script.name} {self.method} reshape={self.reshape}: {where}"


def run(case: Case, wrap: Callable[[Any], Any], trace_id: str) -> tuple[Told, Seen, int, int]:
    """Serve one case; what both ends say, and how many points there were at each."""
    told = Told(method=case.method, reshaped=case.script.code(case.method, case.reshape))
    teller = Teller(
        told,
        case.reshape in case.script.collected and case.method != "HEAD",
        case.at if case.side == "application" else None,
        case.fault,
    )
    server = Server(
        Request(case.method, "/sweep", (("X-Request-Id", trace_id),)),
        told,
        case.at if case.side == "server" else None,
        case.fault,
        extensions=case.script.extensions,
    )
    app = wrap(teller.around(case.script.run))
    with captured() as records:
        try:
            drive(app(server.scope, server.receive, server.send))
        except BaseException as exc:
            server.failure = exc
    if told.status is None or told.status < 400:
        told.reshaped = None
    seen = Seen(
        trace_id, server.status, server.headers, server.body, server.complete, server.failure,
        server.violations, server.gone, server.refused, server.refused_answer, records,
    )  # fmt: skip
    return told, seen, teller.points, server.calls


def cases(
    wrap: Callable[[Any], Any],
    reshape: str,
    methods: tuple[str, ...] = ("GET", "HEAD", "POST"),
    scripts: tuple[str, ...] | None = None,
) -> Iterator[Case]:
    """Yield every script without a fault, then with each fault at each point of each side."""
    for name in scripts or SCRIPTS:
        for method in methods:
            base = Case(SCRIPTS[name], method, reshape, "none")
            yield base
            *_, points, calls = run(base, wrap, "counts")
            for at in range(points):
                for fault in FAULTS:
                    yield Case(base.script, method, reshape, "application", at, fault)
            for at in range(calls):
                for fault in (*SERVER_FAULTS, "disconnect"):
                    yield Case(base.script, method, reshape, "server", at, fault)
