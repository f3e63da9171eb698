"""The launcher of real servers: ready when it says so, gone when it is told to, never left over."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from errorshape.demo import servers
from tests.processes import is_alive, wait_until

#: Announces a port that it listens on, then does what the test adds.
SERVER = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print("serving on http://127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr)
"""


def python(code: str) -> list[str]:
    """Make the command that runs a program."""
    return [sys.executable, "-c", code]


def test_a_server_that_is_ready_accepts_connections() -> None:
    """``url`` and ``port`` are where it listens."""
    with servers.start(python(SERVER + "time.sleep(60)"), name="probe") as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        socket.create_connection(("127.0.0.1", server.port)).close()
        assert server.running
    assert not server.running
    assert not is_alive(server.pid)


def test_stop_twice_is_stop_once() -> None:
    """Whoever is in doubt may stop it again."""
    server = servers.start(python(SERVER + "time.sleep(60)"), name="probe")
    server.stop()
    server.stop()
    assert not server.running


def test_log_text_has_both_streams() -> None:
    """Servers log to either."""
    code = SERVER + "print('out'); print('err', file=sys.stderr); time.sleep(60)"
    with servers.start(python(code), name="probe") as server:
        assert server.wait_for_log("err", 5)
        assert server.wait_for_log("out", 5)
        assert {"out", "err"} <= set(server.log_text().split())


def test_waiting_for_a_line_that_never_comes_is_bounded() -> None:
    """The timeout is in seconds, and a negative one is none."""
    with servers.start(python(SERVER + "time.sleep(60)"), name="probe") as server:
        before = time.monotonic()
        assert not server.wait_for_log("never", 0.05)
        assert not server.wait_for_log("never", -1)
        assert time.monotonic() - before < 2


def test_waiting_for_a_line_of_a_server_that_has_gone_is_short() -> None:
    """Nothing more can come."""
    with servers.start(python(SERVER + "listener.accept()"), name="probe") as server:
        before = time.monotonic()
        assert not server.wait_for_log("never", 60)
        assert time.monotonic() - before < 30


def test_lines_are_handed_on() -> None:
    """``on_line`` gets each line as it comes."""
    seen: list[str] = []
    code = SERVER + "print(sys.stdin.readline()); time.sleep(60)"
    with servers.start(python(code), name="probe") as server:
        server.on_line = seen.append
        server._input.write(b"hello\n")
        server._input.flush()
        assert server.wait_for_log("hello", 5)
        assert wait_until(lambda: seen)
    assert seen[0] == "hello\n"


def test_the_environment_is_added_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server sees our variables and those it is given."""
    monkeypatch.setenv("OURS", "o-u-r-s")
    code = SERVER + "import os; print(os.environ['OURS'] + os.environ['GIVEN']); time.sleep(60)"
    with servers.start(python(code), name="probe", env={"GIVEN": "-given"}) as server:
        assert server.wait_for_log("o-u-r-s-given", 5)


def test_a_server_that_ends_at_once_is_an_error_with_its_last_words() -> None:
    """The message says who, how, and shows the end of the log."""
    with pytest.raises(servers.ServerError) as error:
        servers.start(python("import sys; sys.exit('no such table')"), name="probe")
    assert str(error.value) == (
        "probe ended before it was ready (exit code 1). The end of its log:\n  no such table"
    )


def test_a_server_that_says_nothing_is_an_error_in_time() -> None:
    """It is stopped as well."""
    before = time.monotonic()
    with pytest.raises(servers.ServerError, match=r"did not come up within 0\.3 seconds\. It has"):
        servers.start(python("import time; time.sleep(60)"), name="probe", ready_timeout=0.3)
    assert time.monotonic() - before < 10


def test_a_server_that_does_not_listen_where_it_says_is_an_error() -> None:
    """An announcement alone is not enough."""
    code = "import time; print('http://127.0.0.1:1', flush=True); time.sleep(60)"
    with pytest.raises(servers.ServerError, match=r"did not come up within 0\.5 seconds"):
        servers.start(python(code), name="probe", ready_timeout=0.5)


def test_a_program_that_is_not_there_is_an_error() -> None:
    """Nothing was started, and the message says so."""
    with pytest.raises(servers.ServerError, match="probe could not be started"):
        servers.start(["/no/such/program"], name="probe")


def test_the_port_is_not_known_before_it_is_announced() -> None:
    """To ask too early is a mistake of the caller."""
    with (
        servers.launch(python("import time; time.sleep(60)"), name="probe") as server,
        pytest.raises(RuntimeError, match="wait_until_ready"),
    ):
        _ = server.port


def test_a_server_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time to end by itself is bounded."""
    monkeypatch.setattr(servers, "_GRACE", 0.1)
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SERVER
    with servers.start(python(code + "time.sleep(60)"), name="probe") as server:
        pass
    assert server._process.returncode == -signal.SIGKILL


CHILD = [sys.executable, "-m", "errorshape.demo.child"]


@pytest.mark.parametrize("server", ["uvicorn", "waitress"])
def test_a_child_ends_when_it_is_told_to(server: str) -> None:
    """SIGTERM is a clean end."""
    app = {"uvicorn": "raw_asgi", "waitress": "raw_wsgi"}[server]
    argv = [*CHILD, server, f"errorshape.demo.apps.{app}:app"]
    with servers.start(argv, name="probe") as child:
        child._input.write(b"what is written to it is of no interest\n")
        child._input.flush()
        assert not wait_until(lambda: not child.running, timeout=0.3)
    assert child._process.returncode == 0


@pytest.mark.parametrize("app", ["gentle", "stubborn"])
def test_a_child_ends_when_its_parent_is_killed(app: str, tmp_path) -> None:
    """Even if the application has taken SIGTERM for itself, no server is left behind."""
    (tmp_path / "gentle.py").write_text("def app(environ, start_response): return []\n")
    (tmp_path / "stubborn.py").write_text(
        "import signal\nfrom gentle import app\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    )
    parent_code = (
        "import sys, time\nfrom errorshape.demo import servers\n"
        "server = servers.start(sys.argv[1:], name='probe')\n"
        "print(server.pid, flush=True)\ntime.sleep(60)\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    with subprocess.Popen(
        [*python(parent_code), *CHILD, "waitress", f"{app}:app"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    assert wait_until(lambda: not is_alive(pid))
