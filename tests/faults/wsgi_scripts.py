"""WSGI applications that can be made to fail wherever control passes, and the server under them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import errorshape
from tests.drivers import Request, WSGIExchange
from tests.faults.ledger import FAULTS, SERVER_FAULTS, ClientGoneError, Seen, Told
from tests.logs import captured
from tests.stacks.script import SECRET

TEXT = ("Content-Type", "text/plain")
HTML = ("Content-Type", "text/html; charset=utf-8")
JSON = ("Content-Type", "application/json")
STALE = ("X-Stale", "1")

#: name → how the application behaves; see :class:`App`.
SCRIPTS: dict[str, Script] = {}


@dataclass(frozen=True)
class Script:
    """One application: what it does, and what becomes of it when nothing fails."""

    name: str
    run: Callable[[App], Any]
    #: The code under which its own error response is replaced, for each ``reshape``.
    reshaped: dict[str, str] = field(default_factory=dict)
    #: The same for HEAD, where that differs.
    reshaped_head: dict[str, str] | None = None
    #: The ``reshape`` options under which its error response is collected before it is let through.
    collected: tuple[str, ...] = ()
    file_wrapper: str | None = None

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


class App:
    """What a script is given: the environ, and calls that are noted and can fail."""

    def __init__(self, told: Told, at: int | None, fault: str, collected: bool) -> None:
        self.told = told
        self.at = at
        self.fault = fault
        self.collected = collected
        self.points = 0
        self.fired: BaseException | None = None

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self.environ = environ
        self._start_response = start_response
        self.told.closed = None
        try:
            result = self.script.run(self)
            self.point()
        except BaseException as exc:
            self.told.raised = exc
            raise
        if isinstance(getattr(result, "file", result), (Body, ClosingList)):
            self.told.closed = self.told.closed or 0
        self.told.unwatched = self.told.opaque
        self.told.over = result is None
        if isinstance(result, (list, tuple)):
            for chunk in result:
                self.hand_over(chunk)
            self.finish()
        return result

    script: Script

    @property
    def head(self) -> bool:
        """Whether no body is wanted."""
        return self.told.method == "HEAD"

    def point(self) -> None:
        """Fail here, if it is the point."""
        point, self.points = self.points, self.points + 1
        if point == self.at:
            self.fired = FAULTS[self.fault]()
            raise self.fired

    def start(self, status: str, *headers: tuple[str, str], exc_info: Any = None) -> Any:
        """Call start_response."""
        self.point()
        told = self.told
        if exc_info is None:
            told.breach |= told.status is not None
            write = self._start_response(status, [*headers])
        else:
            write = self._start_response(status, [*headers], exc_info)
        told.status, told.headers = int(status[:3]), list(headers)

        def write_told(data: bytes) -> None:
            self.point()
            data = self.hand_over(data)
            write(data)

        return write_told

    def hand_over(self, data: bytes) -> bytes:
        """Note a part of the body that now goes to the layer."""
        data = b"" if self.head else data
        self.told.body += data
        self.told.over |= self.told.status is None  # it has failed with that
        if data and not (self.collected and len(self.told.body) <= 16 * 1024):
            self.told.too_late = self.told.status is not None
        return data

    def body(self, *chunks: bytes) -> Body:
        """Return an iterable with ``close()`` that gives the chunks one by one."""
        return Body(self, chunks)

    def finish(self) -> None:
        """Note that there is no more."""
        told = self.told
        told.finished = told.status is not None
        told.over = not told.finished
        if told.finished and not self.collected:
            told.too_late = True  # a whole response has nothing left to wait for


class Body:
    """An iterable that is noted, can fail at each ``next`` and in ``close``."""

    def __init__(self, app: App, chunks: Iterable[bytes]) -> None:
        self.app = app
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            self.app.point()
            chunk = next(self._chunks)
        except StopIteration:
            self.app.finish()
            raise
        except BaseException as exc:
            self.app.told.raised = exc
            raise
        return self.app.hand_over(chunk)

    def close(self) -> None:
        self.app.told.closed = (self.app.told.closed or 0) + 1
        try:
            self.app.point()
        except BaseException as exc:
            self.app.told.raised_by_close = exc
            raise


class ClosingList(list[bytes]):
    """A whole body that is to be closed."""

    def __init__(self, app: App) -> None:
        super().__init__([] if app.head else [b"fine"])
        self.body = Body(app, ())

    def close(self) -> None:
        self.body.close()


class NoIterator(Body):
    """Fails at once."""

    def __init__(self, app: App) -> None:
        super().__init__(app, ())

    def __iter__(self) -> Iterator[bytes]:
        self.app.told.raised = RuntimeError(SECRET)
        raise self.app.told.raised


# --- good responses -------------------------------------------------------------------------------


@script("list")
def a_list(app: App) -> Any:
    app.start("200 OK", TEXT, ("Content-Length", "4"), STALE, ("X-Request-Id", "the-application's"))
    return [] if app.head else [b"fine"]


@script("tuple-of-many")
def tuple_of_many(app: App) -> Any:
    app.start("200 OK", TEXT)
    return () if app.head else (b"", b"one,", b"", b"two")


@script("iterator")
def iterator(app: App) -> Any:
    app.start("200 OK", TEXT, STALE)
    return app.body(b"one,", b"two,", b"three")


@script("many-chunks")
def many_chunks(app: App) -> Any:
    app.start("200 OK", TEXT)
    return app.body(*(b"%d," % number for number in range(12)))


@script("empty-chunks-first")
def empty_chunks_first(app: App) -> Any:
    app.start("200 OK", TEXT)
    return app.body(b"", b"", b"late", b"")


@script("empty")
def empty(app: App) -> Any:
    app.start("200 OK", ("Content-Type", "text/plain"), ("Content-Length", "0"))
    return app.body()


@script("no-content")
def no_content(app: App) -> Any:
    app.start("204 No Content")
    return app.body()


@script("late-start")
def late_start(app: App) -> Any:
    """PEP 3333: start_response may be called by the first ``next``."""

    def chunks() -> Iterator[bytes]:
        app.start("200 OK", TEXT, STALE)
        yield b"one,"
        yield b"two"

    return Body(app, chunks())


@script("generator")
def generator(app: App) -> Any:
    """A generator of Python's own, whose ``close()`` raises GeneratorExit inside of it."""

    def chunks() -> Iterator[bytes]:
        try:
            app.point()
            app.start("200 OK", TEXT)
            for chunk in (b"one,", b"two"):
                app.point()
                yield app.hand_over(chunk)
            app.point()
            app.finish()
        except BaseException as exc:
            if exc is app.fired or not isinstance(exc, GeneratorExit):
                app.told.raised = exc
            raise

    return chunks()


@script("write")
def write(app: App) -> Any:
    write = app.start("200 OK", TEXT, STALE)
    write(b"one,")
    write(b"two")
    return []


@script("write-and-iterator")
def write_and_iterator(app: App) -> Any:
    write = app.start("200 OK", TEXT)
    write(b"")
    write(b"one,")
    return app.body(b"two,", b"three")


@script("exc-info")
def exc_info(app: App) -> Any:
    """PEP 3333: an application may change its mind until the first byte is out."""
    app.start("200 OK", TEXT, STALE)
    try:
        raise ValueError(SECRET)
    except ValueError:
        app.start("201 Created", JSON, exc_info=sys.exc_info())
    return app.body(b"{}")


@script("exc-info-too-late")
def exc_info_too_late(app: App) -> Any:
    write = app.start("200 OK", TEXT)
    write(b"one,")
    if app.head:
        return []
    try:
        raise ValueError(SECRET)
    except ValueError:
        app.start("500 Internal Server Error", TEXT, exc_info=sys.exc_info())
    return [b"never"]


@script("file-wrapper", file_wrapper="class")
def file_wrapper(app: App) -> Any:
    app.start("200 OK", TEXT)
    app.told.opaque = True
    body = app.body(b"file")
    return app.environ["wsgi.file_wrapper"](body)


@script("file-wrapper-function", file_wrapper="function")
def file_wrapper_function(app: App) -> Any:
    """As uWSGI's, which is a function that gives the file itself back."""
    app.start("200 OK", TEXT)
    app.told.opaque = True
    return app.environ["wsgi.file_wrapper"](File(app, (b"file",)))


@script("swallows")
def swallows(app: App) -> Any:
    """An application that goes on whatever its calls raise."""
    write = app.start("200 OK", TEXT)
    for data in (b"one,", b"two,"):
        try:
            write(data)
        except Exception:
            continue
    return []


@script("closing-list")
def closing_list(app: App) -> Any:
    """A list may be of a class that has a close()."""
    app.start("200 OK", TEXT, ("Content-Length", "4"))
    return ClosingList(app)


@script("no-iterator")
def no_iterator(app: App) -> Any:
    """Fails when it is asked for its iterator, and is to be closed all the same."""
    app.start("200 OK", TEXT, STALE)
    return NoIterator(app)


# --- responses that are errors already ------------------------------------------------------------


@script("text-404", reshaped={"text": "not_found", "all": "not_found"})
def text_404(app: App) -> Any:
    app.start("404 Nope", TEXT, ("Content-Length", "6"), ("X-Kept", "1"))
    return [] if app.head else [b"broken"]


@script("html-500", reshaped={"text": "internal_error", "all": "internal_error"})
def html_500(app: App) -> Any:
    app.start("500 Internal Server Error", HTML)
    return app.body(b"<h1>bro", b"ken</h1>")


@script("html-500-write", reshaped={"text": "internal_error", "all": "internal_error"})
def html_500_write(app: App) -> Any:
    write = app.start("500 Internal Server Error", HTML)
    write(b"<h1>bro")
    write(b"ken</h1>")
    return []


@script("empty-403", reshaped={"text": "forbidden", "all": "forbidden"}, reshaped_head={})
def empty_403(app: App) -> Any:
    app.start("403 Forbidden", JSON, ("Content-Length", "0"))
    return app.body()


@script("json-409", reshaped={"all": "conflict"}, reshaped_head={}, collected=("all",))
def json_409(app: App) -> Any:
    app.start("409 Conflict", JSON)
    return app.body(b'{"mi', b'ne":1}')


@script("json-409-large", reshaped={"all": "conflict"}, reshaped_head={}, collected=("all",))
def json_409_large(app: App) -> Any:
    app.start("409 Conflict", JSON)
    return app.body(*(b"1" * 8_000 for _ in range(4)))


@script("json-409-write", reshaped={"all": "conflict"}, reshaped_head={}, collected=("all",))
def json_409_write(app: App) -> Any:
    write = app.start("409 Conflict", JSON)
    write(b'{"mi')
    return app.body(b'ne":1}')


# --- applications that break the protocol ---------------------------------------------------------


@script("nothing")
def nothing(app: App) -> Any:
    return app.body()


@script("none")
def none(app: App) -> Any:
    app.start("200 OK", TEXT)
    app.point()
    return None


@script("body-before-start")
def body_before_start(app: App) -> Any:
    return app.body(b"fine")


@script("two-starts")
def two_starts(app: App) -> Any:
    app.start("200 OK", TEXT, STALE)
    app.start("201 Created", TEXT)
    return app.body(b"fine")


@script("malformed-status")
def malformed_status(app: App) -> Any:
    app.told.status = None
    app._start_response("abc", [TEXT])
    return app.body(b"fine")


# --- the server -----------------------------------------------------------------------------------


class FileWrapper:
    """A server's own, as wsgiref's: it closes the file."""

    def __init__(self, file: Any, size: int = 8192) -> None:
        self.file = file

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.file)

    def close(self) -> None:
        self.file.close()


class File(Body):
    """A body that could be read as a file."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("it is iterated here")


_WRAPPERS: dict[str | None, Any] = {
    None: None,
    "class": FileWrapper,
    "function": lambda file, size=8192: file,
}


class Server(WSGIExchange):
    """The server's side: strict, and failing at one of its calls."""

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
        if point in ("call", "close"):
            return  # a server that never calls close() leaves what there is to leave
        if self.gone and point == "write":
            raise ClientGoneError(32, "gone")
        call, self.calls = self.calls, self.calls + 1
        if call != self.at or (self.fault_name == "client-gone" and point != "write"):
            return
        exc = SERVER_FAULTS[self.fault_name]()
        if self.told.over or self.told.raised is not None:
            self.refused_answer = exc
        elif isinstance(exc, ClientGoneError):
            self.gone = True
        else:
            self.refused = exc
        raise exc


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
    app = App(
        told,
        case.at if case.side == "application" else None,
        case.fault,
        case.reshape in case.script.collected and case.method != "HEAD",
    )
    app.script = case.script
    server = Server(
        Request(case.method, "/sweep", (("X-Request-Id", trace_id),)),
        told,
        case.at if case.side == "server" else None,
        case.fault,
        file_wrapper=_WRAPPERS[case.script.file_wrapper],
    )
    with captured() as records:
        server.run(wrap(app))
    if told.status is None or told.status < 400:
        told.reshaped = None
    left_behind = errorshape.trace_id()
    if told.opaque and left_behind == trace_id:
        left_behind = None  # §6: a file wrapper cannot clear it, the next request's entry does
    seen = Seen(
        trace_id, server.status, server.headers, server.body, server.complete, server.failure,
        server.violations, server.gone, server.refused, server.refused_answer, records, left_behind,
    )  # fmt: skip
    return told, seen, app.points, server.calls


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
                for fault in SERVER_FAULTS:
                    yield Case(base.script, method, reshape, "server", at, fault)
