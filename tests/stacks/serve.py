"""Serve one stack on a real server: ``python -m tests.stacks.serve STACK SERVER LOG [THREADS]``.

Binds a free loopback port, says which on its standard output, writes every log record to the file
LOG, and ends when it is told to or when its standard input does.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from tests import logs
from tests.stacks import BY_NAME


def main(stack: str, server: str, log: str, threads: str = "1") -> None:
    """Serve until the end."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if server == "granian":
        _granian(stack, log, int(threads))
        return
    app = _application(stack)
    # After the application, as where servers are configured before they import it.
    logs.write_to(log)
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write("serving http://127.0.0.1:{1}\n".format(*listener.getsockname()))
    sys.stdout.flush()
    serve = {
        "uvicorn": _uvicorn,
        "hypercorn": _hypercorn,
        "gunicorn": _gunicorn,
        "waitress": _waitress,
    }[server]
    serve(app, listener, int(threads))


def _application(stack: str) -> Any:
    """Build the application, with the matrix's middleware above it where that is wanted."""
    built = BY_NAME[stack].build(**json.loads(os.environ.get("ERRORSHAPE_TEST_OPTIONS", "{}")))
    if os.environ.get("ERRORSHAPE_MATRIX_ABOVE"):
        from tests.matrix.above import above

        return above(BY_NAME[stack], built)
    return built


def _uvicorn(app: Any, listener: socket.socket, threads: int) -> None:
    import uvicorn

    uvicorn.Server(uvicorn.Config(app, log_config=None)).run(sockets=[listener])


def _hypercorn(app: Any, listener: socket.socket, threads: int) -> None:
    import asyncio

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = logging.getLogger("hypercorn.access")
    config.errorlog = logging.getLogger("hypercorn.error")
    asyncio.run(serve(app, config))


def _gunicorn(app: Any, listener: socket.socket, threads: int) -> None:
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in {
                "bind": f"fd://{listener.fileno()}",
                "worker_class": "gthread",
                "threads": max(threads, 2),
                "control_socket_disable": True,
            }.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return app

    Application().run()


def _granian(stack: str, log: str, threads: int) -> None:
    """Serve from a process of granian's own, which imports ``app`` of tests.stacks.served."""
    from granian import Granian
    from granian.constants import Interfaces

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # granian binds for itself
    os.environ.update(ERRORSHAPE_STACK=stack, ERRORSHAPE_LOG=log)
    asgi = BY_NAME[stack].protocol == "asgi"
    sys.stdout.write(f"serving http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    Granian(
        "tests.stacks.served:app",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI if asgi else Interfaces.WSGI,
        blocking_threads=None if asgi else max(threads, 2),
        log_access=False,
    ).serve()


def _waitress(app: Any, listener: socket.socket, threads: int) -> None:
    import waitress

    waitress.create_server(app, sockets=[listener], threads=threads).run()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass  # nobody writes to it; its end says that the tests are gone
    os.kill(os.getpid(), signal.SIGTERM)  # first the way that ends a server's workers, too
    time.sleep(3)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
