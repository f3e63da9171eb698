"""The reference page as Markdown (CommonMark with tables), to be published as it is."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Container

from .content import Block, Bullets, Heading, Page, Paragraph, Sample, Table, pieces

WIDTH = 100
_special = re.compile(r"([\\*_<>\[\]|`#])")


def render(page: Page) -> str:
    """Return the page as Markdown; it ends with a newline."""
    parts = [f"# {_text(page.title)}", *(_block(block, page.anchors) for block in page.blocks)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block, anchors: Container[str]) -> str:
    if isinstance(block, Heading):
        return f"## {block.text}"
    if isinstance(block, Paragraph):
        return _wrapped(_inline(block.text, anchors))
    if isinstance(block, Bullets):
        return "\n".join(
            _wrapped(_inline(item, anchors), first="- ", rest="  ") for item in block.items
        )
    if isinstance(block, Sample):
        return f"```{block.language}\n{block.text}\n```"
    return _table(block, anchors)


def _table(table: Table, anchors: Container[str]) -> str:
    rows = [[_inline(cell, anchors) for cell in row] for row in table.rows]
    for row, anchor in zip(rows, table.anchors, strict=False):
        row[0] = f'<a id="{anchor}"></a>{row[0]}'
    lines = [table.columns, ["---"] * len(table.columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _inline(text: str, anchors: Container[str]) -> str:
    return "".join(_piece(kind, piece) for kind, piece in pieces(text, anchors))


def _piece(kind: str, text: str) -> str:
    if kind == "text":
        return _text(text)
    return _code(text) if kind == "code" else f"[`{text}`](#{text})"


def _code(text: str) -> str:
    # In a table a bar ends the cell even inside of code (GFM §4.10).
    return "`{}`".format(text.replace("|", "\\|"))


def _text(text: str) -> str:
    return _special.sub(r"\\\1", text)


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    # What is in backticks stays on one line: a line break in it would be read as a space.
    kept = re.sub(r"`[^`]*`", lambda code: code[0].replace(" ", "\0"), text)
    lines = textwrap.fill(
        kept,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace("\0", " ")
