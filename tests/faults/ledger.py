"""What the two ends of one request have to say of it, whatever the protocol and the framework."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import errorshape
from tests.logs import Record
from tests.stacks.script import SECRET

# --- faults ---------------------------------------------------------------------------------------


class ClientGoneError(ConnectionResetError):
    """What a server's send raises once the client is gone: ASGI has it be an OSError."""


def _recursion() -> Exception:
    return RecursionError(SECRET)


#: What can go wrong: name → a fresh exception.
FAULTS: dict[str, Callable[[], BaseException]] = {
    "Exception": lambda: RuntimeError(SECRET),
    "APIError": lambda: errorshape.ConflictError("Taken.", details={"name": "taken"}),
    "APIError-5xx": lambda: errorshape.ServiceUnavailableError("Later.", retry_after=9),
    "OSError": lambda: OSError(5, SECRET),
    "group": lambda: ExceptionGroup(SECRET, [ValueError(SECRET), KeyError(SECRET)]),
    "group-of-one": lambda: ExceptionGroup(SECRET, [errorshape.GoneError()]),
    "RecursionError": _recursion,
    "MemoryError": lambda: MemoryError(SECRET),
    "AssertionError": lambda: AssertionError(SECRET),
    "UnicodeError": lambda: UnicodeEncodeError("ascii", f"\ud800{SECRET}", 0, 1, SECRET),
    "CancelledError": lambda: asyncio.CancelledError(SECRET),
    "KeyboardInterrupt": lambda: KeyboardInterrupt(SECRET),
    "SystemExit": lambda: SystemExit(SECRET),
    "GeneratorExit": lambda: GeneratorExit(SECRET),
}

#: What the server's side of a call can raise; "client-gone" only where it sends.
SERVER_FAULTS: dict[str, Callable[[], BaseException]] = {
    "client-gone": lambda: ClientGoneError(32, "gone"),
    "send-fails": lambda: RuntimeError(SECRET),
    "CancelledError": FAULTS["CancelledError"],
    "KeyboardInterrupt": FAULTS["KeyboardInterrupt"],
    "SystemExit": FAULTS["SystemExit"],
    "GeneratorExit": FAULTS["GeneratorExit"],
}

#: What an exception becomes where it can still be answered: class → (status, code).
ANSWERS: dict[type, tuple[int, str]] = {
    errorshape.ConflictError: (409, "conflict"),
    errorshape.ServiceUnavailableError: (503, "service_unavailable"),
    errorshape.GoneError: (410, "gone"),
}


# --- the two ends ---------------------------------------------------------------------------------


@dataclass
class Told:
    """What the application did, noted between it and the layer."""

    method: str = "GET"
    #: Of its response, once it has begun one.
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    #: All of the body that it has handed over.
    body: bytes = b""
    #: It has handed over what the layer must let through: a part of the body that is not held
    #: back, or the start of an event stream.
    too_late: bool = False
    #: Its response is whole.
    finished: bool = False
    #: It has broken the protocol (two starts, a body before the start or after the end).
    breach: bool = False
    #: What came out of it in the end.
    raised: BaseException | None = None
    #: Raised by its ``close()``.
    raised_by_close: BaseException | None = None
    #: How often its iterable was closed; None if that has no ``close()``, or it made none.
    closed: int | None = None
    #: What an error response of its own becomes: None stays, otherwise the code of the shape.
    reshaped: str | None = None
    #: It has ended, in whatever way.
    over: bool = False
    #: It hands the server a file: its body is not known here.
    opaque: bool = False
    #: A framework is between it and the layer, and may raise another exception for its own.
    framework: bool = False
    #: It has returned the server's own file wrapper, after which no layer is asked any more.
    unwatched: bool = False


@dataclass
class Seen:
    """What the server saw, and what was logged meanwhile."""

    trace_id: str
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = False
    raised: BaseException | None = None
    violations: list[str] = field(default_factory=list)
    #: It has said that the client is gone, before the application ended.
    gone: bool = False
    #: What it raised into the application by itself, other than that the client is gone.
    refused: BaseException | None = None
    #: What it raised when the application was over, and errorshape sent an answer.
    refused_answer: BaseException | None = None
    records: list[Record] = field(default_factory=list)
    #: What the context variable held when all was over; None on ASGI, where it may stay.
    left_behind: str | None = None
