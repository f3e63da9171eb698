"""``errorshape diff``: what a new catalogue changes for the clients of the old one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..cli import BROKEN, EXIT_CODES, OK, CommandError, new_parser
from .content import RETRY
from .loading import load_catalog, read_text
from .reference import FORMAT, Entry, Reference, reference

DESCRIPTION = """\
Compares two catalogues, each a file that 'errorshape codes --format json' has
written or MODULE:CATALOG, and prints what changes as text for a CHANGELOG.

Breaking: a code removed, the status of a code changed, a header of a code
removed, a field of the body removed, made optional or of another type.
Not breaking: a code or a field added; a message, description or advice changed.
"""

EPILOG = f"""\
examples:
  errorshape codes shop.errors:CATALOG --output released.json   at a release
  errorshape diff released.json shop.errors:CATALOG             before the next
  errorshape diff 1.json 2.json --format json

Here 1 means that there is a breaking change.

{EXIT_CODES}"""

SECTIONS = {"added": "Added", "changed": "Changed", "removed": "Removed"}


class Change(msgspec.Struct, frozen=True):
    """One difference: ``added``, ``changed`` or ``removed``, and what it means to clients."""

    kind: str
    breaking: bool
    text: str


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code, raises CommandError where it cannot run."""
    options = _parser().parse_args(argv)
    found = list(changes(_loaded(options.old), _loaded(options.new)))
    if options.format == "json":
        encoded = msgspec.json.encode({"changes": found})
        sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")
    else:
        sys.stdout.write(as_markdown(found))
    breaking = sum(change.breaking for change in found)
    if breaking:
        noun = "change is" if breaking == 1 else "changes are"
        print(f"{breaking} {noun} breaking.", file=sys.stderr)
        return BROKEN
    return OK


def changes(old: Reference, new: Reference) -> Iterator[Change]:
    """Yield what is different in ``new``, for clients that know ``old``."""
    yield from _body_changes(old.body, new.body)
    before = {entry.code: entry for entry in old.codes}
    after = {entry.code: entry for entry in new.codes}
    for code, entry in before.items():
        if code not in after:
            yield Change("removed", True, f"The error code `{code}` ({entry.status}).")
    for code, entry in after.items():
        if code in before:
            yield from _entry_changes(before[code], entry)
        else:
            text = f"The error code `{code}` ({entry.status}): {_as_clause(entry.description)}"
            yield Change("added", False, text)


def as_markdown(found: Sequence[Change]) -> str:
    """Return the changes in the form of Keep a Changelog."""
    parts = []
    for kind, title in SECTIONS.items():
        lines = [
            f"- {'**Breaking:** ' if change.breaking else ''}{change.text}"
            for change in sorted(found, key=lambda change: not change.breaking)
            if change.kind == kind
        ]
        if lines:
            parts.append(f"### {title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts) or "No change for clients.\n"


def _entry_changes(old: Entry, new: Entry) -> Iterator[Change]:
    code = f"`{old.code}`"
    if old.status != new.status:
        text = f"The status of {code} is {new.status}; it was {old.status}."
        yield Change("changed", True, text)
    for name in old.headers:
        if name not in new.headers:
            yield Change("removed", True, f"The header `{name}` of {code}.")
    for name in new.headers:
        if name not in old.headers:
            yield Change("added", False, f"The header `{name}` of {code}.")
    if old.retry != new.retry:
        was, now = RETRY.get(old.retry, old.retry), RETRY.get(new.retry, new.retry)
        text = f"Whether to send a request again after {code}: {now}; it was: {was}."
        yield Change("changed", False, text)
    if old.message != new.message:
        yield Change("changed", False, f"The message of {code}: {_as_clause(new.message)}")
    if old.description != new.description:
        yield Change("changed", False, f"The description of {code}: {_as_clause(new.description)}")


def _body_changes(old: Any, new: Any, path: str = "") -> Iterator[Change]:
    """Compare two JSON Schemas of the body, as far as a client sees a difference."""
    where = f"`{path}`" if path else "the body"
    if old.get("type") != new.get("type"):
        text = f"The type of {where} is {new.get('type')}; it was {old.get('type')}."
        yield Change("changed", True, text)
        return
    fields, now = old.get("properties", {}), new.get("properties", {})
    for name, schema in fields.items():
        inside = f"{path}.{name}" if path else name
        if name not in now:
            yield Change("removed", True, f"The field `{inside}`.")
            continue
        if name in old.get("required", ()) and name not in new.get("required", ()):
            yield Change("changed", True, f"The field `{inside}` may be missing now.")
        yield from _body_changes(schema, now[name], inside)
    for name in now:
        if name not in fields:
            inside = f"{path}.{name}" if path else name
            yield Change("added", False, f"The field `{inside}`.")
    values, others = old.get("additionalProperties"), new.get("additionalProperties")
    if isinstance(values, dict) and isinstance(others, dict):
        yield from _body_changes(values, others, f"{path}.*")


def _as_clause(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _loaded(name: str) -> Reference:
    if not name.endswith(".json") and not Path(name).is_file():
        return reference(load_catalog(name))
    text = read_text(name)
    try:
        found = msgspec.json.decode(text, type=Reference)
    except msgspec.MsgspecError as exc:
        reason = str(exc).replace("`", "").rstrip(".")
        raise CommandError(
            f"{name} is no catalogue in JSON ({reason}): write it with 'errorshape codes --format"
            " json'."
        ) from None
    if found.format > FORMAT:
        raise CommandError(
            f"{name} is of format {found.format}, this errorshape knows {FORMAT}: install a newer"
            " one."
        )
    return found


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("errorshape diff", DESCRIPTION, EPILOG)
    parser.add_argument("old", metavar="OLD", help="a JSON file, or MODULE:CATALOG")
    parser.add_argument("new", metavar="NEW", help="a JSON file, or MODULE:CATALOG")
    parser.add_argument(
        "--format", choices=("markdown", "json"), default="markdown", help="default: markdown"
    )
    return parser
