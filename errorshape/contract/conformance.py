"""Whether one response keeps the contract, and how to mend it where it does not.

Knows no client and no framework: what is judged is an :class:`Answer`. The probe, the assertions of
:mod:`errorshape.testing` and the schemathesis check all go by this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from ..core import body as wire
from ..core.catalog import STANDARD, Catalog, is_code
from ..core.headers import PROBLEM, is_json, media_type_of
from ..core.problem import Problem
from ..trace.ids import is_trace_id
from .reference import status_of

WRAP = "wrap the application in errorshape's middleware, outermost"

#: How to mend a breach, by its rule; a sentence each.
REMEDIES = {
    "no-trace-id": f"Put the id on every response: {WRAP}, so that nothing answers around it.",
    "trace-id-twice": "Leave the header to errorshape: something else (a proxy, another"
    " middleware) adds it as well.",
    "trace-id-form": "An id has 1 to 128 characters of A-Z a-z 0-9 . _ ~ + / = : @ -; let"
    " errorshape make it, or have generate= return such.",
    "not-json": f"Whoever answers here is outside of errorshape: {WRAP}, or have the proxy in front"
    " answer in the shape.",
    "not-the-shape": 'Raise an APIError in place of a body of your own, or set reshape="all".',
    "problem-status": "Leave the member status to errorshape: it is the response's own (RFC 9457"
    " §3.1.2).",
    "no-vary": "Send Vary: Accept with a form that the client chose (RFC 9110 §12.5.5); something"
    " removes or replaces it.",
    "trace-id-differs": "Take the id for the body from errorshape.trace_id(), and do not hand on"
    " the body of another service as your own.",
    "code-form": "A code is a lower-case letter followed by lower-case letters, digits and"
    " underscores.",
    "status-of-code": "Raise the class of that code and leave its status alone, or document another"
    " code.",
    "undocumented-code": "Add the class of that code to the catalogue with extend().",
    "undocumented-status": "Document it: responses(…) on the operation, or complete() the document,"
    " which adds a default.",
    "too-large": "Keep a body under 16 KiB: errorshape cuts what is longer, so let it encode the"
    " body.",
    "content-length": "Do not change the body after errorshape has made it (compression belongs"
    " outside of it).",
    "cacheable": "Send Cache-Control: no-store with every error, as errorshape does; something"
    " removes or replaces it.",
    "no-challenge": "Send WWW-Authenticate with a 401 (RFC 9110 §15.5.2): raise UnauthorizedError.",
    "no-retry-after": "Send Retry-After with a 429: raise RateLimitedError(retry_after=seconds).",
    "no-allow": "Send Allow with a 405 (RFC 9110 §15.5.6): raise MethodNotAllowedError("
    'headers={"Allow": …}).',
    "leak": "Switch the framework's debug mode off: no client may see a traceback.",
    "head-body": "Send no body after HEAD (RFC 9110 §9.3.2).",
    "head-differs": "Answer HEAD as GET is answered (RFC 9110 §9.3.2).",
    "id-ignored": "Take over a valid X-Request-Id (trust_inbound=True), or check with --edge if"
    " ids from outside are refused on purpose.",
    "id-echoed": "Accept only [A-Za-z0-9._~+/=:@-]{1,128}, once, as an id, and make a fresh one"
    " for anything else.",
    "traceparent-ignored": "Take the trace-id of a valid traceparent (traceparent=True), or check"
    " with --edge.",
    "ids-repeated": "Make a fresh id for each request; this one is kept from request to request.",
    "ids-mixed": "Keep the id in a context variable or in the request, never in a global.",
    "malformed-accepted": "Refuse a body that is no JSON with 400 validation_error.",
    "malformed-status": "Answer a body that cannot be read with 400 validation_error: decode it"
    " inside errorshape.validating().",
    "crash": "A request that anyone can send must not be a 5xx: find the traceback in the logs"
    " by its trace id.",
    "no-answer": f"Answer every request: {WRAP}, which turns a failure into a 500.",
}  # fmt: skip


_PROBLEM_MEMBERS = {
    "code": "code",
    "detail": "message",
    "trace_id": "trace_id",
    "details": "details",
}


class Answer(msgspec.Struct, frozen=True):
    """A response, whoever has received it; header names are in any case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    method: str = "GET"

    def all(self, name: str) -> list[str]:
        """Return the values of every header of this name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """Return the first value of a header, None if it is not there."""
        return next(iter(self.all(name)), None)

    @property
    def is_bare(self) -> bool:
        """Whether it has no body by its nature (RFC 9110 §6.4.1)."""
        return self.method == "HEAD" or self.status in (204, 304)

    @property
    def error(self) -> dict[str, Any]:
        """What is under the key ``error`` of a JSON body, ``{}`` if there is no such thing.

        The same of ``application/problem+json``, whose ``detail`` is the message.
        """
        try:
            whole = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        if not isinstance(whole, dict):
            return {}
        if media_type_of(self.headers) == PROBLEM:
            return {
                name: whole[member] for member, name in _PROBLEM_MEMBERS.items() if member in whole
            }
        error = whole.get("error")
        return error if isinstance(error, dict) else {}


class Breach(NamedTuple):
    """Something that does not keep the contract: the rule, what is wrong, how to mend it."""

    rule: str
    what: str

    @property
    def remedy(self) -> str:
        """One sentence."""
        return REMEDIES[self.rule]


def breaches(
    answer: Answer,
    *,
    catalog: Catalog = STANDARD,
    own_codes: bool = True,
    trace_header: str = "X-Request-Id",
) -> Iterator[Breach]:
    """Say what in ``answer`` does not keep the contract.

    ``own_codes`` allows codes that are not in ``catalog``: those of a service whose catalogue one
    does not have.
    """
    yield from _id_breaches(answer, trace_header)
    if answer.status < 400:
        return
    yield from _header_breaches(answer)
    if answer.method == "HEAD":
        if answer.body:
            yield Breach("head-body", f"there are {len(answer.body)} bytes of body after HEAD")
        if not _is_json(answer):
            yield Breach("not-json", f"Content-Type is {answer.get('Content-Type')!r}")
        return
    yield from _body_breaches(answer, catalog, own_codes, trace_header)


def _id_breaches(answer: Answer, trace_header: str) -> Iterator[Breach]:
    ids = answer.all(trace_header)
    if not ids:
        yield Breach("no-trace-id", f"there is no {trace_header}")
    elif len(ids) > 1:
        yield Breach("trace-id-twice", f"there are {len(ids)} {trace_header}")
    elif not is_trace_id(ids[0]):
        yield Breach("trace-id-form", f"{trace_header} is {shortened(ids[0])}")


def _header_breaches(answer: Answer) -> Iterator[Breach]:
    needed = {
        401: ("no-challenge", "WWW-Authenticate"),
        405: ("no-allow", "Allow"),
        429: ("no-retry-after", "Retry-After"),
    }
    if answer.status in needed:
        rule, name = needed[answer.status]
        if answer.get(name) is None:
            yield Breach(rule, f"a {answer.status} without {name}")
    if not re.search(r"\bno-store\b", ",".join(answer.all("Cache-Control"))):
        yield Breach("cacheable", f"Cache-Control is {answer.get('Cache-Control')!r}")
    length = answer.get("Content-Length")
    # A client hands on the body without its encoding, and the length with it.
    whole = not (answer.is_bare or answer.get("Content-Encoding"))
    if length is not None and whole and length != str(len(answer.body)):
        yield Breach("content-length", f"Content-Length is {length}, the body {len(answer.body)}")


def _body_breaches(
    answer: Answer, catalog: Catalog, own_codes: bool, trace_header: str
) -> Iterator[Breach]:
    if b"Traceback (most recent call last)" in answer.body:
        yield Breach("leak", "a traceback is in the body")
    if len(answer.body) > wire.MAX_BODY:
        yield Breach("too-large", f"the body has {len(answer.body)} bytes")
    if not _is_json(answer):
        kind = answer.get("Content-Type")
        yield Breach("not-json", f"the body is {kind!r}: {shortened(answer.body)}")
        return
    decoded: wire.Error | Problem
    try:
        if media_type_of(answer.headers) == PROBLEM:
            decoded = msgspec.json.decode(answer.body, type=Problem)
        else:
            decoded = msgspec.json.decode(answer.body, type=wire.Envelope).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        code = answer.error.get("code")
        if isinstance(code, str) and not is_code(code):
            yield Breach("code-form", f"code is {shortened(code)}")
        else:
            reason = str(exc).replace("`", "")
            yield Breach("not-the-shape", f"{reason}: {shortened(answer.body)}")
        return
    if isinstance(decoded, Problem):
        yield from _problem_breaches(answer, decoded)
    if answer.get(trace_header) not in (None, decoded.trace_id):
        what = f"trace_id is {shortened(decoded.trace_id)}, {trace_header} another"
        yield Breach("trace-id-differs", what)
    entry = catalog.get(decoded.code)
    if entry is None:
        if not own_codes:
            yield Breach("undocumented-code", f"{decoded.code} is not in the catalogue")
    elif not _fits(answer.status, status_of(entry)):
        what = f"{decoded.code} came with {answer.status}, its status is {status_of(entry)}"
        yield Breach("status-of-code", what)


def _problem_breaches(answer: Answer, problem: Problem) -> Iterator[Breach]:
    if problem.status != answer.status:
        yield Breach("problem-status", f"status is {problem.status}, that of HTTP {answer.status}")
    varies = ",".join(answer.all("Vary")).lower()
    if not {"accept", "*"} & {name.strip() for name in varies.split(",")}:
        yield Breach("no-vary", f"Vary is {answer.get('Vary')!r}")


def _fits(status: int, wanted: str) -> bool:
    return wanted in (str(status), f"{status // 100}xx")


def _is_json(answer: Answer) -> bool:
    return is_json(media_type_of(answer.headers))


def shortened(value: bytes | str) -> str:
    """Return a text for one line of a report: quoted, escaped, at most 80 characters."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    text = " ".join(text.split())
    return repr(text if len(text) <= 80 else f"{text[:79]}…")
