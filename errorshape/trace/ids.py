"""What counts as a trace id, and how a fresh one is made (CONTRACT §4)."""

from __future__ import annotations

import os

# An inbound id is one header, [A-Za-z0-9._~+/=:@-]{1,128}, full match. Stripping the allowed
# characters leaves nothing exactly when there are no others; it is a third of a regex's price.
ALLOWED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=:@-"
MAX_LENGTH = 128


def is_trace_id(value: str) -> bool:
    """Whether ``value`` is 1 to 128 characters of ``[A-Za-z0-9._~+/=:@-]``."""
    return 0 < len(value) <= MAX_LENGTH and not value.strip(ALLOWED)


_BATCH = 64
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
_pool: list[str] = []


def new_trace_id() -> str:
    """Return a fresh random UUID (version 4) in its canonical text form (RFC 9562 §5.4).

    Drawn from the operating system's generator, since ids must be unique over machines and forks.
    """
    try:
        return _pool.pop()  # atomic, so two threads never get the same one
    except IndexError:
        ids = [_canonical(digits) for digits in _cut(os.urandom(16 * _BATCH).hex())]
        first = ids.pop()
        _pool.extend(ids)
        return first


def _cut(digits: str) -> list[str]:
    return [digits[start : start + 32] for start in range(0, len(digits), 32)]


def _canonical(digits: str) -> str:
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-"
        f"{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"
    )


# A child process must not hand out the ids that its parent has in store.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)
