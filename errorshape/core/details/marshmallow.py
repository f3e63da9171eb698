"""marshmallow, and webargs, which puts the location around marshmallow's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .paths import Problem, Segment, collect

#: marshmallow's name for a schema as a whole.
_SCHEMA = "_schema"
_UNKNOWN = object()
#: Where webargs and APIFlask say that values came from; no part of a path (CONTRACT §7).
_LOCATIONS = frozenset(
    """json query querystring form headers cookies files json_or_form form_and_files view_args
    path""".split()
)


def details(exc: Any) -> dict[str, str]:
    """Return all errors of a schema or a field."""
    return from_messages(exc.messages, exc.data)


def from_messages(messages: Any, data: Any = None) -> dict[str, str]:
    """Return the details of marshmallow's nested messages about ``data`` (None: not known)."""
    return collect(_problems(messages, (), _UNKNOWN if data is None else data))


def from_webargs(messages: Any, data: Any = None) -> dict[str, str]:
    """Return the details of messages by location, as webargs has them: without the locations."""
    if isinstance(messages, Mapping) and messages.keys() <= _LOCATIONS:
        messages = list(messages.values())
    return from_messages(messages, data)


def _problems(messages: Any, at: tuple[Segment, ...], data: Any) -> Iterator[Problem]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            if key == _SCHEMA or (key in ("key", "value") and _is_tag(key, inner, data)):
                # Field("labels", Dict): {"labels": {"a": {"value": ["Not a valid integer."]}}}
                yield from _problems(inner, at, data)
            else:
                yield from _problems(inner, (*at, key), _item(data, key))
    elif isinstance(messages, (list, tuple)):
        for message in messages:
            yield from _problems(message, at, data)
    else:
        yield at, str(messages)


def _is_tag(key: str, inner: Any, data: Any) -> bool:
    """Whether ``key`` says which half of a Dict field's item is meant, and is no field's name."""
    if data is _UNKNOWN:
        return False
    if isinstance(data, Mapping):
        return key not in data and isinstance(inner, Mapping)
    return True


def _item(data: Any, key: Any) -> Any:
    if isinstance(data, Mapping):
        return data.get(key, _UNKNOWN)
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)) and isinstance(key, int):
        return data[key] if 0 <= key < len(data) else _UNKNOWN
    return _UNKNOWN
