"""The other form of an error's body: RFC 9457, ``application/problem+json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET

from . import body as wire
from .catalog import Catalog, status_name

BLANK = "about:blank"

# RFC 9562 §4; the only ids for which there is a URI that nobody has to make up.
_is_uuid = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch


class Problem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The members of RFC 9457 §3.1, and ours (§3.2): what the envelope says is all in it."""

    type: str
    title: str
    status: int
    detail: Annotated[str, msgspec.Meta(min_length=1)]
    instance: str | msgspec.UnsetType = UNSET
    code: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    trace_id: str
    details: dict[str, str] | msgspec.UnsetType = UNSET


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Problem).decode


def encode(
    code: str,
    message: Any,
    trace_id: str,
    details: Mapping[Any, Any] | None,
    *,
    status: int,
    catalog: Catalog,
    page: str,
) -> bytes:
    """Return the body as ``bytes``, a UTF-8 JSON object of at most 16 KiB; empty if all fails.

    ``page`` is the address of the reference page, ``""`` if there is none. The bounds are those of
    the envelope (CONTRACT §1).
    """
    try:
        problem = Problem(
            type=BLANK,
            # RFC 9457 §4.2.1: of about:blank the status phrase, so that nothing is said twice.
            title=status_name(status),
            status=status,
            detail=message,
            code=code,
            trace_id=trace_id,
        )
        entry = catalog.get(code)
        if page and entry is not None:  # the page has an anchor for each code of the catalogue
            problem.type, problem.title = f"{page}#{code}", wire.text(entry.message)
        # What RFC 9110 has no name for; what an application has given no message.
        problem.title = problem.title or ("Client Error" if status < 500 else "Server Error")
        if _is_uuid(trace_id):
            problem.instance = f"urn:uuid:{trace_id}"
        if wire.is_plain(message, details):
            problem.details = details or UNSET  # type: ignore[assignment]
            try:
                body = _encode(problem)
                if len(body) <= wire.MAX_BODY:
                    return body
            except UnicodeEncodeError:  # lone surrogates
                pass
        problem.detail = wire.text(message) or wire.text(code)
        return wire.fitted(problem, problem, details)
    except Exception:
        return b""  # memory or the stack is at its end: the envelope has a constant for that


def decode(body: bytes, status: int) -> wire.Error | None:
    """Return the error in a body that :func:`encode` can have made, None for any other body."""
    try:
        problem = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if problem.status != status:
        return None
    return wire.Error(problem.code, problem.detail, problem.trace_id, problem.details)
