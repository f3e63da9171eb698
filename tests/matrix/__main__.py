"""Write docs/coverage-matrix.md: ``python -m tests.matrix``."""

from __future__ import annotations

from pathlib import Path

from tests.matrix import COLUMNS, SERVERS
from tests.matrix.cases import CASES
from tests.matrix.impossible import reason
from tests.stacks import Stack

PAGE = Path(__file__).parents[2] / "docs" / "coverage-matrix.md"

_HEAD = """# What is shaped where

Written by `python -m tests.matrix`; the tests hold every cell against real servers
({servers}).
✓: as the contract has it. ✗: there is no such thing on this stack. A number: it cannot be, for the
reason below the tables.
"""


def table() -> str:
    """Return the page."""
    notes: list[str] = []
    servers = sorted({server for some in SERVERS.values() for server in some})
    parts = [_HEAD.format(servers=", ".join(servers))]
    for protocol in ("asgi", "wsgi"):
        stacks = [stack for stack in COLUMNS if stack.protocol == protocol]
        parts.append(f"## {protocol.upper()}\n\nOn {', '.join(SERVERS[protocol])}.\n")
        parts.append(_rows(stacks, notes))
    parts.append("## Why not\n\n" + "\n".join(f"{n}. {text}" for n, text in enumerate(notes, 1)))
    return "\n".join(parts) + "\n"


def _rows(stacks: list[Stack], notes: list[str]) -> str:
    lines = [
        "| | " + " | ".join(str(stack).replace("_", " ") for stack in stacks) + " |",
        "| --- |" + " :-: |" * len(stacks),
    ]
    section = ""
    for case in CASES:
        if case.section != section:
            section = case.section
            lines.append(f"| **{section}** |" + " |" * len(stacks))
        cells = [_cell(case.name, stack, notes) for stack in stacks]
        lines.append(f"| {case.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(case: str, stack: Stack, notes: list[str]) -> str:
    """Return ✓, ✗, or the numbers of the reasons, with the servers that each is about."""
    servers = SERVERS[stack.protocol]
    whys = {server: why for server in servers if (why := reason(case, stack, server))}
    if not whys:
        return "✓"
    parts = []
    for why in dict.fromkeys(whys.values()):
        if why.text not in notes:
            notes.append(why.text)
        where = [server for server, other in whys.items() if other is why]
        mark = "✗" if why.absent else ""
        few = "" if len(where) == len(servers) else f" {', '.join(where)}"
        parts.append(f"{mark}[{notes.index(why.text) + 1}]{few}")
    return ("" if len(whys) == len(servers) else "✓, but ") + " ".join(parts)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(table(), encoding="utf-8")
