"""Questions about processes, also those that are not children of the tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether there is such a process and it has not ended (one that is not reaped has)."""
    return _stat(pid)[0] not in ("", "Z", "X")


def children_of(pid: int) -> set[int]:
    """Find the processes that ``pid`` has started and that have not ended."""
    pids = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    return {child for child in pids if _stat(child)[1] == pid and is_alive(child)}


def wait_until(condition: Callable[[], object], timeout: float = 10) -> bool:
    """Wait until something is so, ``timeout`` seconds at most; say whether it is."""
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(condition())


def _stat(pid: int) -> tuple[str, int]:
    """Read the state and the parent of a process: proc_pid_stat(5), fields 3 and 4."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    # The name before them is in parentheses and may hold anything.
    state, parent = stat.rpartition(")")[2].split()[:2]
    return state, int(parent)
