"""Proxies of every kind before applications of every kind, started when a test asks for one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from errorshape.contract.gateway.plan import Address, Plan
from errorshape.demo.servers import start
from tests.gateway import odd, proxies, upstream
from tests.gateway.proxies import Gateway
from tests.logs import Record, parse

#: Soon full, but patient: the machine may be busy.
PLAN = Plan(timeout=10, max_body=1000)


class Gateways:
    """All that run in this process, by proxy and kind.

    ``live`` is before a real application with errorshape, ``dead`` before nothing, ``misbehaving``
    before :mod:`tests.gateway.upstream`; of the others, which are so as well, ``hasty`` gives up
    after a second, ``limited`` lets two requests through in one, and ``odd`` has every other
    option, a catalogue full of syntax, and a user's own additions.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._started: dict[tuple[str, str], Gateway] = {}
        self._ports: dict[str, int] = {}

    def get(self, proxy: str, kind: str) -> Gateway:
        """Return one, started if it was not."""
        if (proxy, kind) not in self._started:
            upstream_kind = kind if kind in ("live", "dead") else "misbehaving"
            plan = replace(PLAN, upstream=Address("127.0.0.1", self._port(upstream_kind)))
            change: Callable[[str], str] = str
            if kind == "hasty":
                plan = replace(plan, timeout=1)
            if kind == "limited":
                plan = replace(plan, rate=2)
            if kind == "odd":
                plan = replace(
                    plan, header="X-Trace", edge=True, retry_after=7, catalog=odd.CATALOG
                )
                change = odd.CHANGES[proxy]
            self._started[proxy, kind] = self._stack.enter_context(
                proxies.started(proxy, plan, self._directory / proxy / kind, change)
            )
        return self._started[proxy, kind]

    def records(self) -> list[Record]:
        """Return what the live application has logged."""
        return parse((self._directory / "application.log").read_text())

    def _port(self, kind: str) -> int:
        if kind not in self._ports:
            self._ports[kind] = {
                "live": self._live,
                "dead": lambda: self._stack.enter_context(upstream.dead()),
                "misbehaving": lambda: self._stack.enter_context(upstream.misbehaving()),
            }[kind]()
        return self._ports[kind]

    def _live(self) -> int:
        log = str(self._directory / "application.log")
        argv = [sys.executable, "-m", "tests.stacks.serve", "raw_asgi", "uvicorn", log]
        return self._stack.enter_context(start(argv, name="application", ready_timeout=30)).port


@pytest.fixture(scope="session")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    """Every proxy that the tests of this process have asked for."""
    with ExitStack() as stack:
        yield Gateways(tmp_path_factory.mktemp("gateways"), stack)


@pytest.fixture(params=proxies.COMMANDS)
def proxy(request: pytest.FixtureRequest) -> str:
    """Each proxy in its turn."""
    name: str = request.param
    return name
