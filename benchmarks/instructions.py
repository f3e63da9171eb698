"""Machine instructions a request, under valgrind: no timing, so repeatable to about 1 %.

A candidate is made once; then two copies of its process (``fork``) serve a few requests and many.
What they share, start-up, imports, even the layout of memory, is the same in both, so that
the difference of their counts is the requests alone. The figures depend on how Python was compiled;
take the ratios of one run.
"""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from . import drive

#: A candidate and a variant.
Job = tuple[str, str]
Counts = dict[Job, float]

_VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
# Compiled once, whatever the environment says: that is none of the request's work.
_ENVIRON = {"PYTHONDONTWRITEBYTECODE": ""}
# Where objects come to lie, a line of source or a hash more or less, takes a request up to some
# thousand instructions, as in an allocator that gives back a block and takes it again with each. Of
# applications, where that is much of what is to be told apart, the least of three layouts counts.
_LAYOUTS = ("0", "1", "2")
_APPLICATIONS = frozenset({"asgi", "wsgi", "flask", "django", "starlette", "fastapi", "drf"})
_total = re.compile(r"I\s+refs:\s+([\d,]+)").search
# Until the interpreter has specialized its code.
_SHORT = 32
# Ids are made in batches of 128: these are whole ones.
_MORE = {"asgi": 256, "wsgi": 256, "core": 1024}
# What is done so often in a request needs no further one to be warm.
_LARGE = 1_000
_REPEATED = ("body chunks", "concurrent requests")
_MORE_OF_A_FRAMEWORK = 128


def count(protocol: str, jobs: Iterable[Job]) -> Counts:
    """Return the instructions that one request takes, for each candidate and variant."""
    jobs = list(jobs)
    layouts = _LAYOUTS if protocol in _APPLICATIONS else _LAYOUTS[:1]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = list(pool.map(lambda layout: _count(protocol, jobs, layout), layouts))
    return {job: min(counts[job] for counts in counted) for job in jobs}


def _count(protocol: str, jobs: list[Job], layout: str) -> Counts:
    command = [sys.executable, "-m", "benchmarks.instructions", protocol]
    command += [f"{name}/{variant}" for name, variant in jobs]
    with tempfile.TemporaryDirectory() as directory:
        printed = _run(command, f"{directory}/%p", layout)
        pairs = [map(int, line.split()) for line in printed.splitlines()]
        counts = [[_counted(Path(directory, str(pid))) for pid in pair] for pair in pairs]
    return {
        job: (long - short) / _lengths(protocol, *job)[1]
        for job, (short, long) in zip(jobs, counts, strict=True)
    }


def whole(code: str) -> int:
    """Return the instructions of a fresh interpreter that runs ``code``."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "log")
        _run([sys.executable, "-c", code], str(log))
        return _counted(log)


def _run(command: list[str], log: str, layout: str = _LAYOUTS[0]) -> str:
    done = subprocess.run(
        [*_VALGRIND, f"--log-file={log}", *command],
        env={**os.environ, **_ENVIRON, "PYTHONHASHSEED": layout},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def _lengths(protocol: str, name: str, variant: str) -> tuple[int, int]:
    """Return how many requests are served before those that are counted, and how many are."""
    if name.startswith(_REPEATED) and int(variant) >= _LARGE:
        return 2, 2
    return _SHORT, _MORE.get(protocol, _MORE_OF_A_FRAMEWORK)


def _counted(log: Path) -> int:
    told = log.read_text()
    match = _total(told)
    if match is None:
        raise RuntimeError(f"valgrind gave no count: {told}")
    return int(match[1].replace(",", ""))


# --- in the process that is counted ---------------------------------------------------------------


def main(protocol: str, *jobs: str) -> None:
    """Serve requests; print for each job the ids of the two processes that have done so."""
    drive.prepare(protocol)
    for job in jobs:
        _in_a_copy(partial(_twice, protocol, *job.rsplit("/", 1)))


def _twice(protocol: str, name: str, variant: str) -> None:
    once = drive.driver(protocol, name, variant)
    short, more = _lengths(protocol, name, variant)

    def serve(times: int) -> None:
        for _ in range(times):
            with suppress(Exception):  # what is raised is a part of it
                once()

    # What the first request imports is compiled by now, for both that are counted. Without a piece
    # a candidate has to serve all the same.
    _in_a_copy(once if " without " in name else lambda: serve(1))
    gc.collect()
    gc.freeze()
    pids = [_in_a_copy(lambda times=times: serve(times)) for times in (short, short + more)]
    os.write(sys.stdout.fileno(), f"{pids[0]} {pids[1]}\n".encode())


def _in_a_copy(work: Callable[[], object]) -> int:
    """Do some work in a copy of this process; return its id when it is done."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise SystemExit(1)
    return pid


if __name__ == "__main__":
    main(*sys.argv[1:])
