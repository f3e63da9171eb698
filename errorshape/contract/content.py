"""The reference page as blocks: what it says, whatever it is rendered to.

Texts are plain but for `code` in backticks and [codes], links to the anchors of error codes, in
brackets; :func:`pieces` takes them apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from ..core.catalog import Catalog, status_name
from ..core.exceptions import APIError
from ..core.layer import ErrorLayer
from .reference import Entry, reference

TRACE_ID = "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"

RETRY = {
    "never": "no",
    "backoff": "with exponential backoff",
    "retry_after": "after `Retry-After`, else with exponential backoff",
}


class Heading(NamedTuple):
    """The beginning of a section."""

    text: str
    anchor: str


class Paragraph(NamedTuple):
    """One paragraph."""

    text: str


class Bullets(NamedTuple):
    """A list without an order."""

    items: list[str]


class Sample(NamedTuple):
    """Something to be read in a fixed-width font."""

    language: str
    text: str


class Table(NamedTuple):
    """A table; a row that can be linked to has an anchor."""

    caption: str
    columns: list[str]
    rows: list[list[str]]
    anchors: Sequence[str] = ()


Block = Heading | Paragraph | Bullets | Sample | Table


class Page(NamedTuple):
    """The whole page."""

    title: str
    blocks: list[Block]

    @property
    def anchors(self) -> frozenset[str]:
        """The error codes that can be linked to."""
        tables = [block for block in self.blocks if isinstance(block, Table)]
        return frozenset(anchor for table in tables for anchor in table.anchors)


_marked = re.compile(r"`([^`]+)`|\[([a-z][a-z0-9_]*)\]")


def pieces(text: str, anchors: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield a text piece by piece: its kind (``text``, ``code`` or ``link``) and what it says."""
    start = 0
    for mark in _marked.finditer(text):
        if mark[2] and mark[2] not in anchors:
            continue
        if before := text[start : mark.start()]:
            yield "text", before
        yield ("code", mark[1]) if mark[1] else ("link", mark[2])
        start = mark.end()
    if rest := text[start:]:
        yield "text", rest


def page(catalog: Catalog, title: str = "Errors", trace_header: str = "X-Request-Id") -> Page:
    """Return the reference of a catalogue: shape, statuses, codes, validation, handling."""
    entries = reference(catalog, trace_header).codes
    return Page(
        title,
        [
            *_shape(entries, trace_header),
            *_statuses(entries),
            *_codes(entries),
            *_validation(entries, trace_header),
            *_handling(entries, trace_header),
        ],
    )


def _shape(entries: list[Entry], trace_header: str) -> Iterable[Block]:
    yield Paragraph(
        "Every error of this API, whatever went wrong and wherever, has one shape: a JSON object"
        " with the single key `error`."
    )
    yield Heading("The response", "response")
    yield Sample("http", _response(_example(entries), trace_header))
    yield Table(
        "The fields of an error",
        ["field", "type", "what it is"],
        [
            ["`error.code`", "string", "What went wrong, for programs: branch on this, and only"
             " on this. It is never translated."],
            ["`error.message`", "string", "What went wrong, for people. It may change at any time"
             " and may be translated."],
            ["`error.trace_id`", "string", f"The id of the request, the same as in the header"
             f" `{trace_header}` and in our logs: quote it when you report a problem."],
            ["`error.details`", "object of strings", "What else there is to say; left out when"
             " there is nothing. Of a validation error it has each invalid field by its path."],
        ],
    )  # fmt: skip
    yield Paragraph(
        f"The header `{trace_header}` is on every response, successes included. Send one of your"
        " own (1 to 128 characters of `A-Z a-z 0-9 . _ ~ + / = : @ -`) and it is used as the"
        " request's id; a W3C `traceparent` works as well. A body has at most 16 KiB, at most 100"
        " details, and at most 1,000 characters in a string; what is longer is cut, visibly, with"
        " `…`. Ignore fields that you do not know."
    )


def _statuses(entries: list[Entry]) -> Iterable[Block]:
    yield Heading("Status codes", "statuses")
    names = {entry.status: entry.name for entry in entries}
    rows = []
    for status in sorted(names):
        codes = [f"[{entry.code}]" for entry in entries if entry.status == status]
        name = names[status] or ("Any other" if not status.isdecimal() else "")
        rows.append([f"`{status}`", name, ", ".join(codes)])
    yield Table("The status codes of errors", ["status", "name", "codes"], rows)


def _codes(entries: list[Entry]) -> Iterable[Block]:
    yield Heading("Error codes", "codes")
    own = [entry for entry in entries if not entry.is_further]
    further = [entry for entry in entries if entry.is_further]
    if own:
        yield _code_table("The error codes of this API", own)
    if further:
        yield Paragraph("These codes can come from any part of the service:")
        yield _code_table("The codes that any part of the service can give", further)


def _code_table(caption: str, entries: list[Entry]) -> Table:
    return Table(
        caption,
        ["code", "status", "when", "retry"],
        [
            [f"`{entry.code}`", entry.status, entry.description, RETRY[entry.retry]]
            for entry in entries
        ],
        [entry.code for entry in entries],
    )


def _validation(entries: list[Entry], trace_header: str) -> Iterable[Block]:
    entry = next((entry for entry in entries if entry.code == "validation_error"), None)
    if entry is None:
        return
    yield Heading("Validation errors", "validation")
    yield Paragraph(
        f"A request whose body or parameters are not valid is answered with `{entry.status}` and"
        " the code [validation_error]. Its `details` map each invalid field, by its path, to what"
        " is wrong with it. This request"
    )
    sent = {"connector": {"name": "github", "config": {"api_key": "short"}, "tags": [7]}}
    body = json.dumps(sent, indent=2)
    request = "POST /connectors HTTP/1.1\nContent-Type: application/json"
    yield Sample("http", f"{request}\n\n{body}")
    yield Paragraph("is answered with")
    details = {
        "connector.config.api_key": "Expected `str` of length >= 8",
        "connector.tags.0": "Expected `str`, got `int`",
    }
    yield Sample("http", _response(_raised(entry, entry.message, details), trace_header))
    yield Table(
        "How a path is written",
        ["path", "what it names"],
        [
            ["`connector.config.api_key`", "a field in an object in an object"],
            ["`tags.0.name`", "a field of the first item of a list"],
            ["`$`", "the whole input, as when the body is no JSON"],
            ["`limits.*`", "a key of an object whose keys are free"],
            ['`["a.b"]`', 'a name that is empty or holds `.`, `[`, `]` or `"`, with the escapes of'
             " JSON"],
        ],
    )  # fmt: skip
    yield Paragraph(
        "Several messages about one field are joined by `; `. Where the field was (body, query,"
        " path, header) is not part of its path."
    )


def _handling(entries: list[Entry], trace_header: str) -> Iterable[Block]:
    yield Heading("Handling errors and retries", "handling")
    retryable = [f"[{entry.code}]" for entry in entries if entry.retry != "never"]
    waits = [f"[{entry.code}]" for entry in entries if entry.retry == "retry_after"]
    steps = [
        "Branch on `error.code`. Where you do not know the code, go by the status: `4xx` means"
        " that the request has to change, `5xx` that it was not your fault.",
        f"Log `error.trace_id`. It is all that is needed to find what happened; the header"
        f" `{trace_header}` has it even where there is no body, as after HEAD.",
        "Do not parse `error.message`.",
    ]
    if retryable:
        steps.append(
            f"These codes are worth another try: {', '.join(retryable)}. Wait longer each time"
            " (exponential backoff, with a random part, so that clients do not come back all at"
            " once) and give up after a few tries. Everything else fails again until the request,"
            " or what it depends on, has changed."
        )
    if waits:
        steps.append(
            f"{', '.join(waits)}: wait for as long as the header `Retry-After` says, in seconds or"
            " as a date."
        )
    steps.append(
        "Repeat by itself only what may happen twice: GET, PUT and DELETE are made for it"
        " (RFC 9110 §9.2.2), POST is not unless the API says so."
    )
    yield Bullets(steps)
    yield Paragraph("In Python, with any client whose responses are like those of httpx:")
    yield Sample("python", _sample([entry.code for entry in entries if entry.retry != "never"]))


def _sample(retryable: list[str]) -> str:
    codes = "".join(f'    "{code}",\n' for code in retryable)
    return f"""\
import random
import time

RETRYABLE = {{
{codes}}}


def send(client, request, tries=5):
    for attempt in range(tries):
        response = client.send(request)
        if response.status_code < 400:
            return response
        error = response.json()["error"]
        if error["code"] not in RETRYABLE or attempt + 1 == tries:
            break
        wait = response.headers.get("Retry-After", "")
        time.sleep(int(wait) if wait.isdecimal() else random.uniform(0, 2**attempt))
    raise RuntimeError(f"{{error['code']}} [{{error['trace_id']}}]: {{error['message']}}")"""


def _example(entries: list[Entry]) -> APIError:
    """Return an error of the catalogue to show the shape by."""
    for entry in entries:
        if entry.code == "not_found":
            return _raised(entry, "Issue iss_01abc123 not found", {"id": "iss_01abc123"})
    return _raised(entries[0], entries[0].message, None) if entries else APIError()


def _raised(entry: Entry, message: str, details: dict[str, str] | None) -> APIError:
    """Return the error as it would be raised (its class may want arguments of its own)."""
    error = APIError(message, details=details)
    error.code = entry.code
    error.status = int(entry.status.replace("x", "0"))
    return error


def _response(error: APIError, trace_header: str) -> str:
    """Write the response that errorshape gives to an error, the body indented."""
    documented = type("Documented", (APIError,), {"code": error.code, "status": error.status})
    layer = ErrorLayer(Catalog(documented), trace_header=trace_header, log_records=False)
    response = layer.respond(error, trace_id=TRACE_ID)
    # The length would be that of the body as it is sent, which is not indented.
    shown = [(name, value) for name, value in response.headers if name != "Content-Length"]
    headers = "\n".join(f"{name}: {value}" for name, value in shown)
    body = json.dumps(json.loads(response.body), indent=2, ensure_ascii=False)
    start = f"HTTP/1.1 {response.status} {status_name(response.status)}".rstrip()
    return f"{start}\n{headers}\n\n{body}"
