"""CONTRACT §6, and what §1, §3 and §4 say of every response, as one function."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from errorshape import STANDARD
from tests.faults.ledger import ANSWERS, Seen, Told
from tests.stacks.script import SECRET

#: Headers that every response may have and that say nothing about the application's.
_SERVERS_OWN = {"x-request-id"}


def violations(told: Told, seen: Seen) -> list[str]:
    """Return every promise of the contract that was broken, in words; none if all were kept."""
    broken = _of_every_request(told, seen)
    if seen.refused is None or told.raised is not None:
        broken += [f"protocol: {rule}" for rule in seen.violations]
    if told.unwatched and told.reshaped is None:
        return broken
    if seen.refused_answer is not None:
        broken += _answer_refused(told, seen)
    elif told.raised is not None and not isinstance(told.raised, Exception):
        broken += _passed_through(told, seen)
    elif seen.refused is not None and not isinstance(seen.refused, Exception):
        broken += _cut(told, seen) if seen.raised is not None else []
    elif seen.gone:
        broken += _gone(told, seen)
    elif seen.refused is not None:
        broken += _refused(told, seen)
    elif told.raised is not None or told.breach or not (told.finished or _was_replaced(told, seen)):
        broken += _failed(told, seen)
    else:
        broken += _fine(told, seen)
    return broken


# --- whatever happens -----------------------------------------------------------------------------


def _of_every_request(told: Told, seen: Seen) -> list[str]:
    broken = []
    if SECRET in repr((seen.headers, seen.body)):
        broken.append("§5: the secret is in the response")
    if seen.status is not None:
        ids = [value for name, value in seen.headers if name.lower() == "x-request-id"]
        if ids != [seen.trace_id]:
            broken.append(f"§3: X-Request-Id is {ids}, not once {seen.trace_id}")
        bare = told.method == "HEAD" or seen.status in (204, 304)
        if bare and seen.body:
            broken.append(f"§6: a body for {told.method} {seen.status}")
    if told.closed not in (None, 1):
        broken.append(f"PEP 3333: close() was called {told.closed} times")
    if seen.left_behind is not None:
        broken.append(f"§4: {seen.left_behind} is left behind in the context")
    for record in seen.records:
        expected = {seen.trace_id, "-"} if record.is_of_server else {seen.trace_id}
        if record.trace_id not in expected:
            broken.append(f"§4: a record has {record.trace_id}: {record.message}")
    if told.raised_by_close is not None and not _is_told_of(told.raised_by_close, seen):
        broken.append("§6: what close() raised is neither logged nor raised")
    return broken


def _is_told_of(exc: BaseException, seen: Seen) -> bool:
    if not isinstance(exc, Exception):
        return seen.raised is exc
    return any(r.level >= logging.ERROR and type(exc).__name__ in r.traceback for r in seen.records)


# --- the five ends of a request -------------------------------------------------------------------


def _fine(told: Told, seen: Seen) -> list[str]:
    """§6: what is no error is never changed but for the one header; §5.5 for finished errors."""
    broken = []
    if told.raised_by_close is None:
        if seen.raised is not None:
            broken.append(f"raised for a response that is fine: {seen.raised!r}")
        if told.status is not None and told.status < 500:
            broken += _logged(seen, 0)
    if told.opaque:
        return broken
    if not seen.complete and told.raised_by_close is None:
        broken.append("the response is not complete")
    if told.reshaped is not None:
        return broken + _shaped(told, seen, told.status or 0, told.reshaped)
    if seen.status != told.status:
        broken.append(f"status {seen.status}, not {told.status}")
    if not (told.method == "HEAD" or told.status in (204, 304)) and seen.body != told.body:
        broken.append(f"body {seen.body[:50]!r}, not {told.body[:50]!r}")
    kept = _own(seen.headers)
    missing = [pair for pair in _own(told.headers) if pair not in kept]
    if told.framework:  # has its own way to write a media type
        missing = [(name, value) for name, value in missing if name != "content-type"]
    if told.method == "HEAD" and (told.status or 0) >= 400:  # GET's may be another's length
        missing = [(name, value) for name, value in missing if name != "content-length"]
    if missing:
        broken.append(f"headers are lost: {missing}")
    return broken


def _failed(told: Told, seen: Seen) -> list[str]:
    """§6: a proper error before the first byte of the body, a cut after it."""
    broken = []
    if told.too_late:
        broken += _cut(told, seen)
        wanted = told.raised
        if wanted is not None and not (_same(told, seen) or _was_answered(told, seen)):
            broken.append(f"§6: raised {seen.raised!r}, not {wanted!r}")
        if not told.finished and seen.raised is None and told.reshaped is None:
            broken.append("§6: the server was not told that the response is broken")
        quiet = _was_answered(told, seen) and answer_to(wanted)[0] < 500
        if told.framework and isinstance(wanted, OSError) and _was_answered(told, seen):
            return broken  # a framework may take it for a client that is gone
        return broken + _logged(seen, 0 if quiet else 1, told)
    if told.raised_by_close is None and seen.raised is not None:
        broken.append(f"§5: raised though it could be answered: {seen.raised!r}")
    if not seen.complete and told.raised_by_close is None:
        broken.append("§6: the answer is not complete")
    status, code = answer_to(told.raised)
    broken += _shaped(told, seen, status, code)
    return broken + _logged(seen, 1 if status >= 500 else 0, told)


def _cut(told: Told, seen: Seen) -> list[str]:
    """§6: nothing is appended, and nothing is made complete that is not."""
    broken = []
    if told.reshaped is not None and seen.status is not None:
        return _shaped(told, seen, told.status or 0, told.reshaped) if seen.complete else []
    if told.opaque:
        return broken
    if not told.body.startswith(seen.body):
        broken.append(f"§6: appended: {seen.body!r} is not of {told.body!r}")
    if seen.complete and not told.finished:
        broken.append("§6: a broken response was made complete")
    if seen.status is not None and seen.status != told.status:
        broken.append(f"status {seen.status}, not {told.status}")
    return broken


def _passed_through(told: Told, seen: Seen) -> list[str]:
    """§5: BaseExceptions that are no Exceptions pass through unchanged."""
    broken = _cut(told, seen)
    if not _same(told, seen):
        broken.append(f"§5: raised {seen.raised!r}, not {told.raised!r}")
    if not told.too_late and seen.status is not None:
        broken.append(f"§5: {seen.status} was sent for {type(told.raised).__name__}")
    if any(r.level >= logging.WARNING for r in seen.records if r.logger == "errorshape"):
        broken.append(f"§5: {type(told.raised).__name__} was logged")
    return broken


def _gone(told: Told, seen: Seen) -> list[str]:
    """§6: a client that has gone away is not an error."""
    broken = (
        [] if not seen.complete or told.finished else ["§6: completed for a client that is gone"]
    )
    if told.raised is None or isinstance(told.raised, OSError):
        quiet = told.status is None or told.status < 500  # a 5xx may be logged as such
        if quiet and not told.breach and told.raised_by_close is None:
            broken += _logged(seen, 0)
    elif answer_to(told.raised) == (500, "internal_error"):  # a failure of the application's own
        broken += _logged(seen, 1, told)
    return broken


def _refused(told: Told, seen: Seen) -> list[str]:
    """A server's own failure comes back to it, unless the application has made nothing of it."""
    if told.raised is None:
        return []  # what such an application sends after it is the server's to judge
    broken = []
    if seen.raised is None and not seen.complete and not told.opaque:
        broken.append(f"{seen.refused!r} of the server was swallowed")
    if (
        not any(r.level >= logging.ERROR and not r.is_of_server for r in seen.records)
        and seen.raised is not seen.refused
    ):
        broken.append("§6: a failure of the server's was neither raised nor logged")
    return broken


def _answer_refused(told: Told, seen: Seen) -> list[str]:
    """The application's failure is on record; the server gets back what it raised itself."""
    broken = _logged(seen, 1 if answer_to(told.raised)[0] >= 500 else 0, told)
    gone = isinstance(seen.refused_answer, OSError)
    if not (seen.raised is seen.refused_answer or (gone and seen.raised is None)):
        broken.append(f"raised {seen.raised!r}, not {seen.refused_answer!r}")
    if seen.complete:
        broken.append("the answer is complete, though it was refused")
    return broken


# --- what they are made of ------------------------------------------------------------------------


def answer_to(exc: BaseException | None) -> tuple[int, str]:
    """Return status and code of the answer to a failure; None is one without an exception."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        exc = exc.exceptions[0]
    return ANSWERS.get(type(exc), (500, "internal_error"))


def _same(told: Told, seen: Seen) -> bool:
    """Whether the server got what the application raised.

    A framework may have taken a group apart (Django), put one into another (Quart), or raised another
    exception for it (Starlette, once a response has begun).
    """
    raised, wanted = seen.raised, told.raised
    groups = isinstance(raised, BaseExceptionGroup) and isinstance(wanted, BaseExceptionGroup)
    if raised is wanted or (groups and raised.exceptions == wanted.exceptions):
        return True
    return told.framework and wanted in _behind(raised)


def _behind(exc: BaseException | None) -> list[BaseException]:
    """Return an exception with its causes, its contexts and what is in them."""
    found: list[BaseException] = []
    waiting = [exc]
    while waiting:
        exc = waiting.pop()
        if exc is not None and exc not in found:
            found.append(exc)
            waiting += [exc.__cause__, exc.__context__, *getattr(exc, "exceptions", ())]
    return found


def _was_replaced(told: Told, seen: Seen) -> bool:
    # What the application still has to say is not wanted then, nor asked for.
    return told.reshaped is not None and (seen.complete or told.raised_by_close is not None)


def _was_answered(told: Told, seen: Seen) -> bool:
    # §5.4: an application that has answered with 5xx itself, and tells the server (as Starlette
    # does), has nothing cut.
    return seen.complete and told.status is not None and told.status >= 500


def _shaped(told: Told, seen: Seen, status: int, code: str) -> list[str]:
    """§1 and §3: the shape, its headers, and one id in all places."""
    broken = []
    if seen.status != status:
        broken.append(f"§2: status {seen.status}, not {status}")
    headers = {name.lower(): value for name, value in seen.headers}
    if len(headers) != len(seen.headers) and "set-cookie" not in headers:
        broken.append("§3: a header is there twice")
    expected = {"content-type": "application/json", "cache-control": "no-store"}
    for name, value in expected.items():
        if headers.get(name) != value:
            broken.append(f"§1: {name} is {headers.get(name)!r}")
    if (told.raised is not None and status == 503) and headers.get("retry-after") != "9":
        broken.append("§3: Retry-After is lost")
    length = headers.get("content-length", "")
    if not length.isdecimal() or int(length) == 0:
        broken.append(f"§1: Content-Length is {length!r}")
    if "x-stale" in headers and told.raised is not None:
        broken.append("§6: a header of the response that was given up")
    if told.method == "HEAD":
        return broken
    if length != str(len(seen.body)):
        broken.append(f"§1: Content-Length is {length}, the body has {len(seen.body)}")
    return broken + _envelope(seen, code)


def _envelope(seen: Seen, code: str) -> list[str]:
    try:
        pairs = json.loads(seen.body.decode(), object_pairs_hook=list)
        ((top, inner),) = pairs
        keys = [key for key, _ in inner]
        error: dict[str, Any] = dict(inner)
    except (ValueError, TypeError) as exc:
        return [f"§1: the body is no envelope: {seen.body[:80]!r} ({exc})"]
    broken = []
    if (
        top != "error"
        or keys[:3] != ["code", "message", "trace_id"]
        or keys[3:] not in ([], ["details"])
    ):
        broken.append(f"§1: the keys are {top}: {keys}")
    if error.get("code") != code or not re.fullmatch("[a-z][a-z0-9_]*", code):
        broken.append(f"§1: code is {error.get('code')!r}, not {code!r}")
    if error.get("trace_id") != seen.trace_id:
        broken.append(f"§1: trace_id is {error.get('trace_id')!r}, not {seen.trace_id!r}")
    if not error.get("message"):
        broken.append("§1: there is no message")
    if code == "internal_error" and error.get("message") != STANDARD[code].message:
        broken.append("§5: the message of an unexpected failure is not the constant one")
    return broken


def _logged(seen: Seen, times: int, told: Told | None = None) -> list[str]:
    """§5: once over all loggers, with the traceback, and the server's own records apart."""
    errors = [r for r in seen.records if r.level >= logging.ERROR and not r.is_of_server]
    if told is not None and isinstance(told.raised_by_close, Exception):
        times += 1
    if len(errors) != times:
        return [
            f"§5: logged {len(errors)} times at ERROR, not {times}: {[r.message for r in errors]}"
        ]
    return []


def _own(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(k.lower(), v) for k, v in headers if k.lower() not in _SERVERS_OWN]
