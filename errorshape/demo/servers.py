"""Start real servers in processes of their own, read their logs, and be sure that they end.

Any server will do that names its address in its output (``http://127.0.0.1:PORT``, as uvicorn,
waitress, gunicorn, hypercorn and daphne all do): it binds port 0 and announces what it got, so no
port is guessed and none can be lost to another process between the guess and the bind.

    with start([sys.executable, "-m", "my_server"], name="mine") as server:
        httpx.get(f"{server.url}/issues")
        print(server.log_text())
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO

_HOST = "127.0.0.1"
_ANNOUNCEMENT = re.compile(r"127\.0\.0\.1:([1-9]\d*)")
#: Seconds that a server has to end by itself before it is killed.
_GRACE = 5.0
#: Lines of output that are kept of each server: a demo may be left running for days.
_LINES_KEPT = 20_000
_LINES_IN_TAIL = 15


class ServerError(Exception):
    """A server did not come up, or went away; the text ends with the end of its log."""


class Server:
    """One running server: a context manager whose end is the server's end."""

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        self.name = name
        #: Called with each line that the server writes, in a thread of its own.
        self.on_line: Callable[[str], object] | None = None
        assert process.stdin is not None  # launch() has asked for pipes
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._launched = time.monotonic()
        self._port: int | None = None
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._output_ended = False
        self._changed = threading.Condition()
        # A pipe that nobody reads would block the server once it is full.
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()

    @property
    def port(self) -> int:
        """The port that the server listens on; RuntimeError before it is known."""
        if self._port is None:
            raise RuntimeError(f"{self.name} has not announced its port; call wait_until_ready()")
        return self._port

    @property
    def url(self) -> str:
        """Where the server answers, without a slash at the end."""
        return f"http://{_HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def log_text(self) -> str:
        """All that the server has written to its output and error streams so far."""
        with self._changed:
            return "".join(self._lines)

    def wait_for_log(self, text: str, timeout: float) -> bool:
        """Wait until a line holds ``text``, ``timeout`` seconds at most; say whether one does."""

        def is_there() -> bool:
            return any(text in line for line in self._lines)

        with self._changed:
            self._changed.wait_for(lambda: self._output_ended or is_there(), max(timeout, 0))
            return is_there()

    def wait_until_ready(self, timeout: float) -> None:
        """Wait until the server accepts connections.

        ServerError if it has ended, or ``timeout`` seconds after it was launched.
        """
        deadline = self._launched + timeout
        with self._changed:
            self._changed.wait_for(
                lambda: self._output_ended or self._port is not None,
                max(deadline - time.monotonic(), 0),
            )
        while not self._accepts():
            if not self.running:
                raise self.error("ended before it was ready")
            if time.monotonic() >= deadline:
                raise self.error(f"did not come up within {timeout:g} seconds")
            time.sleep(0.02)

    def error(self, what: str) -> ServerError:
        """Make the error that says ``what`` the server did, with the end of its log."""
        if not self.running:
            what = f"{what} (exit code {self._process.returncode})"
            self._reader.join(timeout=1)  # its last words may still be in the pipe
        tail = self.log_text().splitlines()[-_LINES_IN_TAIL:]
        log = "\n  ".join(["The end of its log:", *tail]) if tail else "It has logged nothing."
        return ServerError(f"{self.name} {what}. {log}")

    def stop(self) -> None:
        """End the server, by force if it does not end by itself; to do so again does nothing."""
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._input.close()
        # Workers of a server that was killed may hold the pipe open for a moment longer.
        self._reader.join(timeout=1)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _accepts(self) -> bool:
        if self._port is None:
            return False
        try:
            socket.create_connection((_HOST, self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def _read(self, output: IO[bytes]) -> None:
        with output:
            for raw in output:
                self._take(raw.decode(errors="replace"))
        with self._changed:
            self._output_ended = True
            self._changed.notify_all()

    def _take(self, line: str) -> None:
        with self._changed:
            self._lines.append(line)
            announced = _ANNOUNCEMENT.search(line)
            if self._port is None and announced:
                self._port = int(announced[1])
            self._changed.notify_all()
        if self.on_line:
            self.on_line(line)


def launch(argv: Sequence[str], *, name: str, env: Mapping[str, str] | None = None) -> Server:
    """Start the process and return at once; ``wait_until_ready`` comes next.

    ``env`` is added to the environment of this process. ServerError if there is no such program.
    """
    try:
        process = subprocess.Popen(
            argv,
            # Nothing is ever written to it: its end tells the server that we are gone.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", **(env or {})},
            # Ctrl-C is for us; the servers are stopped in order.
            start_new_session=True,
        )
    except OSError as error:
        raise ServerError(f"{name} could not be started: {error}.") from error
    return Server(process, name)


def start(
    argv: Sequence[str],
    *,
    name: str,
    env: Mapping[str, str] | None = None,
    ready_timeout: float = 10.0,
) -> Server:
    """Start a server and wait until it accepts connections.

    ``argv`` is the command, ``name`` what people call the server, ``env`` is added to the
    environment of this process. Raises ServerError, and leaves no process behind, when the server
    is not ready after ``ready_timeout`` seconds.
    """
    server = launch(argv, name=name, env=env)
    try:
        server.wait_until_ready(ready_timeout)
    except BaseException:  # Ctrl-C as well
        server.stop()
        raise
    return server
