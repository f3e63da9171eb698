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
SHORT, LONG = 1_000, 3_000  # requests: the first hundreds also pay for the interpreter's warm-up


def of(protocol: str, name: str, variant: str, short: int = SHORT, long: int = LONG) -> float:
    """Return the instructions that one request of a candidate takes."""
    return (_run(protocol, name, variant, long) - _run(protocol, name, variant, short)) / (
        long - short
    )


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
