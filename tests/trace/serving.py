"""Serve one stack on any server: ``python -m tests.trace.serving STACK SERVER LOG``.

As ``tests.stacks.serve``, with each server's own logging configured in the server's own way: every
logger propagates to one file, which has the trace id of every record.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from tests.stacks import BY_NAME

LOGGERS = (
    "uvicorn uvicorn.error uvicorn.access hypercorn.error hypercorn.access gunicorn.error"
    " gunicorn.access granian.access _granian waitress"
).split()


def configuration(log: str) -> dict[str, Any]:
    """Return the dictConfig that every server is given."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": "tests.logs.formatter"}},
        "handlers": {"file": {"()": "tests.logs.handler", "path": log, "formatter": "lines"}},
        "root": {"level": "DEBUG", "handlers": ["file"]},
        "loggers": {
            **{name: {"level": "INFO", "handlers": [], "propagate": True} for name in LOGGERS},
            "asyncio": {"level": "INFO"},
        },
    }


def main(stack: str, server: str, log: str) -> None:
    """Serve until the end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.stacks.django_settings")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if server == "gunicorn-gevent":
        from gevent import monkey

        monkey.patch_all()
    listener = socket.create_server(("127.0.0.1", 0))
    address = "{}:{}".format(*listener.getsockname())
    if server == "granian":
        listener.close()  # it only binds by itself
    sys.stdout.write(f"serving http://{address}\n")
    sys.stdout.flush()
    name, _, kind = server.partition("-")
    {
        "uvicorn": _uvicorn,
        "hypercorn": _hypercorn,
        "granian": _granian,
        "gunicorn": _gunicorn,
        "waitress": _waitress,
    }[name](stack, kind, listener, address, configuration(log))


def _build(stack: str) -> Any:
    return BY_NAME[stack].build()


def _uvicorn(stack: str, kind: str, listener: socket.socket, _: str, config: Any) -> None:
    import uvicorn

    settings = uvicorn.Config(_build(stack), log_config=config, http=kind)  # type: ignore[arg-type]
    uvicorn.Server(settings).run(sockets=[listener])


def _hypercorn(stack: str, _: str, listener: socket.socket, __: str, logging: Any) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    mode: Any = BY_NAME[stack].protocol
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = config.errorlog = "-"
    config.logconfig_dict = logging
    config.access_log_format = '%(h)s "%(R)s" %(s)s [%({x-request-id}o)s]'
    asyncio.run(serve(_build(stack), config, mode=mode))


def _granian(stack: str, _: str, __: Any, address: str, config: Any) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    host, _, port = address.partition(":")
    wsgi = BY_NAME[stack].protocol == "wsgi"
    server = Granian(
        stack,
        address=host,
        port=int(port),
        interface=Interfaces.WSGI if wsgi else Interfaces.ASGI,
        blocking_threads=1 if wsgi else None,
        log_access=True,
        log_dictconfig=config,
    )
    server.serve(target_loader=_build)


def _gunicorn(stack: str, kind: str, listener: socket.socket, _: str, config: Any) -> None:
    settings = {"worker_class": kind, "accesslog": "-", "logconfig_dict": config}
    run_on_gunicorn(lambda: _build(stack), listener, **settings)


def run_on_gunicorn(load: Callable[[], Any], listener: socket.socket, **settings: Any) -> None:
    """Serve the application that ``load`` returns, in one worker with one thread."""
    from gunicorn.app.base import BaseApplication

    settings = {
        "bind": f"fd://{listener.fileno()}",
        "threads": 1,
        "loglevel": "info",
        "graceful_timeout": 1,
        "control_socket_disable": True,
        **settings,
    }

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name in settings.keys() & self.cfg.settings.keys():  # not every version has all
                self.cfg.set(name, settings[name])

        def load(self) -> Any:
            return load()

    Application().run()


def _waitress(stack: str, _: str, listener: socket.socket, __: str, config: Any) -> None:
    import logging.config

    import waitress

    logging.config.dictConfig(config)
    waitress.create_server(_build(stack), sockets=[listener], threads=1).run()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass  # nobody writes to it; its end says that the tests are gone
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
