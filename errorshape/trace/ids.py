"""What counts as a trace id, and how a fresh one is made (CONTRACT §4)."""

from __future__ import annotations

import os

# An inbound id is one header, [A-Za-z0-9._~+/=:@-]{1,128}, full match. Any other byte is mapped to
# one that is no ASCII, which costs a third of a regular expression, and half of stripping those
# that are allowed.
ALLOWED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=:@-"
MAX_LENGTH = 128
_REVEALED = bytes(byte if byte in ALLOWED else 0xFF for byte in range(256))


def is_trace_id(value: str) -> bool:
    """Whether ``value`` is 1 to 128 characters of ``[A-Za-z0-9._~+/=:@-]``."""
    if not 0 < len(value) <= MAX_LENGTH or not value.isascii():
        return False
    # What the next function does, whose call would cost as much again.
    return value.encode().translate(_REVEALED).isascii()


def is_trace_id_in_bytes(value: bytes) -> bool:
    """Whether ``value`` is 1 to 128 bytes of ``[A-Za-z0-9._~+/=:@-]``."""
    return 0 < len(value) <= MAX_LENGTH and value.translate(_REVEALED).isascii()


_BATCH = 128
_FORM = b"________-____-4___-____-____________"
_VARIANT = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)
_pool: list[str] = []


def new_trace_id() -> str:
    """Return a fresh random UUID (version 4) in its canonical text form (RFC 9562 §5.4).

    Drawn from the operating system's generator, since ids must be unique over machines and forks.
    """
    try:
        return _pool.pop()  # atomic, so two threads never get the same one
    except IndexError:
        ids = _batch()
        first = ids.pop()
        _pool.extend(ids)
        return first


def new_trace_hex() -> str:
    """Return a fresh W3C trace-id: 32 hex digits, all of them random, not all of them zero.

    A UUID would not do where OpenTelemetry samples by the last 16 digits: two bits of them say
    what kind of UUID it is.
    """
    return f"{int.from_bytes(os.urandom(16)) or 1:032x}"


def _batch() -> list[str]:
    """Make many ids at once, each step of it for all of them: half of one after the other."""
    digits = os.urandom(16 * _BATCH).hex().encode()
    text = bytearray(_FORM * _BATCH)
    width = len(_FORM)
    for source, target in enumerate(at for at, mark in enumerate(_FORM) if mark == ord("_")):
        column = digits[source::32]
        text[target::width] = column.translate(_VARIANT) if target == 19 else column
    whole = text.decode()
    return [whole[start : start + width] for start in range(0, len(whole), width)]


# A child process must not hand out the ids that its parent has in store.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)
