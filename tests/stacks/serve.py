"""Serve one stack on a real server: ``python -m tests.stacks.serve STACK SERVER LOG [THREADS]``.

Binds a free loopback port, says which on its standard output, writes every log record to the file
LOG, and ends when it is told to or when its standard input does.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Any

from tests import logs
from tests.stacks import BY_NAME


def main(stack: str, server: str, log: str, threads: str = "1") -> None:
    """Serve until the end."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app = BY_NAME[stack].build()
    # After the application, as where servers are configured before they import it.
    logs.write_to(log)
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write("serving http://127.0.0.1:{1}\n".format(*listener.getsockname()))
    sys.stdout.flush()
    {"uvicorn": _uvicorn, "waitress": _waitress}[server](app, listener, int(threads))


def _uvicorn(app: Any, listener: socket.socket, threads: int) -> None:
    import uvicorn

    uvicorn.Server(uvicorn.Config(app, log_config=None)).run(sockets=[listener])


def _waitress(app: Any, listener: socket.socket, threads: int) -> None:
    import waitress

    waitress.create_server(app, sockets=[listener], threads=threads).run()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass  # nobody writes to it; its end says that the tests are gone
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
