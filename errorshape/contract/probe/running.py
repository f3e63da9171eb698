"""Send the probes to a target and judge the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ...core.catalog import STANDARD, Catalog
from ..conformance import Answer, Breach, breaches
from .probes import Probe, undocumented
from .targets import Sent, Target, send_all


@dataclass(frozen=True)
class Rules:
    """What answers are judged by, besides the contract itself."""

    catalog: Catalog = STANDARD
    #: Codes that are not in the catalogue are the service's own affair.
    own_codes: bool = True
    trace_header: str = "X-Request-Id"


@dataclass(frozen=True)
class Exchange:
    """A request, its answer (or why there is none), and what is wrong with it."""

    request: Sent
    answer: Answer | str
    breaches: tuple[Breach, ...]


@dataclass(frozen=True)
class Result:
    """What came of a probe."""

    probe: Probe
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether no answer breaches anything."""
        return not any(exchange.breaches for exchange in self.exchanges)


def run(
    target: Target,
    probes: Sequence[Probe],
    rules: Rules,
    *,
    at_once: int = 1,
    advance: Callable[[], object] = lambda: None,
) -> Iterator[Result]:
    """Yield the result of each probe; ``advance`` is called after each request."""
    for probe in probes:
        answers = send_all(target, probe.requests, at_once if probe.at_once else 1)
        found: list[list[Breach]] = [[*_judged(probe, answer, rules)] for answer in answers]
        for number, breach in probe.judge(probe, answers, rules.trace_header):
            found[number].append(breach)
        exchanges = [
            Exchange(request, answer, tuple(dict.fromkeys(wrong)))
            for request, answer, wrong in zip(probe.requests, answers, found, strict=True)
        ]
        for _ in exchanges:
            advance()
        yield Result(probe, exchanges)


def _judged(probe: Probe, answer: Answer | str, rules: Rules) -> Iterator[Breach]:
    if isinstance(answer, str):
        yield Breach("no-answer", answer)
        return
    yield from breaches(
        answer,
        catalog=rules.catalog,
        own_codes=rules.own_codes,
        trace_header=rules.trace_header,
    )
    yield from undocumented(probe, answer)
