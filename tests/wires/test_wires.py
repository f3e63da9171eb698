"""What clients see on the wire of each server. Started by hand or by tox: it takes its time.

``EXPECTED`` has each cell whose outcome is not ``kept``, and why.
"""

import contextlib
import json
import shutil
import socket
import struct
import sys
import time
from pathlib import Path

import h11
import pytest

from errorshape.demo.servers import start
from tests.wires.app import PIECE, PIECES

BIN = Path(sys.executable).parent
ASGI, WSGI = "tests.wires.app:asgi", "tests.wires.app:wsgi"
PYTHON = [sys.executable, "-m"]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def gunicorn(worker):
    command = [*PYTHON, "gunicorn", "-b", "127.0.0.1:0", "-k", worker, "--no-control-socket", WSGI]
    return lambda: command


#: name → the command that starts it.
SERVERS = {
    "uvicorn-h11": lambda: [*PYTHON, "uvicorn", "--port", "0", "--http", "h11", ASGI],
    "uvicorn-httptools": lambda: [*PYTHON, "uvicorn", "--port", "0", "--http", "httptools", ASGI],
    "hypercorn": lambda: [*PYTHON, "hypercorn", "-b", "127.0.0.1:0", ASGI],
    "granian-asgi": lambda: [
        *PYTHON,
        "granian",
        "--interface",
        "asgi",
        "--port",
        free_port(),
        ASGI,
    ],
    "granian-wsgi": lambda: [
        *PYTHON,
        "granian",
        "--interface",
        "wsgi",
        "--port",
        free_port(),
        WSGI,
    ],
    "daphne": lambda: [*PYTHON, "daphne", "-e", "tcp:0:interface=127.0.0.1", ASGI],
    "gunicorn-sync": gunicorn("sync"),
    "gunicorn-gthread": gunicorn("gthread"),
    "gunicorn-gevent": gunicorn("gevent"),
    "waitress": lambda: [str(BIN / "waitress-serve"), "--listen=127.0.0.1:0", WSGI],
    "cheroot": lambda: [*PYTHON, "tests.wires.serve", "cheroot"],
    "wsgiref": lambda: [*PYTHON, "tests.wires.serve", "wsgiref"],
}
if shutil.which("uwsgi", path=str(BIN)):
    SERVERS["uwsgi"] = lambda: [
        str(BIN / "uwsgi"), "--http11-socket", f"127.0.0.1:{free_port()}", "--module", WSGI,
        "--need-app", "--die-on-term", "--virtualenv", str(BIN.parent), "--http-keepalive",
    ]  # fmt: skip


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    """One server of each kind, for all that is asked of it."""
    with start(SERVERS[request.param](), name=request.param, ready_timeout=30) as running:
        yield request.param, running.port


# --- a client -------------------------------------------------------------------------------------


def _written(*lines):
    return "\r\n".join([lines[0], "Host: testserver", *lines[1:], "", ""]).encode("latin-1")


class Connection:
    """One connection; reads responses as strictly as h11 does."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.socket.close()

    def send(self, *lines, body=b""):
        """Send a request line and headers; ``Host`` is added."""
        self.socket.sendall(_written(*lines) + body)

    def send_at_once(self, paths):
        """Send a pipeline, whose requests have the ids ``p-0``, ``p-1`` and so on."""
        requests = [
            _written(f"GET {p} HTTP/1.1", f"X-Request-Id: p-{n}") for n, p in enumerate(paths)
        ]
        self.socket.sendall(b"".join(requests))

    def read(self, method="GET"):
        """Return (status, headers, body, complete) of the next response, informational ones left out."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data(self.buffer) if self.buffer else None
        self.buffer = b""
        status, headers, body = 0, {}, b""
        try:
            while True:
                event = parser.next_event()
                if event is h11.NEED_DATA:
                    parser.receive_data(self._receive())
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    headers = {k.decode(): v.decode("latin-1") for k, v in event.headers}
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    self.buffer = parser.trailing_data[0]
                    return status, headers, body, True
                elif isinstance(event, h11.ConnectionClosed):
                    return status, headers, body, False
        except (h11.RemoteProtocolError, ConnectionResetError, TimeoutError):
            return status, headers, body, False

    def _receive(self):
        return self.socket.recv(65536)


def is_error(response, trace_id, code="internal_error"):
    """Whether a response is the contract's, with this id."""
    _, headers, body, complete = response
    with contextlib.suppress(ValueError, KeyError):
        error = json.loads(body)["error"]
        found = (error["code"], error["trace_id"], headers["x-request-id"], complete)
        return found == (code, trace_id, trace_id, True)
    return False


# --- scenarios: each says what came of it ---------------------------------------------------------


def crash(port):
    """A crash is answered with the shape."""
    with Connection(port) as c:
        c.send("GET /crash HTTP/1.1", "X-Request-Id: a-1", "Connection: close")
        return "kept" if is_error(c.read(), "a-1") else "no shape"


def head(port):
    """A HEAD of a crash has no body, and the connection can be used again."""
    with Connection(port) as c:
        c.send("HEAD /crash HTTP/1.1", "X-Request-Id: a-1")
        status, headers, body, complete = c.read("HEAD")
        if (status, headers.get("x-request-id"), body, complete) != (500, "a-1", b"", True):
            return "wrong"
        return _again(c)


def keep_alive(port):
    """After an error the same connection serves the next request, with its own id."""
    with Connection(port) as c:
        for number, path in enumerate(["/crash", "/error/not_found", "/prebuilt/html/502"]):
            c.send(f"GET {path} HTTP/1.1", f"X-Request-Id: a-{number}")
            code = ["internal_error", "not_found", "bad_gateway"][number]
            response = c.read()
            if number and not response[0]:
                return "closed"
            if not is_error(response, f"a-{number}", code):
                return "wrong"
        return _again(c)


def _again(c):
    try:
        c.send("GET /whoami HTTP/1.1", "X-Request-Id: b-2")
        status, headers, body, _ = c.read()
    except OSError:
        return "closed"
    if not status:
        return "closed"
    return "kept" if (headers["x-request-id"], body) == ("b-2", b"b-2") else "foreign id"


def pipelined(port):
    """Requests sent at once are answered in order, each with its own id."""
    with Connection(port) as c:
        c.send_at_once(["/whoami"] * 3)
        responses = [c.read() for _ in range(3)]
    told = [(headers.get("x-request-id"), body) for _, headers, body, _ in responses]
    return _in_order(responses, [told[n] == (f"p-{n}", b"p-%d" % n) for n in range(3)])


def _in_order(responses, right):
    """What came of a pipeline, of which the server may have answered the first requests only."""
    if all(right):
        return "kept"
    answered = [status for status, *_ in responses if status]
    return "closed" if all(right[: len(answered)]) and answered else f"wrong: {responses}"


def pipelined_errors(port):
    """So are errors among them, each with its own id."""
    asked = {
        "/crash": "internal_error",
        "/error/not_found": "not_found",
        "/error/conflict": "conflict",
    }
    with Connection(port) as c:
        c.send_at_once(asked)
        responses = [c.read() for _ in asked]
    asked_and_given = zip(responses, asked.values(), strict=True)
    return _in_order(
        responses, [is_error(r, f"p-{n}", code) for n, (r, code) in enumerate(asked_and_given)]
    )


def cut(port):
    """A stream that fails after its first byte is seen to be broken."""
    with Connection(port) as c:
        c.send("GET /stream/fails-late HTTP/1.1", "X-Request-Id: a-1")
        status, headers, body, complete = c.read()
    if body not in (b"first,", b"") or headers.get("x-request-id", "a-1") != "a-1":
        return f"appended: {body}"
    return "looks complete" if complete and status == 200 else "kept"


def cut_large(port):
    """So is one that was larger than all buffers; what was sent before it failed comes first."""
    with Connection(port) as c:
        c.send("GET /large-cut HTTP/1.1", "X-Request-Id: a-1")
        status, headers, body, complete = c.read()
    if headers.get("x-request-id") != "a-1" or body.strip(b"x"):
        return f"wrong: {headers} {body[-100:]}"
    if complete and status == 200:
        return "looks complete"
    return "kept" if len(body) == len(PIECE) * PIECES else "cut early"


def early(port):
    """A stream that fails before its first byte is a proper error."""
    with Connection(port) as c:
        c.send("GET /stream/fails-early HTTP/1.1", "X-Request-Id: a-1", "Connection: close")
        return "kept" if is_error(c.read(), "a-1") else "no shape"


def reset(port):
    """A client that resets its connection in mid-body harms nobody."""
    for _ in range(3):
        with Connection(port) as c:
            c.send("POST /validate HTTP/1.1", "Content-Length: 100000", body=b"{" * 10)
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return crash(port)


def reset_reading(port):
    """So does one that resets it while it is being answered."""
    for _ in range(3):
        with Connection(port) as c:
            c.send("GET /large HTTP/1.1")
            c.socket.recv(1000)
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return crash(port)


def half_closed(port):
    """A client that has said all it has to say may still listen."""
    with Connection(port) as c:
        c.send("GET /crash HTTP/1.1", "X-Request-Id: a-1", "Connection: close")
        c.socket.shutdown(socket.SHUT_WR)
        return "kept" if is_error(c.read(), "a-1") else "not answered"


def expects_continue(port):
    """100-continue: the body is asked for, and what is wrong in it is the answer."""
    with Connection(port) as c:
        c.send("POST /json HTTP/1.1", "X-Request-Id: a-1", "Content-Length: 1",
               "Expect: 100-continue", "Connection: close")  # fmt: skip
        c.socket.settimeout(2)
        with contextlib.suppress(TimeoutError):
            c.buffer = c.socket.recv(65536)
        if c.buffer.startswith(b"HTTP/1.1 100"):
            c.buffer = c.buffer.partition(b"\r\n\r\n")[2]
        c.socket.settimeout(10)
        c.socket.sendall(b"{")
        return "kept" if is_error(c.read(), "a-1", "validation_error") else "no shape"


def chunked(port):
    """A body in chunks is a body."""
    with Connection(port) as c:
        c.send("POST /json HTTP/1.1", "X-Request-Id: a-1", "Transfer-Encoding: chunked",
               "Content-Type: application/json", "Connection: close",
               body=b"2\r\n{}\r\n0\r\n\r\n")  # fmt: skip
        response = c.read()
    status, headers, body, _ = response
    if (status, body, headers.get("x-request-id")) == (200, b"ok", "a-1"):
        return "kept"
    return "not read" if is_error(response, "a-1", "validation_error") else f"refused: {status}"


def large_body(port):
    """A body of megabytes is read, and what is wrong in it is the answer."""
    with Connection(port) as c:
        body = b"[" + b"0," * 1_500_000
        c.send(
            "POST /json HTTP/1.1", "X-Request-Id: a-1", f"Content-Length: {len(body)}", body=body
        )
        if not is_error(c.read(), "a-1", "validation_error"):
            return "no shape"
        return _again(c)


def oversize_body(port):
    """A body of a terabyte is announced, which nobody holds; the next request is served."""
    with Connection(port) as c:
        c.send("POST /json HTTP/1.1", "X-Request-Id: a-1", f"Content-Length: {10**12}", body=b"[0,")
        c.socket.settimeout(1)
        response = c.read()
    if crash(port) != "kept":
        return "harmed"
    if not response[0]:
        return "waits"
    if is_error(response, "a-1"):
        return "fails"
    return "refused" if response[0] == 413 else f"wrong: {response}"


def unread_body(port):
    """A body that the application has not read is never taken for the next request."""
    with Connection(port) as c:
        body = b"GET /whoami HTTP/1.1\r\nHost: x\r\nX-Request-Id: smuggled\r\n\r\n" * 2_000
        with contextlib.suppress(
            OSError
        ):  # it may be answered, and closed, before all of it is sent
            c.send(
                "POST /unread HTTP/1.1",
                "X-Request-Id: a-1",
                f"Content-Length: {len(body)}",
                body=body,
            )
        response = c.read()
        if not response[0]:
            return "reset"
        return _again(c) if is_error(response, "a-1") else f"wrong: {response}"


def malformed(port):
    """A request that is none is the server's to refuse, and the next one is served."""
    with Connection(port) as c:
        c.socket.sendall(b"\x00\xff garbage\r\n\r\n")
        c.socket.settimeout(2)
        with contextlib.suppress(OSError):
            c.socket.recv(65536)
    return crash(port)


def malformed_between(port):
    """What was asked before it is answered, and it gets nobody's id."""
    with Connection(port) as c:
        c.send("GET /crash HTTP/1.1", "X-Request-Id: a-1")
        if not is_error(c.read(), "a-1"):
            return "no shape"
        with contextlib.suppress(OSError):
            c.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nno header at all\r\n\r\n")
        c.socket.settimeout(2)
        status, headers, _, _ = c.read()
    if headers.get("x-request-id") == "a-1" or 200 <= status < 400:
        return f"wrong: {status} {headers}"
    return crash(port)


def slow_reader(port):
    """A client that reads a byte at a time gets all of it."""
    with Connection(port) as c:
        c._receive = lambda: c.socket.recv(1)
        c.send("GET /too-much/everything HTTP/1.1", "X-Request-Id: a-1", "Connection: close")
        return "kept" if is_error(c.read(), "a-1", "conflict") else "wrong"


def slow_reader_of_much(port):
    """So does one that leaves the server waiting until all buffers are full."""
    with Connection(port) as c:
        c.send("GET /large HTTP/1.1", "X-Request-Id: a-1", "Connection: close")
        time.sleep(0.5)
        _, headers, body, complete = c.read()
    seen = (headers.get("x-request-id"), len(body), complete)
    return "kept" if seen == ("a-1", len(PIECE) * PIECES, True) else f"wrong: {seen}"


SCENARIOS = (
    crash, head, keep_alive, pipelined, pipelined_errors, cut, cut_large, early, reset,
    reset_reading, half_closed, expects_continue, chunked, large_body, oversize_body, unread_body,
    malformed, malformed_between, slow_reader, slow_reader_of_much,
)  # fmt: skip

#: (server, scenario) → (outcome, or outcomes where it is a race; reason)
EXPECTED: dict[tuple[str, str], tuple[str, str]] = {
    **{
        (name, "chunked"): (
            "not read",
            "PEP 3333 has no body without CONTENT_LENGTH: the application does not read any",
        )
        for name in (
            *("granian-wsgi", "gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent"),
            *("cheroot", "wsgiref", "uwsgi"),
        )
    },
    **{
        (name, scenario): ("closed", "serves one request a connection")
        for name in ("gunicorn-sync", "wsgiref")
        for scenario in ("head", "keep_alive", "pipelined", "pipelined_errors", "large_body")
    },
    **{
        ("uwsgi", scenario): (
            "kept or closed",
            "loses the requests that came in one piece with the end of another's headers",
        )
        for scenario in ("pipelined", "pipelined_errors")
    },
    **{
        (name, "half_closed"): (
            "not answered or kept",
            "granian takes it for a client that is gone, if it notices before it has answered",
        )
        for name in ("granian-asgi", "granian-wsgi")
    },
    **{
        (name, "oversize_body"): (
            "waits",
            "has no bound of its own; the application, or the server for it, waits for the rest",
        )
        for name in SERVERS
        if name not in ("waitress", "wsgiref", "uwsgi")
    },
    ("waitress", "oversize_body"): (
        "refused",
        "answers 413 itself from a gigabyte on (max_request_body_size): no application is asked",
    ),
    ("wsgiref", "oversize_body"): (
        "fails",
        "its read() takes memory for all that it was asked for: MemoryError in the application",
    ),
    ("uwsgi", "oversize_body"): (
        "fails",
        "its read() of so much raises OSError in the application",
    ),
    **{
        (name, "unread_body"): (
            "closed or reset",
            "closes a connection on which there is more than the application has read",
        )
        for name in (
            *("granian-asgi", "granian-wsgi", "gunicorn-sync", "gunicorn-gthread"),
            *("wsgiref", "uwsgi"),
        )
    },
    ("granian-asgi", "cut_large"): (
        "cut early or kept",
        "drops what it has not sent yet when the application fails",
    ),
    **{
        ("granian-wsgi", scenario): (
            "looks complete",
            "granian ends the chunked body in good order when the iterable raises",
        )
        for scenario in ("cut", "cut_large")
    },
    **{
        ("uwsgi", scenario): (
            "looks complete",
            "a body without a length ends with its connection here; the router that puts it in chunks"
            " (--http-auto-chunked) ends those in good order, whatever the application did",
        )
        for scenario in ("cut", "cut_large")
    },
    **{
        ("wsgiref", scenario): (
            "looks complete",
            "answers in HTTP/1.0, where a body without a length ends with its connection",
        )
        for scenario in ("cut", "cut_large")
    },
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_wire(server, scenario):
    """Each cell comes out as it is written down, also where a server cannot do better."""
    name, port = server
    outcomes, _ = EXPECTED.get((name, scenario.__name__), ("kept", ""))

    assert scenario(port) in outcomes.split(" or ")
