"""Whether a framework is as new as its adapter needs it."""

from __future__ import annotations

import re

_numbers = re.compile(r"\d+").findall


def is_older(found: str, needed: tuple[int, ...]) -> bool:
    """Whether a version (``"3.1.2"``, ``"3.2rc1"``) comes before ``needed``, as ``(3, 1)``."""
    return tuple(map(int, _numbers(found)))[: len(needed)] < needed
