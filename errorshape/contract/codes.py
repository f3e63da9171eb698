"""``errorshape codes``: the reference of a catalogue, made or checked."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import PurePath

from ..cli import BROKEN, EXIT_CODES, OK, UNUSABLE, CommandError, new_parser, require
from ..core.catalog import Catalog
from .loading import STANDARD_NAME, load_catalog, read_text, write_text

DESCRIPTION = """\
Makes the reference of an API's errors from its catalogue: the shape of the
body, the status codes, the error codes, validation errors with a worked
example, and how to handle errors and when to retry.
"""

EPILOG = f"""\
examples:
  errorshape codes                              the standard codes, as a table
  errorshape codes shop.errors:CATALOG --format markdown > docs/errors.md
  errorshape codes shop.errors:CATALOG --output errors.html
  errorshape codes shop.errors:CATALOG --check docs/errors.md     in CI

{EXIT_CODES}"""

FORMATS = ("table", "markdown", "html", "json")
_OF_SUFFIX = {".md": "markdown", ".html": "html", ".htm": "html", ".json": "json", ".txt": "table"}


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code, raises CommandError where it cannot run."""
    parser = _parser("errorshape codes")
    parser.add_argument(
        "catalog",
        nargs="?",
        default=STANDARD_NAME,
        metavar="MODULE:CATALOG",
        help="where the catalogue is; default: the standard one",
    )
    options = parser.parse_args(argv)
    command = f"errorshape codes {options.catalog}"
    return run(load_catalog(options.catalog), options, command)


def main_for(catalog: Catalog, argv: Sequence[str], prog: str, trace_header: str) -> int:
    """Run the command for a catalogue that is there already, as ``flask errors`` does."""
    return run_for(catalog, _parser(prog).parse_args(argv), prog, trace_header)


def run_for(catalog: Catalog, options: argparse.Namespace, command: str, trace_header: str) -> int:
    """Do as :func:`run` does; what the user can mend is printed as a sentence."""
    try:
        return run(catalog, options, command, trace_header)
    except CommandError as error:
        print(error, file=sys.stderr)
        return UNUSABLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is made; Django's own parser takes them as well."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="default: by the name of the file given with --output or --check, else table",
    )
    parser.add_argument("--title", default="Errors", help="of the page; default: Errors")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--output", metavar="FILE", help="write it there, not to standard output")
    what.add_argument(
        "--check",
        metavar="FILE",
        help="write nothing; exit 1 and show the difference if FILE is not what it would be",
    )


def run(
    catalog: Catalog,
    options: argparse.Namespace,
    command: str,
    trace_header: str = "X-Request-Id",
) -> int:
    """Make what ``options`` (of :func:`add_arguments`) ask for; returns the exit code."""
    file = options.check or options.output
    format = options.format or _format_of(file)  # noqa: A001 - the option's name
    if format == "table":
        require("table", "cli", ["rich"])
        if file is None:
            from . import table

            table.show(catalog)
            return OK
    text = render(catalog, format, options.title, trace_header)
    if options.check:
        return _check(options.check, text, f"{command} --output {options.check}")
    if options.output:
        write_text(options.output, text)
    else:
        sys.stdout.write(text)
    return OK


def render(
    catalog: Catalog,
    format: str,  # noqa: A002 - the option's name
    title: str = "Errors",
    trace_header: str = "X-Request-Id",
) -> str:
    """Return the reference of a catalogue in one of :data:`FORMATS`."""
    if format == "json":
        import msgspec

        from .reference import reference

        encoded = msgspec.json.encode(reference(catalog, trace_header))
        return msgspec.json.format(encoded, indent=2).decode() + "\n"
    if format == "table":
        from . import table

        return table.render(catalog)
    from . import content, html, markdown

    page = content.page(catalog, title, trace_header)
    return markdown.render(page) if format == "markdown" else html.render(page)


def _check(path: str, wanted: str, command: str) -> int:
    there = read_text(path)
    if there == wanted:
        print(f"{path} is up to date.")
        return OK
    lines = difflib.unified_diff(
        there.splitlines(), wanted.splitlines(), path, f"{path} as it should be", lineterm=""
    )
    print("\n".join(lines))
    print(f"{path} is stale: write it again with '{command}'.", file=sys.stderr)
    return BROKEN


def _format_of(file: str | None) -> str:
    if file is None:
        return "table"
    suffix = PurePath(file).suffix.lower()
    if suffix not in _OF_SUFFIX:
        raise CommandError(
            f"The name of {file} does not say which format it has: add --format"
            f" {'|'.join(FORMATS)}."
        )
    return _OF_SUFFIX[suffix]


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = new_parser(prog, DESCRIPTION, EPILOG if prog == "errorshape codes" else EXIT_CODES)
    add_arguments(parser)
    return parser
