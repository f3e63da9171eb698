"""What the application does, on every stack: one function a route, none of which knows a framework.

A function takes what the client sent and the parts of the path, and raises or returns an
``Answer``. The routes that only a framework can serve (its own HTTP exceptions, its hooks) are in
``OWN_ROUTES``: each stack writes those itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec

import errorshape

log = logging.getLogger("app")

#: In every text that is no client's business; no response may hold it.
SECRET = "hunter2-do-not-tell"

#: Bytes of a body, where a framework has a bound for it.
MAX_UPLOAD = 4_000_000

JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
HTML = ("Content-Type", "text/html; charset=utf-8")


@dataclass(frozen=True)
class Sent:
    """What a route gets to see of the request."""

    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What a route wants to be sent; each stack makes its framework's response of it."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (TEXT,)
    cookies: tuple[tuple[str, str], ...] = ()
    #: Sent instead of the body, one by one; an exception among them is raised in its turn.
    chunks: Iterable[bytes | Exception] | None = None
    #: Seconds to wait (as the stack waits) before ``then`` gives the real answer.
    pause: float = 0
    then: Callable[[], Answer] = lambda: Answer()  # noqa: PLW0108 - not defined yet


# --- the application's own errors ----------------------------------------------------------------


class QuotaExceededError(errorshape.APIError):
    """The workspace has used up its quota."""

    code = "quota_exceeded"
    status = 403
    message = "Quota exceeded."


class OutOfStockError(Exception):
    """Registered with ``translate``: becomes a ConflictError."""


class NoSuchRowError(Exception):
    """Registered with ``translate``: a function makes an APIError of it."""


class HandledError(Exception):
    """The application has its own handler for it, where the framework knows handlers."""


class HandlerFailsError(Exception):
    """The application has a handler for it, which fails with ``failure``."""

    def __init__(self, kind: str) -> None:
        self.failure = {
            "crashes": lambda: RuntimeError(SECRET),
            "refuses": lambda: errorshape.ForbiddenError("Not from there."),
        }[kind]()


OPTIONS: dict[str, Any] = {
    "catalog": errorshape.STANDARD.extend(QuotaExceededError),
    "translate": {
        OutOfStockError: errorshape.ConflictError,
        NoSuchRowError: lambda exc: errorshape.NotFoundError(details={"row": "7"}),
    },
}

#: What the application's own handler answers.
HANDLED = Answer(b'{"mine":true}', 418, (JSON,))


# --- answers -------------------------------------------------------------------------------------


def ok(sent: Sent) -> Answer:
    return Answer(b"ok")


def created(sent: Sent) -> Answer:
    return Answer(b'{"id":"iss_1"}', 201, (JSON, ("Location", "/issues/iss_1")))


def redirect(sent: Sent) -> Answer:
    return Answer(b"", 302, (TEXT, ("Location", "/elsewhere")))


def no_content(sent: Sent) -> Answer:
    return Answer(b"", 204, ())


def not_modified(sent: Sent) -> Answer:
    return Answer(b"", 304, (("ETag", '"v1"'),))


def own_request_id(sent: Sent) -> Answer:
    return Answer(b"ok", 200, (TEXT, ("X-Request-Id", "the-application's-own")))


def expose(sent: Sent, kind: str) -> Answer:
    value = {"another": "X-Total", "already": "X-Total, x-request-id"}[kind]
    return Answer(b"ok", 200, (TEXT, ("Access-Control-Expose-Headers", value)))


def whoami(sent: Sent) -> Answer:
    return Answer((errorshape.trace_id() or "nobody").encode())


def logs(sent: Sent) -> Answer:
    log.info("plain")
    log.warning("with extra", extra={"trace_id": "mine"})
    logging.getLogger("some.library").debug("from a library")
    return Answer(b"ok")


def pause(sent: Sent, tag: str) -> Answer:
    """Log, wait while other requests run, log again, and tell the trace id."""
    log.info("before %s", tag)

    def then() -> Answer:
        log.info("after %s", tag)
        return Answer((errorshape.trace_id() or "nobody").encode())

    return Answer(pause=0.01, then=then)


def fence(sent: Sent, tag: str) -> Answer:
    """Mark a place in the log: all that earlier requests have logged stands before it."""
    log.info("fence %s", tag)
    return Answer(b"ok")


# --- errors --------------------------------------------------------------------------------------


def error(sent: Sent, code: str) -> Answer:
    raise OPTIONS["catalog"][code]


def details(sent: Sent) -> Answer:
    raise errorshape.NotFoundError("Issue iss_01abc123 not found", details={"id": "iss_01abc123"})


class _Lazy:
    """As translated strings are: the text is made when it is asked for."""

    def __str__(self) -> str:
        return "later"


class _Text(str):
    """As Django's SafeString or DRF's ErrorDetail are."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not this"


class _Hostile:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)

    __repr__ = __str__


def _cycle() -> list[Any]:
    cycle: list[Any] = []
    cycle.append(cycle)
    return cycle


#: What an application may have put into an error by mistake.
ODD_VALUES: dict[str, Any] = {
    "str-subclass": _Text("text"),
    "lazy": _Lazy(),
    "lone-surrogate": "a\ud800b",
    "bytes": b"caf\xc3\xa9 \xff",
    "nan": float("nan"),
    "cycle": _cycle(),
    "none": None,
    "object": object(),
    "hostile": _Hostile(),
    "nested": {"a": {"b": [1, 2.5, None, True]}},
    "enum": Enum("Colour", "RED").RED,  # type: ignore[attr-defined]
    "exception": ValueError("odd"),
}


def odd_details(sent: Sent, kind: str) -> Answer:
    raise errorshape.ConflictError("odd", details={"value": ODD_VALUES[kind]})


def odd_message(sent: Sent, kind: str) -> Answer:
    raise errorshape.ConflictError(ODD_VALUES[kind])


def odd_keys(sent: Sent) -> Answer:
    keys = {1: "int", None: "none", b"b": "bytes", (1, 2): "tuple", _Text("sub"): "subclass"}
    raise errorshape.ConflictError("odd", details=keys)


def not_ascii(sent: Sent) -> Answer:
    raise errorshape.ConflictError("Größe 10 € \N{SNOWMAN}", details={"naïve": "日本語"})


def too_much(sent: Sent, kind: str) -> Answer:
    if kind == "message":
        raise errorshape.ConflictError("m" * 5_000)
    if kind == "value":
        raise errorshape.ConflictError("short", details={"field": "v" * 5_000})
    if kind == "entries":
        raise errorshape.ConflictError("short", details={f"field{n}": "no" for n in range(500)})
    everything = {f"field{n}": "\N{SNOWMAN}" * 5_000 for n in range(500)}
    raise errorshape.ConflictError("\N{SNOWMAN}" * 5_000, details=everything)


def undocumented(sent: Sent, code: str) -> Answer:
    raise type("UndocumentedError", (errorshape.APIError,), {"code": code, "status": 409})("Odd.")


def translated(sent: Sent, kind: str) -> Answer:
    raise {"class": OutOfStockError, "function": NoSuchRowError}[kind](SECRET)


def handled(sent: Sent) -> Answer:
    raise HandledError


def handler(sent: Sent, kind: str) -> Answer:
    raise HandlerFailsError(kind)


def fail_in(hook: str, path: str) -> None:
    """Fail in a hook of the framework, if the path is of a request for that; see OWN_ROUTES."""
    if path.endswith(f"/hook/{hook}"):
        raise RuntimeError(SECRET)
    if path.endswith(f"/hook/{hook}-refuses"):
        raise errorshape.ForbiddenError("Not from there.", details={"hook": hook})


def crash(sent: Sent) -> Answer:
    raise RuntimeError(SECRET)


def crash_otherwise(sent: Sent) -> Answer:
    return Answer({}[SECRET])


def caused(sent: Sent) -> Answer:
    try:
        raise ValueError(SECRET)
    except ValueError as exc:
        raise errorshape.ServiceUnavailableError("Try again later.") from exc


#: Groups by what is in them.
GROUPS: dict[str, Callable[[], Exception]] = {
    "crash": lambda: ExceptionGroup("g", [RuntimeError(SECRET)]),
    "error": lambda: ExceptionGroup("g", [errorshape.NotFoundError()]),
    "translated": lambda: ExceptionGroup("g", [OutOfStockError()]),
    "nested": lambda: ExceptionGroup("g", [ExceptionGroup("h", [errorshape.GoneError()])]),
    "two": lambda: ExceptionGroup("g", [errorshape.NotFoundError(), RuntimeError(SECRET)]),
}


def group(sent: Sent, kind: str) -> Answer:
    raise GROUPS[kind]()


#: What is no business of an error layer.
NOT_OURS = {
    "CancelledError": asyncio.CancelledError,
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": SystemExit,
    "GeneratorExit": GeneratorExit,
}


def not_ours(sent: Sent, kind: str) -> Answer:
    raise NOT_OURS[kind]


class _Hour:
    """The point in time that the replies are compared with."""

    moment = datetime(2040, 10, 21, 7, 28, tzinfo=UTC)
    http_date = "Sun, 21 Oct 2040 07:28:00 GMT"


HOUR = _Hour


def retry(sent: Sent, kind: str) -> Answer:
    raise {
        "none": errorshape.RateLimitedError,
        "zero": lambda: errorshape.RateLimitedError(retry_after=0),
        "seconds": lambda: errorshape.RateLimitedError(retry_after=30),
        "date": lambda: errorshape.RateLimitedError(retry_after=HOUR.moment),
        "503": errorshape.ServiceUnavailableError,
        "503-seconds": lambda: errorshape.ServiceUnavailableError(retry_after=120),
        "503-header": lambda: errorshape.ServiceUnavailableError(headers={"Retry-After": "7"}),
    }[kind]()


def challenge(sent: Sent, kind: str) -> Answer:
    raise {
        "scheme": lambda: errorshape.UnauthorizedError(scheme="Basic"),
        "header": lambda: errorshape.UnauthorizedError(
            headers={"WWW-Authenticate": 'DPoP algs="ES256"'}
        ),
        "control": lambda: errorshape.UnauthorizedError(scheme="Basic\r\nX-Injected: yes"),
    }[kind]()


#: Headers that an application may have put on an error by mistake.
ODD_HEADERS: dict[str, list[tuple[Any, Any]]] = {
    "control": [("X-Odd", "a\r\nX-Injected: b\x00c\x1fd\x7fe~")],
    "name": [("bad name", "x"), ("X-Kept", "yes")],
    "snowman": [("X-Snow", "\N{SNOWMAN}"), ("X-Kept", "yes")],
    "type": [("X-Object", object()), (object(), "x"), ("X-Kept", "yes")],
    "ours": [
        ("Content-Length", "3"),
        ("Content-Type", "text/html"),
        ("X-Request-Id", "forged"),
        ("Transfer-Encoding", "chunked"),
        ("X-Kept", "yes"),
    ],
    "hop-by-hop": [("Keep-Alive", "timeout=5"), ("X-Kept", "yes")],
    "cookies": [
        ("Set-Cookie", "first=1; Path=/; HttpOnly"),
        ("Set-Cookie", "second=2; Path=/; Expires=Sun, 21 Oct 2040 07:28:00 GMT"),
    ],
}


def odd_headers(sent: Sent, kind: str) -> Answer:
    raise errorshape.ConflictError(headers=ODD_HEADERS[kind])


def error_headers(sent: Sent) -> Answer:
    raise errorshape.ForbiddenError(headers={"X-Scope": "repo:write", "Link": "</help>; rel=help"})


# --- responses that are errors already -----------------------------------------------------------

PREBUILT: dict[str, tuple[bytes, tuple[tuple[str, str], ...]]] = {
    "html": (b"<h1>broken</h1>", (HTML,)),
    "text": (b"broken", (TEXT,)),
    "empty": (b"", (("Content-Length", "0"),)),
    "empty-json": (b"", (JSON, ("Content-Length", "0"))),
    "json": (b'{"fault":"broken"}', (JSON,)),
    "problem": (b'{"title":"broken"}', (("Content-Type", "application/problem+json"),)),
    "image": (b"\x89PNG", (("Content-Type", "image/png"),)),
    "large-json": (b'{"fault":"' + b"x" * 20_000 + b'"}', (JSON,)),
    "odd-json": (b'{"error":{"code":"not_found","message":7}}', (JSON,)),
}


def prebuilt(sent: Sent, kind: str, status: str) -> Answer:
    body, headers = PREBUILT[kind]
    return Answer(body, int(status), headers)


def prebuilt_conforming(sent: Sent) -> Answer:
    error = {"code": "not_found", "message": "Mine.", "trace_id": errorshape.trace_id()}
    return Answer(msgspec.json.encode({"error": error}), 404, (JSON,))


#: Spoke of the old body.
DROPPED = {
    "Content-Encoding": "identity",
    "Content-Disposition": "attachment",
    "Content-Language": "de",
    "Content-MD5": "Q2hlY2sgSW50ZWdyaXR5IQ==",
    "ETag": '"v1"',
    "Last-Modified": "Sun, 21 Oct 2040 07:28:00 GMT",
    "Accept-Ranges": "bytes",
    "Digest": "SHA-256=4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo=",
}
#: Speak of the request or of the client.
KEPT = {
    "WWW-Authenticate": 'Basic realm="kept"',
    "Retry-After": "0",
    "Allow": "GET",
    "Vary": "Accept, Origin",
    "Access-Control-Allow-Origin": "https://example.org",
    "Access-Control-Allow-Credentials": "true",
    "X-Application": "kept",
}


def prebuilt_headers(sent: Sent, status: str) -> Answer:
    headers = {
        **dict([TEXT]),
        "Content-Length": "6",
        "Content-Range": "bytes */1000",
        "Cache-Control": "max-age=600",
        **DROPPED,
        **KEPT,
    }
    cookies = (("first", "1"), ("second", "2"))
    return Answer(b"broken", int(status), tuple(headers.items()), cookies)


def prebuilt_stream(sent: Sent, kind: str, status: str) -> Answer:
    """Sent in parts; the first is empty, as of a template that has not got far."""
    body, headers = PREBUILT[kind]
    cookies = (("first", "1"), ("second", "2"))
    return Answer(b"", int(status), headers, cookies, chunks=(b"", body[:5], body[5:]))


# --- streams -------------------------------------------------------------------------------------

STREAMS: dict[str, tuple[bytes | Exception, ...]] = {
    "good": (b"first,", b"second"),
    "empty-first": (b"", b"first,", b"", b"second"),
    "nothing": (),
    "fails-early": (RuntimeError(SECRET),),
    "fails-early-known": (errorshape.ConflictError("Too late? Not yet."),),
    "fails-late": (b"first,", RuntimeError(SECRET)),
    "fails-late-known": (b"first,", errorshape.ConflictError("Too late.")),
}


def stream(sent: Sent, kind: str) -> Answer:
    return Answer(chunks=STREAMS[kind])


class Chunks:
    """A WSGI iterable: iterated once, closed once, which it logs."""

    def __init__(self, chunks: Iterable[bytes | Exception]) -> None:
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return _give(next(self._chunks))

    def close(self) -> None:
        log.info("stream closed")
        _close(self._chunks)


async def chunks_async(chunks: Iterable[bytes | Exception]) -> AsyncIterator[bytes]:
    """Yield the same asynchronously; the end, however it comes, is logged."""
    try:
        for chunk in chunks:
            await asyncio.sleep(0)
            yield _give(chunk)
    finally:
        log.info("stream closed")
        _close(chunks)


def _close(chunks: Any) -> None:
    if hasattr(chunks, "close"):  # a sweep's own, which can fail
        chunks.close()


def _give(chunk: bytes | Exception) -> bytes:
    if isinstance(chunk, Exception):
        # Raised once for each request that asks: what an earlier one left on it is taken off.
        raise chunk.with_traceback(None)
    return chunk


#: What ``/planned`` does: a sweep sets it, in process, before each of its requests.
plan: Callable[[], Answer] = Answer


def planned(sent: Sent) -> Answer:
    return plan()


# --- validation ----------------------------------------------------------------------------------


class Plan(Enum):
    FREE = "free"
    PAID = "paid"


class Tag(msgspec.Struct):
    name: str


class Config(msgspec.Struct):
    api_key: str


class Connector(msgspec.Struct):
    config: Config


class NewConnector(msgspec.Struct):
    connector: Connector
    tags: list[Tag] = []
    labels: dict[str, int] = {}
    plan: Plan = Plan.FREE


def validate(sent: Sent) -> Answer:
    with errorshape.validating():
        msgspec.json.decode(sent.body, type=NewConnector)
    return Answer(b"ok")


def parse(sent: Sent) -> Answer:
    with errorshape.validating():
        json.loads(sent.body)
    return Answer(b"ok")


# --- WebSockets ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Connection:
    """What every framework can do with a WebSocket, by whatever name."""

    accept: Callable[[], Awaitable[Any]]
    send: Callable[[str], Awaitable[Any]]
    receive: Callable[[], Awaitable[Any]]
    close: Callable[[], Awaitable[Any]]


async def _silence(connection: Connection) -> None:
    """Say nothing."""


#: What ``/ws/planned`` does: a sweep sets it before each of its connections.
talk: Callable[[Connection], Awaitable[None]] = _silence


async def planned_websocket(connection: Connection) -> None:
    """Do what is planned."""
    await talk(connection)


def websocket(kind: str) -> None:
    """End a connection to ``/ws/<kind>``: ``refused`` before it is accepted, or a ``crash``."""
    if kind == "refused":
        raise errorshape.ForbiddenError("Not you.")
    raise RuntimeError(SECRET)


#: Pattern (as Flask, Django and werkzeug write it) and method of each route.
ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("ok", "GET", ok),
    ("created", "GET", created),
    ("redirect", "GET", redirect),
    ("no-content", "GET", no_content),
    ("not-modified", "GET", not_modified),
    ("own-request-id", "GET", own_request_id),
    ("expose/<kind>", "GET", expose),
    ("whoami", "GET", whoami),
    ("log", "GET", logs),
    ("pause/<tag>", "GET", pause),
    ("fence/<tag>", "GET", fence),
    ("error/<code>", "GET", error),
    ("details", "GET", details),
    ("odd-details/<kind>", "GET", odd_details),
    ("odd-message/<kind>", "GET", odd_message),
    ("odd-keys", "GET", odd_keys),
    ("not-ascii", "GET", not_ascii),
    ("too-much/<kind>", "GET", too_much),
    ("unknown-code/<code>", "GET", undocumented),
    ("translated/<kind>", "GET", translated),
    ("crash", "GET", crash),
    ("crash-otherwise", "GET", crash_otherwise),
    ("caused", "GET", caused),
    ("group/<kind>", "GET", group),
    ("not-ours/<kind>", "GET", not_ours),
    ("retry/<kind>", "GET", retry),
    ("challenge/<kind>", "GET", challenge),
    ("odd-headers/<kind>", "GET", odd_headers),
    ("error-headers", "GET", error_headers),
    ("prebuilt/<kind>/<status>", "GET", prebuilt),
    ("prebuilt-stream/<kind>/<status>", "GET", prebuilt_stream),
    ("prebuilt-conforming", "GET", prebuilt_conforming),
    ("prebuilt-headers/<status>", "GET", prebuilt_headers),
    ("stream/<kind>", "GET", stream),
    ("handled", "GET", handled),
    ("handler/<kind>", "GET", handler),
    ("planned", "GET", planned),
    ("validate", "POST", validate),
)

#: ``/native/<kind>``: the framework's own HTTP exceptions, of which NATIVE in each stack's module
#: is the list; ``/hook/<kind>``: a crash in each of the framework's hooks, of which HOOKS is the
#: list, and ``/hook/<kind>-refuses``: an APIError there; ``/json``: a body that is parsed as each
#: framework does, or by hand where it leaves that to the application; ``/upload`` and
#: ``/urlencoded``: forms.
OWN_ROUTES = ("native/<kind>", "hook/<kind>", "json", "upload", "urlencoded")
