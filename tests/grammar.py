"""The ASGI message grammar: the fields that each message of an application has, and their types.

ASGI 3.0 with HTTP and WebSocket 2.5, lifespan 2.0, and the extensions of the specification. Which
message may come when is for ``tests.drivers``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

Rule = Callable[[Any], bool]

#: RFC 6455 §7.4, as registered: 1004 to 1006 and 1015 are never sent.
_SENDABLE = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
#: RFC 6455 §5.5: a control frame has 125 bytes, two of them for the code.
_REASON = 123


def _is(*kinds: type) -> Rule:
    """Exactly one of these: a bool is an int, and lazy text a str, for ``isinstance`` only."""
    return lambda value: type(value) in kinds


def _pairs(value: Any) -> bool:
    """Two byte strings a header; the list has been made of any iterable before."""
    return isinstance(value, list) and all(
        isinstance(pair, list | tuple) and [type(part) for part in pair] == [bytes, bytes]
        for pair in value
    )


def _none_or(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)


def _code(value: Any) -> bool:
    return type(value) is int and value in _SENDABLE


def _reason(value: Any) -> bool:
    return type(value) is str and len(value.encode("utf-8", "surrogatepass")) <= _REASON


def _absolute(value: Any) -> bool:
    return type(value) is str and value.startswith("/")


def _links(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(type(link) is bytes for link in value)


def _file(value: Any) -> bool:
    return isinstance(value, io.RawIOBase | io.BufferedIOBase) or hasattr(value, "fileno")


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


_START = {"status!": _is(int), "headers": _pairs}
_BODY = {"body": _is(bytes), "more_body": _is(bool)}
_FAILED = {"message": _is(str)}

#: type → its fields and what each must be; those with ``!`` cannot be left out.
MESSAGES: dict[str, dict[str, Rule]] = {
    "http.response.start": {**_START, "trailers": _is(bool)},
    "http.response.body": _BODY,
    "http.response.trailers": {"headers": _pairs, "more_trailers": _is(bool)},
    "http.response.early_hint": {"links!": _links},
    "http.response.push": {"path!": _absolute, "headers": _pairs},
    "http.response.pathsend": {"path!": _absolute},
    "http.response.zerocopysend": {
        "file!": _file,
        "offset": _none_or(_count),
        "count": _none_or(_count),
        "more_body": _is(bool),
    },
    "http.response.debug": {"info!": _is(dict)},
    "websocket.accept": {"subprotocol": _none_or(_is(str)), "headers": _pairs},
    "websocket.send": {"bytes": _none_or(_is(bytes)), "text": _none_or(_is(str))},
    "websocket.close": {"code": _code, "reason": _none_or(_reason)},
    "websocket.http.response.start": _START,
    "websocket.http.response.body": _BODY,
    "lifespan.startup.complete": {},
    "lifespan.startup.failed": _FAILED,
    "lifespan.shutdown.complete": {},
    "lifespan.shutdown.failed": _FAILED,
}

#: Messages that need the server's word for it, under the same name in ``scope["extensions"]``.
EXTENSIONS = tuple(
    f"http.response.{name}"
    for name in ("trailers", "early_hint", "push", "pathsend", "zerocopysend", "debug")
)


def read(message: Any, *, mixed_case: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Return the message, its headers as a list, and each breach of its grammar, in words.

    ``mixed_case`` allows header names that are not in lower case.
    """
    if type(message) is not dict or type(message.get("type")) is not str:
        return {"type": ""}, [f"{message!r} is no message"]
    kind = message["type"]
    if kind not in MESSAGES:
        return message, [f"{kind} is no message"]
    rules = {name.rstrip("!"): rule for name, rule in MESSAGES[kind].items()}
    needed = {name[:-1] for name in MESSAGES[kind] if name.endswith("!")}
    given = message.keys() - {"type"}
    if hasattr(message.get("headers"), "__iter__"):
        message = {**message, "headers": list(message["headers"])}  # it may end with its first use
    broken = [f"{kind} has no {name!r}" for name in given - rules.keys()]
    broken += [f"{kind} lacks {name!r}" for name in needed - given]
    broken += [
        f"{kind}: {name} is {message[name]!r}"
        for name, rule in rules.items()
        if name in given and not rule(message[name])
    ]
    if not broken:
        broken = [
            f"header name {name!r} is not in lower case"
            for name, _ in message.get("headers", ())
            if name != name.lower() and not mixed_case
        ] + _together(message)
    return message, broken


def _together(message: dict[str, Any]) -> list[str]:
    """What no field says by itself."""
    if message["type"] == "websocket.send":
        given = [name for name in ("bytes", "text") if message.get(name) is not None]
        if len(given) != 1:
            return [f"websocket.send has {given}, not bytes or text"]
    # The specification has a field for it, and servers refuse the header.
    names = [name.lower() for name, _ in message.get("headers", ())]
    if message["type"] == "websocket.accept" and b"sec-websocket-protocol" in names:
        return ["websocket.accept: a subprotocol among the headers"]
    return []


# --- what HTTP has to say of a status and headers, in both protocols ------------------------------

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch  # RFC 9110 §5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search  # RFC 9110 §5.5
_SINGLE = ("content-length", "content-type", "x-request-id")


def of_headers(headers: list[tuple[str, str]]) -> list[str]:
    """Return what is wrong with the headers of a response, or with those of a WebSocket's accept."""
    broken = [f"header name {name!r} is no token" for name, _ in headers if not _TOKEN(name)]
    broken += [
        f"header value {name}: {value!r} cannot be sent"
        for name, value in headers
        if _CONTROL(value)
    ]
    names = [name.lower() for name, _ in headers]
    broken += [
        f"{single} is there {names.count(single)} times"
        for single in _SINGLE
        if names.count(single) > 1
    ]
    broken += [
        f"Content-Length: {value}"
        for name, value in headers
        if name.lower() == "content-length" and not re.fullmatch("[0-9]+", value)
    ]
    return broken


def of_status(status: int) -> list[str]:
    """Return what is wrong with a final status."""
    return [] if 200 <= status <= 599 else [f"{status} is no final status"]
