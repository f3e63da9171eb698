"""Whether a framework is as new as its adapter needs it."""

from __future__ import annotations


def is_older(found: str, needed: tuple[int, ...]) -> bool:
    """Whether a version (``"3.1.2"``, ``"3.2rc1"``) comes before ``needed``, as ``(3, 1)``."""
    numbers = "".join(char if char.isdecimal() else " " for char in found).split()
    return tuple(map(int, numbers))[: len(needed)] < needed
