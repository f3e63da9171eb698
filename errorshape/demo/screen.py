"""What the demo prints: made for a terminal of 80 columns, and as plain text for a pipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import httpx
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from .checks import DOCUMENTED, Case, Cell
from .logs import records_of
from .servers import Server

#: From this width on there is room for the requests beside the failures.
WIDE = 110
INDENT = (0, 0, 0, 2)


class Screen:
    """Where everything is printed, in the order of the demo."""

    def __init__(self) -> None:
        self._console = _Console(highlight=False)
        plain = self._console.options.ascii_only
        self._good = "ok" if plain else "✓"
        self._bad = "NO" if plain else "✗"

    def say_hello(self, servers: int, failures: int) -> None:
        """Say what is about to happen."""
        self._console.print(f"[bold]{servers} servers, {failures} failures each, one shape[/]")
        self._console.print()

    def waiting(self, what: str) -> AbstractContextManager[object]:
        """Show that something goes on, on a terminal."""
        return self._console.status(f"{what} ...")

    def show_server(self, name: str, server: str, url: str) -> None:
        """Show that a server is up."""
        self._console.print(f"  [green]{self._good}[/] {name:12} on {server:9} {url}")

    @contextmanager
    def counting(self, total: int) -> Iterator[Callable[[], object]]:
        """Show how many of ``total`` requests are done: a bar on a terminal, else one line."""
        self._console.print()
        if not self._console.is_terminal:
            self._console.print(f"Provoking {total} failures ...")
        columns = (TextColumn("Provoking failures"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns,
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as progress:
            task = progress.add_task("", total=total)
            yield lambda: progress.advance(task)

    def show_table(self, cells: Sequence[Cell]) -> None:
        """Show a row per failure and a column per server."""
        servers = dict.fromkeys(cell.server.name for cell in cells)
        wide = self._console.width >= WIDE
        table = Table(
            box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, collapse_padding=True
        )
        table.add_column("failure", no_wrap=True)
        if wide:
            table.add_column("request", style="dim", no_wrap=True)
        table.add_column("what every client gets", no_wrap=True)
        for server in servers:
            table.add_column(server.replace(" ", "\n"), justify="center")
        for case in dict.fromkeys(cell.case for cell in cells):
            marks = [self._mark(cell) for cell in cells if cell.case == case]
            request = [f"{case.method} {case.path}"] if wide else []
            table.add_row(
                case.failure,
                *request,
                f"{case.status} [cyan]{case.code}[/]",
                *marks,
                end_section=case == DOCUMENTED[-1],
            )
        self._console.print(Padding(table, INDENT, expand=False))

    def show_breaches(self, cells: Sequence[Cell]) -> None:
        """Count the cells, and explain those that do not hold, what is alike together."""
        alike: dict[tuple[Case, tuple[str, ...]], list[str]] = {}
        for cell in cells:
            if cell.breaches:
                alike.setdefault((cell.case, cell.breaches), []).append(cell.server.name)
        for (case, breaches), servers in alike.items():
            self._console.print(
                f"  [red]{self._bad} {case.failure}[/] ({case.method} {case.path}) "
                f"on {', '.join(servers)}",
                soft_wrap=True,
            )
            for breach in breaches:
                self._console.print(self._text(f"      {breach}"), soft_wrap=True)
        if failed := sum(map(len, alike.values())):
            self._console.print(f"\n  [red]{failed} of {len(cells)} cells do not hold.[/]")
        else:
            self._console.print(
                f"  [green]All {len(cells)} cells hold[/]: body and headers are the contract's, "
                "X-Request-Id\n  is the body's trace_id, and that id is in the server's own log."
            )

    def show_in_full(self, cell: Cell, response: httpx.Response) -> None:
        """Show a response as it came, and the log records with the same trace id."""
        trace_id = response.headers.get("X-Request-Id", "")
        request = f"{cell.case.method} {cell.case.path}"
        self._rule(f"what the client sees: {request} on {cell.server.name}")
        self._lines(_printed(response), trace_id)
        self._rule("what you see: the server's log")
        for record in records_of(trace_id, cell.server.log_text()):
            self._lines(record, trace_id)

    def show_curl_lines(self, servers: Sequence[Server]) -> None:
        """Show how to try it by hand."""
        self._rule("your turn")
        for server in servers:
            self._console.print(
                f"curl -i {server.url}/issues/iss_01abc123  [dim]# {server.name}[/]", soft_wrap=True
            )
        self._console.print(
            "\nGET / lists the other paths. Add -H 'X-Request-Id: mine-1' to see your own id.\n"
            "The servers' logs follow. Ctrl-C stops all of them.\n"
        )

    def show_log_line(self, server: str, line: str) -> None:
        """Show what a server has just logged."""
        text = Text.assemble((f"{server:12}", "dim"), self._text(line.rstrip("\n")))
        self._console.print(text, soft_wrap=True)

    def say_goodbye(self) -> None:
        """Say that all servers are being stopped."""
        self._console.print("\nStopping the servers.")

    def _mark(self, cell: Cell) -> str:
        return f"[red]{self._bad}[/]" if cell.breaches else f"[green]{self._good}[/]"

    def _text(self, text: str) -> Text:
        """Take text of others as it is, but for what this terminal cannot show."""
        encoding = self._console.encoding
        return Text(text.encode(encoding, "replace").decode(encoding))

    def _rule(self, title: str) -> None:
        self._console.print()
        self._console.print(Rule(title, style="dim", align="left"))

    def _lines(self, text: str, trace_id: str) -> None:
        """Print as it is, however long the lines, with the trace id standing out."""
        lines = self._text(text)
        lines.highlight_words([trace_id] if trace_id else [], "bold cyan")
        self._console.print(lines, soft_wrap=True)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line; rich would exit with the code that means a breach."""
        self.quiet = True
        raise BrokenPipeError


def _printed(response: httpx.Response) -> str:
    """Write a response as ``curl -i`` does, with the body indented."""
    start = f"{response.http_version} {response.status_code} {response.reason_phrase}"
    headers = [(name + b": " + value).decode("latin-1") for name, value in response.headers.raw]
    try:
        body = json.dumps(response.json(), indent=2, ensure_ascii=False)
    except ValueError:
        body = response.text
    return "\n".join([start, *headers, "", body])
