"""The body of an error: its structs, and an encoder that cannot fail (CONTRACT §1)."""

# No annotations from __future__: msgspec compiles each that is text, and to import this takes half
# as long again.

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET

MAX_BODY = 16 * 1024  # bytes
MAX_DETAILS = 100
MAX_TEXT = 1_000  # characters
# Bytes of a body that needs no look at its parts: no text in it can be longer, and no hundred details
# are as short as `"":"",`.
_WITHIN_ALL_BOUNDS = 600
ELLIPSIS = "…"  # ends a string, and names the entry of the details, where something was cut


class Error(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What went wrong: for programs, for people, and for whoever has to find the log lines."""

    code: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    message: Annotated[str, msgspec.Meta(min_length=1)]
    trace_id: str
    details: dict[str, str] | msgspec.UnsetType = UNSET


class Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The one shape in which every error leaves."""

    error: Error


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Envelope).decode


def encode_plain(code: str, message: Any, trace_id: str, details: Any) -> bytes:
    """Return the body of what JSON takes as it is, within all bounds; empty for anything else."""
    # All in one function: each call would cost a tenth of it. Types come first, since encoding what
    # is no text has no bound (of what a YAML document repeats, say). A short body breaks none.
    kind, plain = type, str  # local names cost half of global ones
    try:
        if kind(details) is dict:
            for key in details:  # a look-up costs less than the pairs of items()
                if kind(key) is not plain or kind(details[key]) is not plain:
                    return b""
        elif details is not None:
            return b""
        if kind(message) is plain and message:
            body = _encode(Envelope(Error(code, message, trace_id, details or UNSET)))
            if len(body) <= _WITHIN_ALL_BOUNDS or (
                len(body) <= MAX_BODY and is_plain(message, details)
            ):
                return body
    except Exception:  # lone surrogates
        return b""
    return b""


def encode(code: str, message: Any, trace_id: str, details: Mapping[Any, Any] | None) -> bytes:
    """Return the body as ``bytes``: a UTF-8 JSON object of at most 16 KiB.

    Never raises: what JSON cannot hold is made text, what is too long is cut visibly, and if all
    fails the body is a constant with the trace id.
    """
    if body := encode_plain(code, message, trace_id, details):
        return body
    try:
        return _encode_any(code, message, trace_id, details)
    except Exception:
        # Not even text(), which guards each value, got through: memory or the stack is at its end.
        return (
            b'{"error":{"code":"internal_error","message":"Internal server error.",'
            b'"trace_id":"%b"}}' % trace_id.encode("ascii", "replace")
        )


def decode(body: bytes) -> Error | None:
    """Return the error in a body that conforms to the contract, None for any other body."""
    try:
        return _decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def text(value: Any) -> str:
    """Return any value as a plain ``str`` of at most 1,000 characters that UTF-8 can encode.

    Raises nothing: a value that fails to give its text is named by its type.
    """
    try:
        if isinstance(value, str):
            plain = str.__str__(value)  # not str(): a subclass may have its own idea, or fail
        elif isinstance(value, (bytes, bytearray)):
            plain = value[: MAX_TEXT * 4].decode("utf-8", "replace")
        elif value is None or isinstance(value, (bool, Mapping, list, tuple, set, frozenset)):
            # Each item takes a character at least, so that more of them would be cut off anyway.
            plain = _encode(_bounded(value, depth=4, room=[MAX_TEXT])).decode()
        else:
            plain = str.__str__(str(value))
        if len(plain) > MAX_TEXT:
            plain = plain[: MAX_TEXT - 1] + ELLIPSIS
        try:
            plain.encode()
        except UnicodeEncodeError:
            # Surrogate pairs become the character they stand for, lone ones U+FFFD.
            plain = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return plain
    except Exception:
        return f"<{type(value).__name__}>"


def is_plain(message: Any, details: Any) -> bool:
    """Whether both are what JSON takes as it is, within the bounds of each."""
    return (
        type(message) is str
        and 0 < len(message) <= MAX_TEXT
        and (details is None or _is_plain(details))
    )


def _is_plain(details: Any) -> bool:
    if type(details) is not dict or len(details) > MAX_DETAILS:
        return False
    for key, value in details.items():
        if type(key) is not str or type(value) is not str:
            return False
        if len(key) > MAX_TEXT or len(value) > MAX_TEXT:
            return False
    return True


def _encode_any(code: str, message: Any, trace_id: str, details: Any) -> bytes:
    error = Error(code, text(message) or text(code), trace_id)
    return fitted(Envelope(error), error, details)


def fitted(whole: msgspec.Struct, part: Any, details: Any) -> bytes:
    """Return ``whole`` as JSON, with as many of the details in ``part`` as 16 KiB have room for.

    ``whole`` without details has to be smaller than that.
    """
    kept: dict[str, str] = {}
    size = len(_encode(whole))
    left_out = 0
    # Room for the entry that tells how many were left out.
    limit = MAX_BODY - len(f',"{ELLIPSIS}":"{2**63} more"'.encode())
    for taken, (name, value) in enumerate(_text_entries(details)):
        if name in kept:
            value = text(f"{kept[name]}; {value}")
            size -= len(_encode({name: kept.pop(name)}))
        size += len(_encode({name: value}))
        if size > limit or len(kept) >= MAX_DETAILS:
            left_out = max(1, len(details) - taken)  # counted, not looked at
            break
        kept[name] = value
    if left_out:
        if len(kept) >= MAX_DETAILS:
            kept.popitem()
            left_out += 1
        kept[ELLIPSIS] = f"{left_out} more"
    part.details = kept or UNSET
    return _encode(whole)


def _text_entries(details: Any) -> Iterable[tuple[str, str]]:
    """Yield the details as texts; what is no mapping is one text under ``$``."""
    if details is None:
        return
    if not isinstance(details, Mapping):
        if not _is_empty(details):
            yield "$", text(details)
        return
    try:
        for name in details:
            try:
                value = details[name]
            except Exception as exc:
                value = f"<{type(exc).__name__}>"
            yield text(name), text(value)
    except Exception as exc:  # it cannot be iterated, or not to its end
        yield "$", f"<{type(exc).__name__}>"


def _is_empty(details: Any) -> bool:
    try:
        return not details
    except Exception:
        return False  # text() makes something of it


def _bounded(value: Any, depth: int, room: list[int]) -> Any:
    """Return a container as JSON can hold it; the bounds also end cycles and depth bombs.

    ``room`` holds how many items there may still be, at whatever depth.
    """
    room[0] -= 1
    if value is None or isinstance(value, bool):
        return value
    if type(value) is int and abs(value) < 2**53:
        return value
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        if depth == 0 or room[0] <= 0:
            return ELLIPSIS
        first = [item for item, _ in zip(value, range(min(MAX_DETAILS, room[0])), strict=False)]
        more = [ELLIPSIS] if len(value) > len(first) else []
        if isinstance(value, Mapping):
            return {text(key): _bounded(value[key], depth - 1, room) for key in first} | {
                cut: cut for cut in more
            }
        return [_bounded(item, depth - 1, room) for item in first] + more
    return text(value)
