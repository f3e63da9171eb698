"""The codes of a catalogue as a table for a terminal."""

from __future__ import annotations

import io

from rich import box
from rich.table import Table
from rich.text import Text

from ..core.catalog import Catalog
from .content import RETRY
from .reference import Entry, reference
from .screen import CommandConsole, printable

_COLOUR = {"4": "yellow", "5": "red"}
_SHORT = {**RETRY, "retry_after": "after `Retry-After`", "backoff": "with backoff"}


def show(catalog: Catalog) -> None:
    """Print the codes of a catalogue."""
    console = CommandConsole()
    _print(catalog, console)


def render(catalog: Catalog) -> str:
    """Return the table as plain text, as it is in a pipe."""
    stream = io.StringIO()
    _print(catalog, CommandConsole(file=stream, color_system=None))
    return stream.getvalue()


def _print(catalog: Catalog, console: CommandConsole) -> None:
    entries = reference(catalog).codes
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, expand=False)
    table.add_column("code", no_wrap=console.width >= 60, overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("when", ratio=1)
    if console.width >= 100:
        table.add_column("retry", no_wrap=True)
    for number, entry in enumerate(entries):
        following = entries[number + 1 : number + 2]
        ends = bool(following) and following[0].is_further != entry.is_further
        table.add_row(*_cells(entry, console)[: len(table.columns)], end_section=ends)
    console.print(table)


def _cells(entry: Entry, console: CommandConsole) -> list[Text]:
    status = Text(entry.status, style=_COLOUR[entry.status[0]])
    when = printable(entry.description.replace("`", ""), console)
    retry = _SHORT[entry.retry].replace("`", "")
    return [Text(entry.code, style="cyan"), status, Text(when), Text(retry)]
