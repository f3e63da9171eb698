"""cattrs: a tree of exception groups, read as ``cattrs.transform_error`` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from . import attrs
from .own import INVALID, last_traceback, own_message
from .paths import Problem, Segment, collect

#: How cattrs says where it was: notes of these classes, and the attribute that has the place.
_NOTES = {
    "AttributeValidationNote": "name",
    "IterableValidationNote": "index",
}
_PLAIN = frozenset({"builtins", "datetime", "decimal", "uuid"})


def details(exc: Any) -> dict[str, str]:
    """Return all errors of a structured class, list or mapping."""
    return collect(_problems(exc, (), None))


def _problems(exc: Any, at: tuple[Segment, ...], wanted: Any) -> Iterator[Problem]:
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            note, place = _place(inner)
            if place is None:
                yield from _problems(inner, at, None)
            else:
                yield from _problems(inner, (*at, place), note.type)
    elif wanted is not None:
        # Of one field or item; the validators of attrs look at whole objects, and have no note.
        if isinstance(exc, KeyError) and _is_missing(exc):
            at, message = (*at[:-1], exc.args[0]), "Missing required field"
        else:
            message = _own(exc) or _expected(wanted)
        yield at, message
    elif hasattr(exc, "extra_fields"):
        for name in sorted(map(str, exc.extra_fields)):
            yield (*at, name), "Unknown field"
    elif (found := attrs.problem(exc)) is not None:
        yield (*at, *found[0]), found[1]
    else:
        yield at, _own(exc) or INVALID


def _own(exc: BaseException) -> str | None:
    """Return the message of a hook of the application's."""
    # cattrs makes some without raising them, as of a tuple that is too short; they quote it.
    return None if exc.__traceback__ is None else own_message(exc)


def _place(exc: BaseException) -> tuple[Any, Segment | None]:
    for note in getattr(exc, "__notes__", ()):
        if place := _NOTES.get(type(note).__name__):
            segment = getattr(note, place)
            return note, segment if isinstance(segment, (int, str)) else str(segment)
    return None, None


def _is_missing(exc: KeyError) -> bool:
    """Whether the code that cattrs generated looked for a field, and not a hook for something."""
    last = last_traceback(exc)
    return last is None or last.tb_frame.f_code.co_filename.startswith("<cattrs generated")


def _expected(wanted: Any) -> str:
    """Say what was wanted, as far as a client can know it: no class of the application's."""
    if not isinstance(wanted, type):
        return _one_of(get_args(wanted)) if get_origin(wanted) is Literal else INVALID
    if members := getattr(wanted, "__members__", None):
        return _one_of(member.value for member in members.values())
    if wanted.__module__ in _PLAIN:
        return f"{INVALID}, expected `{wanted.__name__}`"
    return INVALID


def _one_of(values: Any) -> str:
    return f"Expected one of {', '.join(f'`{value}`' for value in values)}"
