"""Machine instructions a request, under valgrind: no timing, so repeatable to about 1 %.

The difference of two runs of different length leaves nothing of start-up and imports. The figures
depend on how Python was compiled; take the ratios of one run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

_VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_total = re.compile(r"I\s+refs:\s+([\d,]+)").search
# Requests of the two runs. The first hundreds also pay for the interpreter's warm-up; frameworks take
# ten times as much for each, so that fewer do.
_LENGTHS = {"asgi": (1_000, 3_000), "wsgi": (1_000, 3_000)}
_FRAMEWORKS = (300, 800)


def of(protocol: str, name: str, variant: str) -> float:
    """Return the instructions that one request of a candidate takes."""
    short, long = _LENGTHS.get(protocol, _FRAMEWORKS)
    difference = _run(protocol, name, variant, long) - _run(protocol, name, variant, short)
    return difference / (long - short)


def warm_up(protocol: str, name: str) -> None:
    """Have all modules compiled, which is none of the request's work."""
    _child([], protocol, name, "fresh", 1)


def _run(protocol: str, name: str, variant: str, count: int) -> int:
    told = _child([*_VALGRIND], protocol, name, variant, count)
    match = _total(told)
    if match is None:
        raise RuntimeError(f"valgrind gave no count: {told}")
    return int(match[1].replace(",", ""))


def _child(prefix: list[str], protocol: str, name: str, variant: str, count: int) -> str:
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "benchmarks.drive", protocol, name, variant, str(count)],
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stderr
