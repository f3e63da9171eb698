"""Headers: which belong to a body, which can be sent, and the one of the trace id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, AnyStr

Pairs = Iterable[tuple[AnyStr, AnyStr]]

#: The media type of RFC 9457.
PROBLEM = "application/problem+json"

# RFC 9110 §5.6.2: token = 1*tchar
_TCHAR = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BLANKED = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")  # the control characters

# The headers that speak of a body, and go with it. (RFC 9112 §6.2: a Content-Length must not
# stand beside a Transfer-Encoding.)
OF_THE_BODY = frozenset(
    """content-length content-encoding content-type content-disposition content-language
    content-md5 content-range etag last-modified accept-ranges digest cache-control
    transfer-encoding trailer""".split()
)


# Those of the connection are the server's to set: PEP 3333 forbids them, and HTTP/2 (RFC 9113
# §8.2.2) has none.
_OF_THE_CONNECTION = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailers"
    " upgrade".split()
)


def is_header_name(name: str) -> bool:
    """Whether a header can have this name (RFC 9110 §5.1)."""
    return name != "" and not name.strip(_TCHAR)


def header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the first value of a header, None if it is not there."""
    name = name.lower()
    return next((value for key, value in headers if key.lower() == name), None)


def media_type_of(headers: Iterable[tuple[str, str]]) -> str:
    """Return the media type in lower case without its parameters, ``""`` if there is none."""
    return (header(headers, "content-type") or "").partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether a media type is JSON's, or that of a format made of it (RFC 6839)."""
    return media_type == "application/json" or media_type.endswith("+json")


def varying(headers: list[tuple[str, str]], *names: str) -> list[tuple[str, str]]:
    """Return the headers with ``names`` in their one ``Vary`` (RFC 9110 §12.5.5)."""
    fields: dict[str, str] = {}
    for key, value in headers:
        if key.lower() == "vary":
            fields |= {field.lower(): field for field in map(str.strip, value.split(",")) if field}
    there = (
        "*" if "*" in fields else ", ".join({**{n.lower(): n for n in names}, **fields}.values())
    )
    others = [(key, value) for key, value in headers if key.lower() != "vary"]
    return [*others, ("Vary", there)] if there else others


def sendable(
    headers: Any, status: int, trace_header: str, problem: Callable[[str], object]
) -> list[tuple[str, str]]:
    """Return those of an error's headers that can go out with the body it gets.

    Control characters in values become spaces. What cannot be sent is dropped, and ``problem``
    called with a sentence about it; the headers of another body, and the trace id's, just go.
    """
    try:
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    except Exception:
        problem("The headers of an error are no mapping and no pairs: dropped")
        return []
    kept = []
    for pair in pairs:
        try:
            name, value = pair
            name = name.decode("ascii") if isinstance(name, bytes) else str.__str__(name)
            value = _text(value).translate(_BLANKED).strip()
            value.encode("latin-1")  # what HTTP/1.1 and PEP 3333 can carry
            if not is_header_name(name) or name.lower() in _OF_THE_CONNECTION:
                raise ValueError(name)
        except Exception:
            problem("A header of an error cannot be sent: dropped")
            continue
        lowered = name.lower()
        if lowered == trace_header.lower():
            continue
        # The Content-Range of a 416 says how long the resource is (RFC 9110 §15.5.17).
        if lowered not in OF_THE_BODY or (lowered == "content-range" and status == 416):
            kept.append((name, value))
    return kept


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return str.__str__(value if isinstance(value, str) else str(value))


def retry_after(value: Any) -> str | None:
    """Return a ``Retry-After`` (RFC 9110 §10.2.3) for seconds, a timedelta or a datetime, or None.

    Seconds are rounded up and not below 0; a string is taken as it is. What is no time is None.
    """
    import datetime
    import math

    if value is None or isinstance(value, str):
        return value or None
    try:
        if isinstance(value, datetime.datetime):
            from email.utils import format_datetime  # slow to import, and rarely needed

            if value.tzinfo is None:
                value = value.replace(tzinfo=datetime.UTC)
            return format_datetime(value.astimezone(datetime.UTC), usegmt=True)
        if isinstance(value, datetime.timedelta):
            value = value.total_seconds()
        return str(max(0, math.ceil(value)))
    except Exception:
        return None


def stamper(name: AnyStr) -> Callable[[Pairs[AnyStr], AnyStr], list[tuple[AnyStr, AnyStr]]]:
    """Return the function that gives a response's headers their trace id, once and exposed.

    ``name`` is the header's, as ``bytes`` for ASGI or ``str`` for WSGI.
    """
    expose: Any = "access-control-expose-headers"
    comma: Any = ","
    space: Any = " "
    if isinstance(name, bytes):
        expose, comma, space = expose.encode(), comma.encode(), space.encode()
    lowered = name.lower()
    ours = frozenset((lowered, expose))
    lengths = frozenset(map(len, ours))  # lower() costs three times as much as the length

    def stamp(
        headers: Iterable[tuple[AnyStr, AnyStr]], value: AnyStr
    ) -> list[tuple[AnyStr, AnyStr]]:
        pair: Any = (name, value)
        stamped: list[Any] = []
        for key, _ in headers:
            if len(key) in lengths and key.lower() in ours:
                break
        else:
            return [*headers, pair]
        for key, old in headers:
            key_lowered = key.lower()
            if key_lowered == expose:
                stamped.append((key, exposing(old)))
            elif key_lowered != lowered:
                stamped.append((key, old))
        stamped.append(pair)
        return stamped

    def exposing(names: Any) -> Any:
        if any(item.strip() == lowered for item in names.lower().split(comma)):
            return names
        return names + comma + space + name if names.strip() else name

    return stamp
