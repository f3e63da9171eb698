"""Nanoseconds a call, candidates in turn.

Each round runs every candidate for the same number of calls, one after the other, so that whatever
else the machine does meanwhile hits all of them. The median is what is usual, the minimum what the
code itself takes; ratios are those of the minimums, which a busy machine moves least.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pyperf import perf_counter


class Timing(NamedTuple):
    """Nanoseconds a call."""

    minimum: float
    median: float


def interleaved(
    candidates: Mapping[str, Callable[[], object]], *, rounds: int = 400, seconds: float = 0.0005
) -> dict[str, Timing]:
    """Time every candidate for about ``seconds`` in each of ``rounds``.

    Many short slices find a moment without others sooner than a few long ones.
    """
    calls = {name: _calls(call, seconds) for name, call in candidates.items()}
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, call in candidates.items():
            repeat = range(calls[name])
            start = perf_counter()
            for _ in repeat:
                call()
            taken[name].append((perf_counter() - start) / len(repeat) * 1e9)
    return {name: Timing(min(times), statistics.median(times)) for name, times in taken.items()}


def _calls(call: Callable[[], object], seconds: float) -> int:
    call()
    start = perf_counter()
    done = 0
    while done < 40 and perf_counter() - start < 0.1:
        call()
        done += 1
    return max(1, int(seconds * done / (perf_counter() - start)))
