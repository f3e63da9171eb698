"""The reference page as one self-contained HTML file: no request goes anywhere."""

from __future__ import annotations

from collections.abc import Container, Iterator
from html import escape
from importlib.resources import files

from .content import Block, Bullets, Heading, Page, Paragraph, Sample, Table, pieces

# Nothing but this page's own style and script, and no request to anywhere.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def render(page: Page) -> str:
    """Return the page as an HTML document."""
    assets = files(__package__)
    style = (assets / "page.css").read_text(encoding="utf-8")
    script = (assets / "page.js").read_text(encoding="utf-8")
    title = escape(page.title)
    body = "\n".join([*_sections(page)])
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>{title}</h1>
<nav aria-label="On this page">
<ul>
{_contents(page)}
</ul>
</nav>
</header>
<main id="content">
{body}
</main>
<script>
{script}</script>
</body>
</html>
"""


def _contents(page: Page) -> str:
    headings = [block for block in page.blocks if isinstance(block, Heading)]
    return "\n".join(f'<li><a href="#{h.anchor}">{escape(h.text)}</a></li>' for h in headings)


def _sections(page: Page) -> Iterator[str]:
    inside = False
    for block in page.blocks:
        if isinstance(block, Heading):
            if inside:
                yield "</section>"
            inside = True
            name = block.anchor
            yield f'<section id="{name}" aria-labelledby="{name}-title">'
            yield f'<h2 id="{name}-title">{escape(block.text)}</h2>'
            if name == "codes":
                yield _FILTER
        else:
            yield _block(block, page.anchors)
    yield "</section>"


# Made visible by the script, without which it would do nothing.
_FILTER = """\
<form id="filter" role="search" hidden>
<label for="wanted">Filter by code, status or words</label>
<input id="wanted" type="search" autocomplete="off" spellcheck="false">
<p id="found" role="status"></p>
</form>"""


def _block(block: Block, anchors: Container[str]) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{_inline(block.text, anchors)}</p>"
    if isinstance(block, Bullets):
        items = "\n".join(f"<li>{_inline(item, anchors)}</li>" for item in block.items)
        return f"<ul>\n{items}\n</ul>"
    if isinstance(block, Sample):
        # Wide samples scroll, so the keyboard has to reach them (WCAG 2.1.1).
        return f'<pre tabindex="0"><code>{escape(block.text, quote=False)}</code></pre>'
    assert isinstance(block, Table)
    return _table(block, anchors)


def _table(table: Table, anchors: Container[str]) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = []
    for number, row in enumerate(table.rows):
        first, *rest = (_inline(cell, anchors) for cell in row)
        identity = ""
        if table.anchors:
            anchor = table.anchors[number]
            identity = f' id="{anchor}"'
            first = f'<a class="anchor" href="#{anchor}">{first}</a>'
        # On a phone a row becomes a card, whose lines need the names of their columns.
        cells = "".join(
            f'<td data-label="{escape(column)}"><span>{cell}</span></td>'
            for column, cell in zip(table.columns[1:], rest, strict=True)
        )
        rows.append(f'<tr{identity}><th scope="row">{first}</th>{cells}</tr>')
    kind = ' class="codes"' if table.anchors else ""
    body = "\n".join(rows)
    return (
        f"<table{kind}>\n<caption>{escape(table.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    )


def _inline(text: str, anchors: Container[str]) -> str:
    return "".join(_piece(kind, piece) for kind, piece in pieces(text, anchors))


def _piece(kind: str, text: str) -> str:
    if kind == "text":
        return escape(text, quote=False)
    code = f"<code>{escape(text, quote=False)}</code>"
    return code if kind == "code" else f'<a href="#{text}">{code}</a>'
