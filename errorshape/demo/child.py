"""The process of one server: ``python -m errorshape.demo.child waitress package.module:app``.

It binds a free loopback port by itself, says which in its log, and ends when it is told to or when
its standard input does, which happens as soon as the process that started it is gone.
"""

from __future__ import annotations

import os
import pkgutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import logs

HOST = "127.0.0.1"
#: Seconds that requests have to finish in, once the process that started this one is gone.
GRACE = 2.0


def main(argv: Sequence[str]) -> None:
    """Serve the application ``argv[1]`` with the server ``argv[0]`` until the end."""
    server, target = argv
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logs.configure()
    SERVERS[server](pkgutil.resolve_name(target))


def serve_with_uvicorn(app: Any) -> None:
    """Serve an ASGI application."""
    import uvicorn

    # Without a configuration of its own, uvicorn's records go where all the others go.
    uvicorn.run(app, host=HOST, port=0, log_config=None, timeout_graceful_shutdown=1)


def serve_with_waitress(app: Any) -> None:
    """Serve a WSGI application."""
    from waitress.server import create_server  # type: ignore[import-untyped]

    server = create_server(app, host=HOST, port=0)
    server.print_listen("Serving on http://{}:{}")
    server.run()


SERVERS: dict[str, Callable[[Any], None]] = {
    "uvicorn": serve_with_uvicorn,
    "waitress": serve_with_waitress,
}


def _leave(*_: object) -> None:
    sys.exit(0)


def _end_with_parent() -> None:
    """Wait for the end of standard input, then end this process, whatever the application does."""
    while os.read(sys.stdin.fileno(), 1024):
        pass  # nobody has anything to say here; only the end counts
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
