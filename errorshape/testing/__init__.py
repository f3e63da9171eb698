"""Assertions about errors, for the response of any client.

:func:`assert_error` knows the responses of Flask's, Django's and Starlette's test clients, of
httpx, httpx2, requests and aiohttp (after ``await response.read()``), and what is like them. The
fixtures are in :mod:`errorshape.testing.plugin`, which pytest finds by itself, the check for
schemathesis is in :mod:`errorshape.testing.schemathesis`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..contract.conformance import Answer, Breach, breaches
from ..contract.reference import status_of
from ..core.catalog import STANDARD, Catalog
from ..core.exceptions import APIError


def assert_error(
    response: Any,
    code: str | type[APIError],
    *,
    status: int | None = None,
    details: Mapping[str, str] | None = None,
    message: str | None = None,
    trace_header: str = "X-Request-Id",
) -> dict[str, Any]:
    """Assert that ``response`` is the error ``code``, whole: body, headers, trace id.

    ``code`` is the code or its class. ``status`` is by default that of the class with this code, if
    there is one. ``details`` and ``message``, if given, are all of them (``{}``: there are none).
    Returns the error: the object under ``error``. Raises :exc:`AssertionError`, which shows what
    differs and the whole response, and :exc:`TypeError` for what is no response.
    """
    __tracebackhide__ = True
    answer = answer_of(response)
    wanted = code if isinstance(code, str) else code.code
    differences = [
        *_differences(answer, wanted, status, details, message),
        *(breach.what for breach in breaches(answer, catalog=Catalog(), trace_header=trace_header)),
    ]
    if differences:
        listed = "\n".join(f"  - {difference}" for difference in differences)
        raise AssertionError(
            f"The response is not the error {wanted!r}:\n{listed}\n\n{_shown(answer)}"
        )
    return answer.error


def assert_conforms(
    response: Any, *, catalog: Catalog | None = None, trace_header: str = "X-Request-Id"
) -> None:
    """Assert that ``response``, a success or an error, keeps the contract.

    With a catalogue, no other codes are allowed. Raises as :func:`assert_error` does.
    """
    __tracebackhide__ = True
    answer = answer_of(response)
    found = list(
        breaches(
            answer,
            catalog=STANDARD if catalog is None else catalog,
            own_codes=catalog is None,
            trace_header=trace_header,
        )
    )
    if found:
        raise AssertionError(f"{_listed(found)}\n\n{_shown(answer)}")


def answer_of(response: Any) -> Answer:
    """Return a response of any client as an :class:`~errorshape.contract.conformance.Answer`.

    Raises :exc:`TypeError` for what is no response, or has not been read.
    """
    status = getattr(response, "status_code", None)
    if status is None:
        status = getattr(response, "status", None)
    if not isinstance(status, int) or not hasattr(response, "headers"):
        raise TypeError(f"{response!r} is no response: pass what the client returned.")
    return Answer(int(status), list(_headers(response)), _body(response), _method(response))


def _differences(
    answer: Answer,
    code: str,
    status: int | None,
    details: Mapping[str, str] | None,
    message: str | None,
) -> Iterator[str]:
    statuses = {str(status)} if status is not None else _statuses_of(code)
    if statuses and not statuses & {str(answer.status), f"{answer.status // 100}xx"}:
        yield f"the status is {answer.status}, not {' or '.join(sorted(statuses))}"
    elif answer.status < 400:
        yield f"the status {answer.status} is none of an error"
    if answer.method == "HEAD":
        return
    error = answer.error
    if error.get("code") != code:
        yield f"code is {error.get('code')!r}, not {code!r}"
    if message is not None and error.get("message") != message:
        yield f"message is {error.get('message')!r}, not {message!r}"
    if details is not None:
        yield from _details_differences(error.get("details", {}), details)


def _details_differences(sent: Any, wanted: Mapping[str, str]) -> Iterator[str]:
    if not isinstance(sent, dict):
        yield f"details are {sent!r}"
        return
    for name in wanted.keys() - sent.keys():
        yield f"details have no {name!r}"
    for name in sent.keys() - wanted.keys():
        yield f"details have {name!r}, too: {sent[name]!r}"
    for name in wanted.keys() & sent.keys():
        if sent[name] != wanted[name]:
            yield f"details[{name!r}] is {sent[name]!r}, not {wanted[name]!r}"


def _statuses_of(code: str) -> set[str]:
    """Return the statuses of the classes with this code that have been imported."""
    found, left = set(), [APIError]
    while left:
        for cls in left.pop().__subclasses__():
            left.append(cls)
            if cls.code == code and "code" in vars(cls):
                found.add(status_of(cls))
    return found


def _headers(response: Any) -> Iterable[tuple[str, str]]:
    headers = response.headers
    # requests joins what is there twice; below it, urllib3 has each.
    below = getattr(getattr(response, "raw", None), "headers", None)
    if hasattr(headers, "multi_items"):  # httpx
        pairs = headers.multi_items()
    else:
        pairs = (headers if below is None else below).items()
    for name, value in pairs:
        for each in value if isinstance(value, list) else [value]:  # schemathesis has lists
            yield str(name), str(each)


def _body(response: Any) -> bytes:
    if hasattr(response, "get_data"):  # werkzeug
        body = response.get_data()
    elif getattr(response, "streaming", False):  # Django
        body = response.getvalue()
    elif hasattr(response, "content") and isinstance(response.content, bytes):
        body = response.content
    elif hasattr(response, "body"):  # Starlette
        body = response.body
    else:
        body = _read_body(response)
    return bytes(body)


def _read_body(response: Any) -> bytes:
    """Return the body that aiohttp has read: its coroutine is over at once then.

    Not read(), which refuses once the connection has been given back, while text() does not. As
    latin-1 each byte is a character.
    """
    if not hasattr(response, "text"):
        return bytes(response.read())
    reading = response.text(encoding="latin-1")
    try:
        reading.send(None)
    except StopIteration as over:
        return str(over.value).encode("latin-1")
    reading.close()
    raise TypeError("The response has not been read: `await response.read()` first.")


def _method(response: Any) -> str:
    request = getattr(response, "request", None)
    if isinstance(request, Mapping):  # Django's test client
        return str(request.get("REQUEST_METHOD", "GET"))
    method = getattr(request, "method", None) or getattr(response, "method", None)
    return method if isinstance(method, str) else "GET"


def _shown(answer: Answer) -> str:
    """Write a response as ``curl -i`` does, JSON indented."""
    lines = [f"{answer.method} was answered with {answer.status}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    try:
        body = json.dumps(json.loads(answer.body), indent=2, ensure_ascii=False)
    except ValueError:
        body = answer.body.decode("utf-8", "backslashreplace")
    return "\n".join([*lines, "", body or "(no body)"])


def _listed(found: Iterable[Breach]) -> str:
    lines = "\n".join(f"  - {breach.what}\n    {breach.remedy}" for breach in found)
    return f"The response does not keep the contract:\n{lines}"


__all__ = ["answer_of", "assert_conforms", "assert_error"]
