"""What ``errorshape check`` prints, and writes for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import msgspec
from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from ..conformance import REMEDIES, Answer
from ..screen import CommandConsole, printable
from .probes import Probe
from .running import Exchange, Result
from .targets import Sent

_LONGEST = 60


class Report:
    """Prints for people."""

    def __init__(self) -> None:
        self.console = CommandConsole()

    @contextmanager
    def counting(self, total: int) -> Iterator[Callable[[], object]]:
        """Show how many of ``total`` requests are done, on a terminal."""
        columns = (TextColumn("Probing"), BarColumn(), MofNCompleteColumn())
        shown = self.console.is_terminal
        with Progress(
            *columns, console=self.console, transient=True, disable=not shown
        ) as progress:
            task = progress.add_task("", total=total)
            yield lambda: progress.advance(task)

    def plan(self, target: str, probes: Sequence[Probe], left_out: Sequence[str]) -> None:
        """Say what would be sent."""
        requests = sum(len(probe.requests) for probe in probes)
        self._line(f"{requests} requests would go to {target}, and none has been sent:")
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        table.add_column("probe")
        table.add_column("request", overflow="fold")
        for probe in probes:
            for number, request in enumerate(probe.requests):
                name = "" if number else probe.name
                table.add_row(self._text(name), self._text(_line_of(request)))
        self.console.print(table)
        self._left_out(left_out)

    def show(self, target: str, results: Sequence[Result], left_out: Sequence[str]) -> None:
        """Show a row for each probe, then each breach once, with its remedy."""
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        table.add_column("")
        table.add_column("probe")
        # One line a probe; rich's ellipsis is not for terminals of plain ASCII.
        overflow: Any = "crop" if self.console.options.ascii_only else "ellipsis"
        table.add_column("request", no_wrap=True, overflow=overflow)
        table.add_column("answer")
        for result in results:
            first = next((e for e in result.exchanges if e.breaches), result.exchanges[0])
            mark = Text(*self._mark(result.holds))
            more = len(result.exchanges) - 1
            request = _line_of(first.request) + (f"  (+{more})" if more else "")
            cells = (result.probe.name, request, _line_of_answer(first.answer))
            table.add_row(mark, *map(self._text, cells))
        self.console.print(table)
        self._explain(results)
        self._left_out(left_out)
        self._sum_up(target, results)

    def _explain(self, results: Sequence[Result]) -> None:
        for rule, exchanges in _by_rule(results).items():
            first = exchanges[0]
            what = next(breach.what for breach in first.breaches if breach.rule == rule)
            others = f" (and {len(exchanges) - 1} more)" if len(exchanges) > 1 else ""
            self.console.print(
                Text.assemble((f"{self.console.bad} {rule}", "bold red"), f": {self._plain(what)}"),
                soft_wrap=True,
            )
            self._line(f"    on {_line_of(first.request)}{others}")
            self._line(f"    {REMEDIES[rule]}")

    def _sum_up(self, target: str, results: Sequence[Result]) -> None:
        answers = sum(len(result.exchanges) for result in results)
        broken = sum(bool(e.breaches) for result in results for e in result.exchanges)
        if broken:
            rules = len(_by_rule(results))
            many = "a rule" if rules == 1 else f"{rules} rules"
            text = f"{broken} of {answers} answers of {target} break {many} of the contract."
            style = "red"
        else:
            text = f"All {answers} answers of {target} keep the contract."
            style = "green"
        self.console.print(Text(self._plain(text), style), soft_wrap=True)

    def _left_out(self, left_out: Sequence[str]) -> None:
        for reason in left_out:
            self._line(f"Not sent: {reason}")

    def _mark(self, holds: bool) -> tuple[str, str]:
        return (self.console.good, "green") if holds else (self.console.bad, "red")

    def _text(self, text: str) -> Text:
        return Text(self._plain(text))

    def _plain(self, text: str) -> str:
        return printable(text, self.console)

    def _line(self, text: str) -> None:
        self.console.print(self._text(text), soft_wrap=True)


def as_json(target: str, results: Sequence[Result], left_out: Sequence[str]) -> str:
    """Return the report for programs."""
    made = {
        "target": target,
        "holds": all(result.holds for result in results),
        "left_out": list(left_out),
        "probes": [
            {
                "name": result.probe.name,
                "holds": result.holds,
                "exchanges": [_exchange(exchange) for exchange in result.exchanges],
            }
            for result in results
        ],
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def as_junit(target: str, results: Sequence[Result]) -> str:
    """Return the report as JUnit's XML, a test case for each probe."""
    failed = sum(not result.holds for result in results)
    suite = ElementTree.Element(
        "testsuite",
        name=f"errorshape check {target}",
        tests=str(len(results)),
        failures=str(failed),
        errors="0",
        skipped="0",
    )
    for result in results:
        case = ElementTree.SubElement(
            suite, "testcase", classname="errorshape.check", name=result.probe.name
        )
        found = [(e, breach) for e in result.exchanges for breach in e.breaches]
        if found:
            lines = [
                f"{_line_of(e.request)} -> {_line_of_answer(e.answer)}\n  {breach.rule}:"
                f" {breach.what}\n  {breach.remedy}"
                for e, breach in found
            ]
            message = ", ".join(dict.fromkeys(breach.rule for _, breach in found))
            failure = ElementTree.SubElement(case, "failure", message=message)
            failure.text = "".join(
                c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in "\n".join(lines)
            )
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _exchange(exchange: Exchange) -> dict[str, object]:
    answer = exchange.answer
    return {
        "method": exchange.request.method,
        "path": exchange.request.path,
        "headers": exchange.request.headers,
        "status": answer.status if isinstance(answer, Answer) else None,
        "breaches": [
            {"rule": breach.rule, "what": breach.what, "remedy": breach.remedy}
            for breach in exchange.breaches
        ],
    }


def _by_rule(results: Sequence[Result]) -> dict[str, list[Exchange]]:
    by_rule: dict[str, list[Exchange]] = {}
    for result in results:
        for exchange in result.exchanges:
            for rule in dict.fromkeys(breach.rule for breach in exchange.breaches):
                by_rule.setdefault(rule, []).append(exchange)
    return by_rule


def _line_of(request: Sent) -> str:
    line = f"{request.method} {_cut(request.path)}"
    for name, value in request.headers:
        line += f"  {name}: {_cut(value)}"
    return line + (f"  ({len(request.body)} bytes)" if request.body else "")


def _line_of_answer(answer: Answer | str) -> str:
    if isinstance(answer, str):
        return answer
    code = answer.error.get("code")
    return f"{answer.status} {_cut(code)}" if isinstance(code, str) else str(answer.status)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
