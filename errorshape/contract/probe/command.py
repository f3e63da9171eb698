"""The arguments of ``errorshape check``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...cli import BROKEN, EXIT_CODES, OK, CommandError, new_parser, require
from ..loading import STANDARD_NAME, load_catalog, write_text

if TYPE_CHECKING:
    from .probes import Probe
    from .targets import Target

DESCRIPTION = """\
Probes a service and says where its answers break the error contract, and how to
mend that. TARGET is package.module:app (WSGI or ASGI, run in this process), or
the URL of a service in any language.

A URL is treated gently: one request at a time, at most --max-requests of them,
and only methods that are safe (GET, HEAD, TRACE), unless you say --unsafe. That
adds POST, PUT and PATCH with bodies that no service should accept, and a method
that nobody has.
"""

EPILOG = f"""\
examples:
  errorshape check shop.app:app
  errorshape check http://127.0.0.1:8000 --path /orders --dry-run
  errorshape check http://127.0.0.1:8000 --openapi openapi.json --unsafe
  errorshape check shop.app:app --catalog shop.errors:CATALOG --junit check.xml

{EXIT_CODES}"""

#: Requests to a URL.
MAX_REQUESTS = 100
TIMEOUT = 10.0
#: Requests under way at once, to an application in this process.
AT_ONCE = 8


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code, raises CommandError where it cannot run."""
    options = _parser().parse_args(argv)
    require("check", "cli", ["rich"])
    _check_arguments(options)
    from .running import Rules, run
    from .targets import URLTarget, target_for

    catalog = load_catalog(options.catalog or STANDARD_NAME)
    rules = Rules(catalog, own_codes=options.catalog is None, trace_header=options.trace_header)
    target = target_for(options.target, options.timeout)
    try:
        probes, left_out = _probes(target, options)
        from .report import Report, as_json, as_junit

        report = Report()
        if options.dry_run:
            report.plan(target.name, probes, left_out)
            return OK
        if isinstance(target, URLTarget):
            target.reach()
        if not options.logs:
            logging.disable(logging.CRITICAL)  # of an application in this process
        total = sum(len(probe.requests) for probe in probes)
        at_once = options.at_once or (1 if target.is_remote else AT_ONCE)
        with report.counting(total) as advance:
            results = list(run(target, probes, rules, at_once=at_once, advance=advance))
    finally:
        target.close()
        logging.disable(logging.NOTSET)
    if options.json:
        sys.stdout.write(as_json(target.name, results, left_out))
    else:
        report.show(target.name, results, left_out)
    if options.junit:
        write_text(options.junit, as_junit(target.name, results))
    return OK if all(result.holds for result in results) else BROKEN


def _check_arguments(options: argparse.Namespace) -> None:
    for path in options.path:
        if not path.startswith("/"):
            raise CommandError(f"--path {path!r} is no path: it begins with a slash.")
    for header in options.header:
        name, colon, value = header.partition(":")
        if not (name and colon) or not (header.isprintable() and header.isascii()) or " " in name:
            raise CommandError(f"--header {header!r} is no header: write it like 'Name: value'.")
        del value
    for name in ("timeout", "max_requests", "at_once"):
        if getattr(options, name) is not None and getattr(options, name) <= 0:
            flag = name.replace("_", "-")
            raise CommandError(f"--{flag} is {getattr(options, name)}: give a number above 0.")


def _probes(target: Target, options: argparse.Namespace) -> tuple[list[Probe], list[str]]:
    """Return the probes that may be sent, and a sentence for what is left out."""
    from . import probes as known

    unsafe = options.unsafe if options.unsafe is not None else not target.is_remote
    paths = [quote(path, safe="/%?=&:@!$'()*+,;~") for path in ["/", *options.path]]
    made = [
        *known.general(
            list(dict.fromkeys(paths)),
            trace_header=options.trace_header,
            edge=options.edge,
            gentle=not unsafe,
        )
    ]
    if options.openapi:
        from ..openapi.reading import load_document

        made += known.of_document(load_document(options.openapi))
    left_out = []
    if not unsafe:
        dangerous = [probe.name for probe in made if not probe.is_safe]
        made = [probe for probe in made if probe.is_safe]
        left_out.append(f"{', '.join(dangerous)}; their methods are not safe: allow --unsafe.")
    limit = options.max_requests or (MAX_REQUESTS if target.is_remote else None)
    if limit is not None:
        made, beyond = _bounded(made, limit)
        if beyond:
            left_out.append(f"{', '.join(beyond)}; past {limit} requests: raise --max-requests.")
    return [_with_headers(probe, options.header) for probe in made], left_out


def _bounded(probes: list[Probe], limit: int) -> tuple[list[Probe], list[str]]:
    kept: list[Probe] = []
    beyond: list[str] = []
    for probe in probes:
        if len(probe.requests) <= limit:
            limit -= len(probe.requests)
            kept.append(probe)
        else:
            beyond.append(probe.name)
    return kept, beyond


def _with_headers(probe: Probe, given: list[str]) -> Probe:
    from dataclasses import replace

    pairs = [(name, value.strip()) for name, _, value in (h.partition(":") for h in given)]
    if not pairs:
        return probe
    requests = tuple(
        request._replace(headers=(*pairs, *request.headers)) for request in probe.requests
    )
    return replace(probe, requests=requests)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("errorshape check", DESCRIPTION, EPILOG)
    add: Any = parser.add_argument
    add("target", metavar="TARGET", help="package.module:app, or a URL")
    add(
        "--path",
        action="append",
        default=[],
        metavar="PATH",
        help="a path that exists, to be probed as well; may be given again",
    )
    add("--openapi", metavar="FILE", help="probe the operations of this document, too")
    add(
        "--catalog",
        metavar="MODULE:CATALOG",
        help="allow only its codes; default: any code of the right form",
    )
    add("--header", action="append", default=[], metavar="'NAME: VALUE'", help="send it always")
    add("--trace-header", default="X-Request-Id", metavar="NAME", help="where the id is")
    add("--edge", action="store_true", help="the service takes no ids from outside, on purpose")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--unsafe",
        action="store_true",
        default=None,
        help="send methods that are not safe, too; the default in this process",
    )
    what.add_argument(
        "--safe",
        action="store_false",
        dest="unsafe",
        default=None,
        help="send safe methods only; the default for a URL",
    )
    add("--max-requests", type=int, metavar="N", help=f"to a URL; default: {MAX_REQUESTS}")
    add("--at-once", type=int, metavar="N", help="concurrent requests; to a URL by default 1")
    add("--timeout", type=float, default=TIMEOUT, metavar="SECONDS", help="for each answer")
    add("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    add("--json", action="store_true", help="print the report as JSON")
    add("--junit", metavar="FILE", help="write the report as JUnit's XML, too")
    add("--logs", action="store_true", help="let an application in this process log")
    return parser
