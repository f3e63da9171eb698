"""The arguments of ``python -m errorshape demo``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..cli import EXIT_CODES, new_parser, require

NEEDS = ("django", "flask", "httpx", "rich", "uvicorn", "waitress")

DESCRIPTION = """\
Starts five servers on free loopback ports (Flask and Django on waitress, Django
on uvicorn, raw ASGI on uvicorn, raw WSGI on waitress), sends each the same
requests, all of which fail, and checks every answer: the body, the headers, and
the trace id in that server's own log. Takes a few seconds; nothing leaves this
machine, and every server is stopped at the end.
"""

EPILOG = f"""\
examples:
  python -m errorshape demo
  python -m errorshape demo --serve   then, elsewhere: curl -i the URLs it shows

{EXIT_CODES}"""


def main(argv: Sequence[str]) -> int:
    """Run the demo; returns its exit code, raises CommandError where it cannot run."""
    options = _parser().parse_args(argv)
    require("demo", "demo", NEEDS)
    from .tour import run

    return run(serve=options.serve)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("errorshape demo", DESCRIPTION, EPILOG)
    parser.add_argument(
        "--serve",
        action="store_true",
        help="leave the servers up afterwards, with their logs on the screen, until Ctrl-C",
    )
    return parser
