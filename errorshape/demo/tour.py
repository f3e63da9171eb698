"""The demo from start to end: servers up, requests out, answers checked, servers down."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, Queue

from ..cli import BROKEN, OK, CommandError
from .checks import BY_THEMSELVES, CRASH, DOCUMENTED, Cell, check
from .screen import Screen
from .servers import Server, ServerError, launch

READY_TIMEOUT = 10.0
CASES = (*DOCUMENTED, *BY_THEMSELVES)


@dataclass(frozen=True)
class Stack:
    """A framework, the server it runs on, and the application."""

    name: str
    server: str
    app: str

    @property
    def argv(self) -> list[str]:
        """The command that runs it."""
        return [sys.executable, "-m", "errorshape.demo.child", self.server, self.app]


STACKS = (
    Stack("Flask", "waitress", "errorshape.demo.apps.flask_app:app"),
    Stack("Django WSGI", "waitress", "errorshape.demo.apps.django_wsgi:app"),
    Stack("Django ASGI", "uvicorn", "errorshape.demo.apps.django_asgi:app"),
    Stack("raw ASGI", "uvicorn", "errorshape.demo.apps.raw_asgi:app"),
    Stack("raw WSGI", "waitress", "errorshape.demo.apps.raw_wsgi:app"),
)


def run(
    *,
    serve: bool = False,
    stacks: Sequence[Stack] = STACKS,
    ready_timeout: float = READY_TIMEOUT,
) -> int:
    """Run the demo on ``stacks``; returns 0 if every cell holds, else 1.

    Raises CommandError when a server is not up after ``ready_timeout`` seconds or, while it serves,
    ends unasked. However this ends, no server is left.
    """
    screen = Screen()
    try:
        with ExitStack() as started:
            servers = _start(stacks, started, ready_timeout, screen)
            cells = _check(servers, screen)
            screen.show_table(cells)
            screen.show_breaches(cells)
            _show_in_full(cells, screen)
            if serve:
                _serve(servers, screen)
    except ServerError as error:
        raise CommandError(str(error)) from error
    return BROKEN if any(cell.breaches for cell in cells) else OK


def _start(
    stacks: Sequence[Stack], started: ExitStack, ready_timeout: float, screen: Screen
) -> list[Server]:
    screen.say_hello(len(stacks), len(CASES))
    with screen.waiting("Starting the servers"):
        # All at once: most of the time is spent in their imports.
        servers = [started.enter_context(launch(stack.argv, name=stack.name)) for stack in stacks]
        for stack, server in zip(stacks, servers, strict=True):
            server.wait_until_ready(ready_timeout)
            screen.show_server(stack.name, stack.server, server.url)
    return servers


def _check(servers: Sequence[Server], screen: Screen) -> list[Cell]:
    with screen.counting(len(CASES) * len(servers)) as advance:
        return check(servers, CASES, advance)


def _show_in_full(cells: Sequence[Cell], screen: Screen) -> None:
    """Show the crash on the first server that answered: the body says nothing, the log all."""
    for cell in cells:
        if cell.case == CRASH and cell.response is not None:
            screen.show_in_full(cell, cell.response)
            return


def _serve(servers: Sequence[Server], screen: Screen) -> None:
    """Show the servers' logs as they come until Ctrl-C, or until one of them is gone."""
    screen.show_curl_lines(servers)
    lines: Queue[tuple[str, str]] = Queue()
    for server in servers:
        server.on_line = partial(_put, lines, server.name)
    try:
        while all(server.running for server in servers):
            with suppress(Empty):
                screen.show_log_line(*lines.get(timeout=0.2))
    except KeyboardInterrupt:
        screen.say_goodbye()
    else:
        raise next(server for server in servers if not server.running).error("ended unasked")


def _put(lines: Queue[tuple[str, str]], server: str, line: str) -> None:
    lines.put((server, line))
