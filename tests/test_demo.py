"""``python -m errorshape demo`` from outside, as a person or a script would run it."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from errorshape.cli import CommandError
from errorshape.demo import checks, tour
from tests.processes import children_of, is_alive, wait_until

DEMO = [sys.executable, "-m", "errorshape", "demo"]
SERVERS = ("Flask", "Django WSGI", "Django ASGI", "raw ASGI", "raw WSGI")


def plain(**variables: str) -> dict[str, str]:
    """Make an environment where what is printed depends on nothing of this machine."""
    kept = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR",)}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "80", "PYTHONUTF8": "1", **variables}


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demo until it ends, which the test has to see to."""
    # What is started in the background of a shell ignores Ctrl-C, and so would all that it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [*DEMO, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=plain()
    ) as process:
        signal.signal(signal.SIGINT, before)
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read what the demo prints up to and with the line that holds ``text``."""
    assert process.stdout
    read = ""
    for line in process.stdout:
        read += line
        if text in line:
            return read
    raise AssertionError(
        f"no line with {text!r} in:\n{read}{process.stderr and process.stderr.read()}"
    )


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    """Run the demo once, to its end."""
    return subprocess.run(
        DEMO, capture_output=True, text=True, check=False, env=plain(), timeout=120
    )


def test_it_ends_well(demo) -> None:
    """Every cell holds, and nothing is said on standard error."""
    assert (demo.returncode, demo.stderr) == (0, ""), demo.stdout
    assert "All 80 cells hold" in demo.stdout


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_is_shown_with_its_address(demo, server: str) -> None:
    """One sees that they are real."""
    assert re.search(rf"✓ {server} +on (waitress|uvicorn) +http://127\.0\.0\.1:\d+", demo.stdout)


@pytest.mark.parametrize(
    "case", [*checks.DOCUMENTED, *checks.BY_THEMSELVES], ids=lambda case: case.failure
)
def test_every_failure_is_a_row_of_five_cells(demo, case) -> None:
    """The row says what the client gets."""
    (row,) = [line for line in demo.stdout.splitlines() if line.strip().startswith(case.failure)]
    assert f" {case.status} {case.code} " in row
    assert row.count("✓") == len(SERVERS)


def test_it_is_made_for_80_columns(demo) -> None:
    """Only log lines may be longer: they are shown as they are."""
    before_the_log = demo.stdout.partition("what you see")[0]
    assert [line for line in before_the_log.splitlines() if len(line) > 80] == []


def test_one_response_is_shown_in_full_with_its_log(demo) -> None:
    """The same id is in the header, in the body and in every record."""
    _, response, log = re.split("what the client sees|what you see", demo.stdout)
    assert "HTTP/1.1 500" in response
    (trace_id,) = re.findall('"trace_id": "(.+)"', response)
    assert re.search(f"X-Request-Id: {trace_id}", response, re.IGNORECASE)
    records = [line for line in log.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert len(records) >= 2
    assert all(trace_id in record for record in records)
    assert "hunter2" in log
    assert "hunter2" not in response


def test_wide_terminals_see_the_requests_as_well() -> None:
    """And a terminal that cannot show a tick sees a word."""
    shown = subprocess.run(
        DEMO,
        capture_output=True,
        check=False,
        env=plain(COLUMNS="120", PYTHONUTF8="0", PYTHONIOENCODING="ascii"),
        timeout=120,
    )
    assert shown.returncode == 0
    assert "DELETE /workspace " in shown.stdout.decode("ascii")
    assert shown.stdout.count(b" ok ") >= 80


def test_a_terminal_shows_the_progress() -> None:
    """A bar while it works, and nothing of it in the end; NO_COLOR is heeded."""
    terminal, its_end = pty.openpty()
    with subprocess.Popen(DEMO, stdout=its_end, stderr=its_end, env=plain(TERM="xterm")) as process:
        os.close(its_end)
        shown = b"".join(iter(partial(read_some, terminal), b"")).decode()
    os.close(terminal)
    assert process.returncode == 0
    assert "Starting the servers" in shown
    assert re.search(r"Provoking failures .+ \d+/80", shown)
    assert "\x1b[32m" not in shown


def read_some(terminal: int) -> bytes:
    """Read what is there; a terminal whose other end is closed is an error, on Linux."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def blocking(directory: Path, code: str) -> dict[str, str]:
    """Make an environment in which every Python runs ``code`` first."""
    (directory / "sitecustomize.py").write_text(code)
    return plain(PYTHONPATH=os.pathsep.join([str(directory), os.environ.get("PYTHONPATH", "")]))


def test_missing_packages_are_one_sentence(tmp_path: Path) -> None:
    """Which, and what to type."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('flask', 'rich', 'httpx'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    env = blocking(tmp_path, code)
    shown = subprocess.run(DEMO, capture_output=True, text=True, check=False, env=env)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert shown.stderr == (
        "The demo needs flask, httpx and rich: pip install 'errorshape[demo]'\n"
    )


def test_a_server_that_does_not_come_up_is_one_sentence_and_its_log(tmp_path: Path) -> None:
    """Here the servers may not listen; the demo itself has no traceback to show."""
    code = (
        "import socket\n"
        "def listen(self, backlog=0):\n"
        "    raise SystemExit('the firewall says no')\n"
        "socket.socket.listen = listen\n"
    )
    env = blocking(tmp_path, code)
    shown = subprocess.run(DEMO, capture_output=True, text=True, check=False, env=env, timeout=60)
    assert shown.returncode == 2
    assert re.match(
        r"Flask ended before it was ready \(exit code 1\)\. The end of its log:\n", shown.stderr
    )
    assert "  the firewall says no\n" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_ctrl_c_while_it_works_stops_every_server() -> None:
    """Quietly."""
    with running() as process:
        read_until(process, "✓ Flask")
        servers = children_of(process.pid)
        assert len(servers) == 5
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, "")
    assert not [pid for pid in servers if is_alive(pid)]


def test_a_demo_that_is_killed_leaves_no_server() -> None:
    """The servers notice."""
    with running() as process:
        read_until(process, "✓ Flask")
        servers = children_of(process.pid)
        process.kill()
    assert wait_until(lambda: not [pid for pid in servers if is_alive(pid)])


def test_serving_goes_on_until_ctrl_c() -> None:
    """The curl lines work, and the logs are shown as they come."""
    with running("--serve") as process:
        shown = read_until(process, "Ctrl-C")
        servers = children_of(process.pid)
        urls = re.findall(r"curl -i (http\S+)", shown)
        assert len(urls) == len(servers) == 5
        for url in urls:
            trace_id = f"by-hand-{urls.index(url)}"
            response = httpx.get(url, headers={"X-Request-Id": trace_id}, trust_env=False)
            assert response.json()["error"]["trace_id"] == trace_id
            read_until(process, f"[{trace_id}]")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert stdout.endswith("Stopping the servers.\n")
    assert (process.returncode, stderr) == (0, "")
    assert not [pid for pid in servers if is_alive(pid)]


def test_serving_ends_when_a_server_does() -> None:
    """What is left would be no demo; one sentence says which has gone."""
    with running("--serve") as process:
        read_until(process, "Ctrl-C")
        servers = children_of(process.pid)
        os.kill(min(servers), signal.SIGKILL)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert " ended unasked (exit code -9)." in stderr
    assert "Traceback" not in stderr
    assert not [pid for pid in servers if is_alive(pid)]


def test_a_reader_that_has_gone_stops_the_demo() -> None:
    """``… demo | head -1`` leaves no server and no traceback."""
    with running() as process:
        assert process.stdout
        read_until(process, "✓ Flask")
        servers = children_of(process.pid)
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == ""
        process.wait(30)
    assert process.returncode == 141
    assert not [pid for pid in servers if is_alive(pid)]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Make a stack of a WSGI application from its code."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))

    def write(code: str) -> tour.Stack:
        (tmp_path / "bare_app.py").write_text(code)
        return tour.Stack("bare", "waitress", "bare_app:app")

    return write


@pytest.mark.usefixtures("monkeypatch")
def test_a_cell_that_does_not_hold_is_explained(stack, monkeypatch, capsys) -> None:
    """An application without errorshape fails everywhere; the exit code says so."""
    monkeypatch.setattr(checks, "LOG_TIMEOUT", 0.1)
    bare = stack("from flask import Flask\napp = Flask('bare')\n")
    assert tour.run(stacks=[bare]) == 1
    shown = capsys.readouterr().out
    (row,) = [line for line in shown.splitlines() if line.strip().startswith("no MFA")]
    assert "✗" in row
    assert "✗ no MFA (GET /billing) on bare\n      the status is 404, not 403\n" in shown
    assert "the body is not an object with the one key error: '<!doctype html>" in shown
    assert "16 of 16 cells do not hold." in shown


def test_the_in_full_part_is_left_out_where_nothing_was_answered(
    stack, monkeypatch, capsys
) -> None:
    """A server that dies half-way is rows of failures, not a crash of the demo."""
    monkeypatch.setattr(checks, "LOG_TIMEOUT", 0.1)
    dying = stack("import os\ndef app(environ, start_response):\n    os._exit(3)\n")
    assert tour.run(stacks=[dying]) == 1
    shown = capsys.readouterr().out
    assert "no response: " in shown
    assert "what the client sees" not in shown


def test_a_server_that_needs_too_long_is_one_sentence(stack) -> None:
    """In the time that was set, and it is stopped."""
    slow = stack("import time\ntime.sleep(60)\n")
    before = time.monotonic()
    others = children_of(os.getpid())  # servers that fixtures of other tests share
    with pytest.raises(CommandError, match=r"bare did not come up within 0\.3 seconds"):
        tour.run(stacks=[slow], ready_timeout=0.3)
    assert time.monotonic() - before < 10
    assert children_of(os.getpid()) <= others
