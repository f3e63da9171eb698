"""The loop that all sweeps share."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.ledger import Seen, Told
from tests.faults.oracle import violations


def sweep(
    cases: Iterable[Any], run: Callable[[Any, str], tuple[Told, Seen]], *, enough: int = 40
) -> tuple[list[str], int]:
    """Run every case; what was broken in which, and how many there were.

    Ends early once ``enough`` promises are broken.
    """
    broken: list[str] = []
    numbers = itertools.count()
    with _quiet():
        for case in cases:
            told, seen = run(case, f"case-{next(numbers)}")
            broken += [f"{case}: {rule}" for rule in violations(told, seen)]
            if len(broken) >= enough:
                break
    return broken, next(numbers)


@contextmanager
def _quiet() -> Iterator[None]:
    """Take away pytest's handlers: each would format and keep every traceback of thousands."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = handlers
