"""``errorshape openapi``: the components of a catalogue, or a document made complete."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ...cli import EXIT_CODES, OK, new_parser
from ..loading import STANDARD_NAME, load_catalog, write_text

DESCRIPTION = """\
Prints the OpenAPI components of a catalogue: the schema of the body, the
headers, and a response for each code. With --into, prints an OpenAPI document
in which every operation has what it can answer: the contract's 400, a default
for any other error, and the trace id's header.
"""

EPILOG = f"""\
examples:
  errorshape openapi shop.errors:CATALOG
  errorshape openapi shop.errors:CATALOG --into api.yaml --output api.json

{EXIT_CODES}"""


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code, raises CommandError where it cannot run."""
    options = _parser().parse_args(argv)
    catalog = load_catalog(options.catalog)
    import msgspec

    from . import complete, components
    from .reading import load_document

    if options.into:
        document = load_document(options.into)
        made = complete(document, catalog, problem_json=options.problem_json)
    else:
        made = {"components": components(catalog, problem_json=options.problem_json)}
    text = msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
    if options.output:
        write_text(options.output, text)
    else:
        sys.stdout.write(text)
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("errorshape openapi", DESCRIPTION, EPILOG)
    parser.add_argument(
        "catalog",
        nargs="?",
        default=STANDARD_NAME,
        metavar="MODULE:CATALOG",
        help="where the catalogue is; default: the standard one",
    )
    parser.add_argument("--into", metavar="FILE", help="the OpenAPI document (JSON, YAML)")
    parser.add_argument("--output", metavar="FILE", help="write it there, as JSON")
    parser.add_argument(
        "--problem-json",
        action="store_true",
        help="with RFC 9457's media type as well, as of a layer with problem_json=True",
    )
    return parser
