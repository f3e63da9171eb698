"""The console of the commands that print tables: as wide as the terminal, plain for a pipe."""

from __future__ import annotations

from typing import Any

from rich.console import Console


class CommandConsole(Console):
    """Colours only on a terminal and not with NO_COLOR; a pipe that closes ends the command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, **options)
        if not self.is_terminal:
            # A pipe has no width: nothing is cut to fit 80 columns.
            self.width = 160
        plain = self.options.ascii_only
        self.good = "ok" if plain else "✓"
        self.bad = "NO" if plain else "✗"

    def on_broken_pipe(self) -> None:
        """Leave it to the command line; rich would exit with the code that means a breach."""
        self.quiet = True
        raise BrokenPipeError


def printable(text: str, console: Console) -> str:
    """Return text of others without control characters and what this terminal cannot show."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return shown.encode(console.encoding, "replace").decode(console.encoding)
