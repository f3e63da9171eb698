"""Measure, on real servers, which lines of the log carry the right trace id.

``python -m tests.trace.who_logs_what`` writes docs/who-logs-what.md; the tests measure the same.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from errorshape.demo.servers import start
from tests import logs
from tests.clients import OverServer
from tests.stacks import BY_NAME

#: What is measured: a server, and a stack that it serves.
ROWS = (
    *(
        (server, stack)
        for server in (
            "uvicorn-h11",
            "uvicorn-httptools",
            "uvicorn-zttp",
            "hypercorn",
            "granian",
        )
        for stack in ("raw_asgi", "django_asgi", "django_asgi_wrapped")
    ),
    *(
        (server, stack)
        for server in (
            "gunicorn-sync",
            "gunicorn-gthread",
            "gunicorn-gevent",
            "granian",
            "waitress",
        )
        for stack in ("raw_wsgi", "flask", "django_wsgi")
    ),
    ("hypercorn", "raw_wsgi"),
)
#: Cells where nobody can give the line its id: hypercorn calls a WSGI application in a thread, and
#: writes the access line in the event loop.
IMPOSSIBLE = {("hypercorn", "raw_wsgi", "access")}
COLUMNS = ("application", "access", "error", "malformed")
#: Said by threads that serve no request.
OF_NO_REQUEST = {"waitress.queue", "asyncio"}

Share = tuple[int, int]  # lines with the right id, all lines


def column_of(record: logs.Record) -> str:
    """Return whose line it is."""
    if not record.is_of_server:
        return "application"
    return "access" if record.logger.endswith(".access") else "error"


class Measurement:
    """Asks one server, and counts the lines that it and the application have logged."""

    def __init__(self, client: OverServer, port: int) -> None:
        self._client = client
        self._port = port
        self._prefix = client.stack.prefix
        self.counted: dict[str, list[bool]] = defaultdict(list)
        #: What was not right, for whoever wants to know why.
        self.wrong: list[tuple[str, logs.Record]] = []

    def count(self, column: str, record: logs.Record, expected: str) -> None:
        """Note whether a line has the id that it must have."""
        right = record.trace_id == expected
        self.counted[column].append(right)
        if not right:
            self.wrong.append((column, record))

    def run(self) -> dict[str, Share]:
        """Measure; the share of right lines in each column that has any."""
        self.one_by_one()
        self.on_one_connection()
        self.cut_in_a_pipeline()
        self.at_once()
        self.malformed()
        return {name: (sum(lines), len(lines)) for name, lines in self.counted.items()}

    def one_by_one(self) -> None:
        """Everything that is logged until the next request is of this one."""
        for number, path in enumerate(
            ["/log", "/crash", "/error/not_found", "/stream/good", "/stream/fails-late"] * 2
        ):
            trace_id = f"one-{number}"
            self.ask(path, trace_id)
            for record in self.records():
                if record.trace_id != "mine":  # the application's own extra
                    self.count(column_of(record), record, trace_id)

    def on_one_connection(self) -> None:
        """Kept alive, and in a pipeline: what is logged names its request."""
        for wait in (0.05, 0):
            tags = [f"kept{number}-{wait}" for number in range(4)]
            last = self.written(tags[-1]).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            self.talk(*map(self.written, tags[:-1]), last, wait=wait)
            self.count_tagged(tags)

    def cut_in_a_pipeline(self) -> None:
        """The request that fails, behind others, is whose failure the server logs."""
        good, cut = self.written("before"), self.written("cut", "/stream/fails-late")
        self.talk(good + good + cut, wait=0.2)
        for record in self.records():
            if column_of(record) == "error":
                self.count("error", record, "cut")

    def at_once(self) -> None:
        """Requests side by side, which log before and after they wait."""
        tags = [f"side{number}" for number in range(8)]
        with ThreadPoolExecutor(len(tags)) as pool:
            list(pool.map(lambda tag: self.ask(f"/pause/{tag}", tag), tags))
        self.count_tagged(tags)

    def malformed(self) -> None:
        """After a good request, with it, and after one that had to be read in parts."""
        large = b"x" * 300_000
        post = (
            f"POST {self._prefix}/validate HTTP/1.1\r\nHost: testserver\r\nX-Request-Id: large\r\n"
            f"Content-Length: {len(large)}\r\n\r\n"
        ).encode()
        good, bad = self.written("good"), b"GET / NONSENSE\r\nbad header\r\n\r\n"
        for parts in (
            [good, bad],
            [good + bad],
            [good + good + good, bad],
            [post + large, bad],
            [bad],
        ):
            self.talk(*parts, wait=0.2)
            for record in self.records():
                about_it = record.trace_id in ("good", "large") and (
                    column_of(record) != "error" or "good" in record.message
                )
                if not about_it:
                    self.count("malformed", record, "-")

    # --- how -----------------------------------------------------------------------------------

    def ask(self, path: str, trace_id: str) -> None:
        """Ask on a connection of its own, under this id."""
        self._client._ask(self._client._made("GET", path, {"X-Request-Id": trace_id}))

    def written(self, tag: str, path: str | None = None) -> bytes:
        """A request of this id, which its path names as well if it is not given."""
        line = f"GET {self._prefix}{path or f'/pause/{tag}'} HTTP/1.1"
        return f"{line}\r\nHost: testserver\r\nX-Request-Id: {tag}\r\n\r\n".encode()

    def talk(self, *parts: bytes, wait: float) -> None:
        """Say one thing after the other on one connection, and hear all there is to hear."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(wait)
                while connection.recv(65536):
                    pass
            except OSError:
                pass  # closed, or reset, by a server that has heard enough

    def records(self) -> list[logs.Record]:
        """What was logged since the last time."""
        time.sleep(0.05)  # a server may write its line when the client has its answer
        return [r for r in self._client._records() if r.logger not in OF_NO_REQUEST]

    def count_tagged(self, tags: list[str]) -> None:
        """Count the lines that name a request."""
        for record in self.records():
            for tag in tags:
                if tag in record.message:
                    self.count(column_of(record), record, tag)


@contextmanager
def serving(server: str, stack: str) -> Iterator[Measurement]:
    """Start a server for a measurement."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "log")
        log.touch()
        command = [sys.executable, "-m", "tests.trace.serving", stack, server, str(log)]
        with start(command, name=f"{stack}@{server}", ready_timeout=60) as process:
            client = OverServer(BY_NAME[stack], server, process, log)
            client._records()  # of its start
            yield Measurement(client, process.port)


def percentage(share: Share | None) -> str:
    """Return a cell of the table."""
    if share is None:
        return "none"
    right, lines = share
    return f"{100 * right // lines} % of {lines}"


PAGE = Path(__file__).parents[2] / "docs" / "who-logs-what.md"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"


def main() -> None:
    """Measure every row and write the table into the page; exit with 1 if a line was wrong."""
    lines = [
        "| server | stack | application | access log | error log | malformed requests |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    failed = False
    for server, stack in ROWS:
        with serving(server, stack) as measurement:
            shares = measurement.run()
        cells = [percentage(shares.get(column)) for column in COLUMNS]
        lines.append(f"| {server} | {stack} | {' | '.join(cells)} |")
        sys.stdout.write(lines[-1] + "\n")
        sys.stdout.flush()
        for column, record in measurement.wrong:
            if (server, stack, column) not in IMPOSSIBLE:
                failed = True
                sys.stdout.write(f"    {column}: {str(record)[:300]}\n")
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{after}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
