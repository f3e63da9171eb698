"""``errorshape gateway``: the configuration of a proxy whose own errors keep the contract."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from ...cli import EXIT_CODES, OK, new_parser
from ..loading import STANDARD_NAME, load_catalog, write_text
from .plan import Address, Plan

DESCRIPTION = """\
Prints a configuration by which a proxy's own errors (502, 503, 504, 413, 429,
a malformed request) leave in the shape of the contract, and by which one trace
id is in the response, the proxy's access log and the application. What the
proxy cannot do is said in the first lines of it.
"""

EPILOG = f"""\
examples:
  errorshape gateway nginx > /etc/nginx/conf.d/errorshape.conf
  errorshape gateway haproxy --upstream 10.0.0.5:8000 --output errorshape.cfg
  errorshape gateway envoy --catalog shop.errors:CATALOG --edge
  errorshape gateway caddy --listen 127.0.0.1:8080 --timeout 10

{EXIT_CODES}"""

PROXIES = ("nginx", "haproxy", "envoy", "caddy")

_address = re.compile(r"(?:([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):)?([0-9]{1,5})").fullmatch
# Fewer characters than RFC 9110 §5.6.2 has: nginx's variables know no others.
_is_header = re.compile(r"[A-Za-z][A-Za-z0-9-]*").fullmatch
# It is written into a file of the proxy's: no blanks, no quotes, nothing that means something there.
_is_log = re.compile(r"[A-Za-z0-9._/:@+-]+").fullmatch


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code, raises CommandError where it cannot run."""
    options = _parser().parse_args(argv)
    plan = Plan(
        listen=options.listen,
        upstream=options.upstream,
        catalog=load_catalog(options.catalog),
        header=options.header,
        edge=options.edge,
        timeout=options.timeout,
        max_body=options.max_body,
        rate=options.rate,
        retry_after=options.retry_after,
        log=options.log,
    )
    text = render(options.proxy, plan)
    if options.output:
        write_text(options.output, text)
    else:
        sys.stdout.write(text)
    return OK


def render(proxy: str, plan: Plan) -> str:
    """Return the configuration of one of :data:`PROXIES`."""
    text: str = import_module(f"{__package__}.{proxy}").render(plan)
    return text


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("errorshape gateway", DESCRIPTION, EPILOG)
    parser.add_argument("proxy", choices=PROXIES)
    parser.add_argument(
        "--upstream",
        type=_upstream,
        default=Plan.upstream,
        metavar="HOST:PORT",
        help="where the application listens; default: 127.0.0.1:8000",
    )
    parser.add_argument(
        "--listen",
        type=_listen,
        default=Plan.listen,
        metavar="[HOST:]PORT",
        help="where the proxy listens; default: 8080, on every address",
    )
    parser.add_argument(
        "--catalog",
        default=STANDARD_NAME,
        metavar="MODULE:CATALOG",
        help="where the codes and messages are from; default: the standard ones",
    )
    parser.add_argument(
        "--header", type=_header, default=Plan.header, help="of the id; default: X-Request-Id"
    )
    parser.add_argument(
        "--edge", action="store_true", help="ignore ids from outside: each request gets a fresh one"
    )
    parser.add_argument(
        "--timeout",
        type=_number(1),
        default=Plan.timeout,
        metavar="SECONDS",
        help="for a client to send, and the application to answer; default: 30",
    )
    parser.add_argument(
        "--max-body",
        type=_number(1),
        default=Plan.max_body,
        metavar="BYTES",
        help="of a request, above which it is a 413; default: 1048576",
    )
    parser.add_argument(
        "--rate",
        type=_number(1),
        metavar="NUMBER",
        help="of requests a second from one address, above which they are a 429",
    )
    parser.add_argument(
        "--retry-after",
        type=_number(0),
        default=Plan.retry_after,
        metavar="SECONDS",
        help="told with a 429 and a 503; default: 1",
    )
    parser.add_argument(
        "--log", type=_log, metavar="PATH", help="of the access log; default: the proxy's usual one"
    )
    parser.add_argument("--output", metavar="FILE", help="write it there, not to standard output")
    return parser


def _upstream(text: str) -> Address:
    address = _listen(text)
    if not address.host:
        raise argparse.ArgumentTypeError(f"{text!r} has no host: write it as HOST:PORT.")
    return address


def _listen(text: str) -> Address:
    match = _address(text)
    if match is None or not 0 < int(match[2]) < 65536:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address: write it as HOST:PORT, like 127.0.0.1:8000."
        )
    return Address(match[1] or "", int(match[2]))


def _header(text: str) -> str:
    if not _is_header(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name for it: use letters, digits and hyphens, like X-Request-Id."
        )
    return text


def _log(text: str) -> str:
    if not _is_log(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot be written into every proxy's file: name a path without blanks."
        )
    return text


def _number(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isdecimal() and text.isascii() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}.")
        return int(text)

    return read
