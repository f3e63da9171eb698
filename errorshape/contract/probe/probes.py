"""The probes: what is sent, and what is asked of the answers beyond the contract's own rules.

Those of :func:`general` need no knowledge of the API, :func:`of_document` reads its OpenAPI file.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..conformance import Answer, Breach, shortened
from .targets import Sent

Judge = Callable[["Probe", Sequence[Answer | str], str], Iterable[tuple[int, Breach]]]

#: RFC 9110 §9.2.1, but TRACE, which many servers answer by themselves.
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
JSON = ("Content-Type", "application/json")
MALFORMED = b'{"errorshape": '
#: Characters; within what servers allow for a request line.
LONG_QUERY = 4_000
#: Bytes; more than most APIs accept, and little enough to be sent at once.
LARGE_BODY = 1024 * 1024
TRACE_HEX = "0af7651916cd43dd8448eb211c80319c"

#: What is no trace id, by what is wrong with it.
HOSTILE = {
    "129 characters": "a" * 129,
    "markup": "<script>alert(1)</script>",
    "a space": "two words",
    "quotes": '"quoted"',
    "not ASCII": "caf\xe9",
    "a format": "%(levelname)s",
}


@dataclass(frozen=True)
class Probe:
    """One question to a service: its requests, and a judge for what the answers have in common."""

    name: str
    requests: tuple[Sent, ...]
    judge: Judge
    #: Send them all at once, where the target allows it.
    at_once: bool = False
    #: Statuses that the operation documents, None if nothing is known.
    documented: frozenset[str] | None = None

    @property
    def is_safe(self) -> bool:
        """Whether all of its methods are (RFC 9110 §9.2.1)."""
        return all(request.method in SAFE for request in self.requests)


def general(
    paths: Sequence[str], *, trace_header: str, edge: bool, gentle: bool
) -> Iterator[Probe]:
    """Yield the probes that need no knowledge of the API; ``paths`` may exist."""
    unknown = f"/errorshape-check-{secrets.token_hex(4)}"

    def get(*headers: tuple[str, str], path: str = unknown) -> Sent:
        return Sent("GET", path, headers)

    yield Probe("unknown route", (get(), get()), _all(_no_crash, _fresh))
    yield Probe("HEAD", (get(), Sent("HEAD", unknown)), _all(_no_crash, _like_get))
    yield Probe("a path that is no UTF-8", (get(path="/%ff%fe"),), _no_crash)
    yield Probe("known path", tuple(get(path=path) for path in paths), _no_crash)
    # An extension method (RFC 9110 §16.1.1) that nobody has; TRACE is the safe one that few have.
    method = "TRACE" if gentle else "ERRORSHAPE"
    yield Probe("wrong method", tuple(Sent(method, path) for path in paths), _no_crash)
    yield Probe(
        "malformed JSON",
        tuple(Sent("POST", path, (JSON,), MALFORMED) for path in paths),
        _all(_no_crash, _malformed),
    )
    strange = "application/x-errorshape"
    yield Probe(
        "wrong media type",
        tuple(Sent("POST", path, (("Content-Type", strange),), b"\0\xff") for path in paths),
        _no_crash,
    )
    yield Probe("nothing acceptable", (get(("Accept", strange)),), _no_crash)
    yield Probe("long query", (get(path=f"{unknown}?q={'q' * LONG_QUERY}"),), _no_crash)
    large = b'{"errorshape": "' + b"x" * LARGE_BODY + b'"}'
    yield Probe("large body", (Sent("POST", unknown, (JSON,), large),), _no_crash)
    yield from _about_ids(get, trace_header, edge)


def _about_ids(get: Callable[..., Sent], trace_header: str, edge: bool) -> Iterator[Probe]:
    for what, value in HOSTILE.items():
        yield Probe(f"hostile id: {what}", (get((trace_header, value)),), _not_echoed)
    twice = get((trace_header, "one-1"), (trace_header, "two-2"))
    yield Probe("hostile id: two of them", (twice,), _not_echoed)
    zeros = get(("traceparent", f"00-{'0' * 32}-b7ad6b7169203331-01"))
    yield Probe("invalid traceparent", (zeros,), _no_zeros)
    ids = [f"check-{number}.{secrets.token_hex(4)}" for number in range(8)]
    if edge:
        yield Probe("concurrent ids", tuple(get() for _ in ids), _fresh, at_once=True)
        return
    longest = "Az09._~+/=:@-".ljust(128, "z")
    good = (get((trace_header, ids[0])), get((trace_header, longest)))
    yield Probe("good id", good, _taken_over)
    traceparent = get(("traceparent", f"00-{TRACE_HEX}-b7ad6b7169203331-01"))
    yield Probe("traceparent", (traceparent,), _traced)
    each = tuple(get((trace_header, value)) for value in ids)
    yield Probe("concurrent ids", each, _not_mixed, at_once=True)


def of_document(document: dict[str, Any]) -> Iterator[Probe]:
    """Yield probes of the operations of an OpenAPI document, its paths filled with odd values."""
    for path, item in (document.get("paths") or {}).items():
        if not isinstance(item, dict):
            continue
        for method, operation in item.items():
            if method not in ("get", "head", "post", "put", "patch") or not isinstance(
                operation, dict
            ):
                continue
            filled = _filled(path, [*_list(item), *_list(operation)], document)
            documented = frozenset(map(str, operation.get("responses") or {}))
            name = f"{method.upper()} {path}"
            if method in ("get", "head"):
                requests: tuple[Sent, ...] = (Sent(method.upper(), filled),)
                yield Probe(name, requests, _no_crash, documented=documented)
            elif _takes_json(operation, document):
                sent = (Sent(method.upper(), filled, (JSON,), MALFORMED),)
                judge = _all(_no_crash, _malformed, _refused)
                yield Probe(f"{name}: malformed JSON", sent, judge, documented=documented)


def undocumented(probe: Probe, answer: Answer) -> Iterator[Breach]:
    """Say if the status of an error is not in the document."""
    status = str(answer.status)
    if probe.documented is None or answer.status < 400:
        return
    if not probe.documented & {status, f"{status[0]}XX", "default"}:
        what = f"{status} is not among the documented {', '.join(sorted(probe.documented))}"
        yield Breach("undocumented-status", what)


# --- judges --------------------------------------------------------------------------------------


def _answers(answers: Sequence[Answer | str]) -> Iterator[tuple[int, Answer]]:
    for number, answer in enumerate(answers):
        if isinstance(answer, Answer):
            yield number, answer


def _all(*judges: Judge) -> Judge:
    def judge(
        probe: Probe, answers: Sequence[Answer | str], header: str
    ) -> Iterator[tuple[int, Breach]]:
        for each in judges:
            yield from each(probe, answers, header)

    return judge


def _no_crash(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    for number, answer in _answers(answers):
        # 501 is for methods (RFC 9110 §15.6.2), 503 is said on purpose.
        if answer.status >= 500 and answer.status not in (501, 503, 505):
            yield number, Breach("crash", f"the status is {answer.status}")


def _fresh(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    seen: set[str] = set()
    for number, answer in _answers(answers):
        trace_id = answer.get(header)
        if trace_id in seen:
            yield number, Breach("ids-repeated", f"two requests have the id {shortened(trace_id)}")
        if trace_id is not None:
            seen.add(trace_id)


def _like_get(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    got = [answer for _, answer in _answers(answers)]
    if len(got) == 2 and got[0].status != got[1].status:
        what = f"GET is answered with {got[0].status}, HEAD with {got[1].status}"
        yield 1, Breach("head-differs", what)


def _malformed(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    for number, answer in _answers(answers):
        if answer.status == 422:
            yield number, Breach("malformed-status", "malformed JSON is answered with 422")


def _refused(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    for number, answer in _answers(answers):
        if answer.status < 300:
            what = f"malformed JSON is answered with {answer.status}"
            yield number, Breach("malformed-accepted", what)


def _ids(request: Sent, header: str) -> list[str]:
    return [value for name, value in request.headers if name == header]


def _not_echoed(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    for number, answer in _answers(answers):
        sent = _ids(probe.requests[number], header)
        echoed = [value for value in answer.all(header) if any(bad in value for bad in sent)]
        if echoed:
            yield number, Breach("id-echoed", f"{header} is {shortened(echoed[0])}, as it was sent")


def _taken_over(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    for number, answer in _answers(answers):
        (sent,) = _ids(probe.requests[number], header)
        if answer.get(header) not in (sent, None):
            what = f"{shortened(sent)} was sent, {header} is {shortened(answer.all(header)[0])}"
            yield number, Breach("id-ignored", what)


def _not_mixed(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    all_ids = {value for request in probe.requests for value in _ids(request, header)}
    for number, answer in _answers(answers):
        got = answer.get(header)
        body = answer.error.get("trace_id")
        for value in (got, body):
            if value in all_ids - set(_ids(probe.requests[number], header)):
                yield number, Breach("ids-mixed", f"{value} is the id of another request")
                break


def _traced(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    for number, answer in _answers(answers):
        if answer.get(header) not in (TRACE_HEX, None):
            what = f"{header} is {shortened(answer.all(header)[0])}, the trace-id {TRACE_HEX}"
            yield number, Breach("traceparent-ignored", what)


def _no_zeros(
    probe: Probe, answers: Sequence[Answer | str], header: str
) -> Iterator[tuple[int, Breach]]:
    for number, answer in _answers(answers):
        if answer.get(header) == "0" * 32:
            yield number, Breach("id-echoed", "a trace-id of zeros, which is invalid, was taken")


# --- OpenAPI -------------------------------------------------------------------------------------


def _list(holder: dict[str, Any]) -> list[Any]:
    parameters = holder.get("parameters")
    return parameters if isinstance(parameters, list) else []


def _resolved(value: Any, document: dict[str, Any]) -> dict[str, Any]:
    """Follow one local reference; what is none, or leads nowhere, is as it is."""
    if isinstance(value, dict) and str(value.get("$ref", "")).startswith("#/"):
        found: Any = document
        for part in value["$ref"][2:].split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        value = found
    return value if isinstance(value, dict) else {}


def _filled(path: str, parameters: list[Any], document: dict[str, Any]) -> str:
    """Fill the parameters of a path with values of their type that nothing will have."""
    numbers = set()
    for parameter in parameters:
        parameter = _resolved(parameter, document)
        schema = _resolved(parameter.get("schema"), document)
        if parameter.get("in") == "path" and schema.get("type") in ("integer", "number"):
            numbers.add(parameter.get("name"))
    return re.sub(
        r"\{([^}]*)\}", lambda name: "999999999" if name[1] in numbers else "errorshape-check", path
    )


def _takes_json(operation: dict[str, Any], document: dict[str, Any]) -> bool:
    content = _resolved(operation.get("requestBody"), document).get("content")
    return isinstance(content, dict) and "application/json" in content
