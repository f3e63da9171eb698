"""attrs: what its validators and converters raise, a ValueError or TypeError like any other.

It is known by the code that attrs has generated, which is on the traceback.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .own import INVALID, own_message
from .paths import Problem

_called = re.compile(r"__attr_(validator|converter)_(\w+)\(").search


def problem(exc: BaseException) -> Problem | None:
    """Return the attribute that is not valid and why, None if attrs did not ask."""
    generated, last = _ends(exc)
    if generated is None or last is None:
        return None
    # attrs registers the source of its code with linecache, so that tracebacks can show it.
    line = linecache.getline(generated.tb_frame.f_code.co_filename, generated.tb_lineno)
    if (call := _called(line)) is None:
        return None
    return (_argument(generated, call[2]),), _message(exc, call[1], last)


def _ends(exc: BaseException) -> tuple[TracebackType | None, TracebackType | None]:
    """Return the innermost code that attrs generated, and where the exception was raised."""
    generated = last = None
    here = exc.__traceback__
    while here is not None:
        if here.tb_frame.f_code.co_filename.startswith("<attrs generated"):
            generated = here
        here, last = here.tb_next, here
    return generated, last


def _argument(generated: TracebackType, name: str) -> str:
    """Return what an attribute is called outside: its alias."""
    instance = generated.tb_frame.f_locals["self"]
    aliases = {a.name: getattr(a, "alias", None) for a in type(instance).__attrs_attrs__}
    return aliases.get(name) or name.lstrip("_")


def _message(exc: BaseException, called: str, last: TracebackType) -> str:
    frame = last.tb_frame
    if frame.f_globals.get("__name__") == "attr.validators":
        validator = frame.f_locals.get("self")
        write = _MESSAGES.get(type(validator).__name__)
        return write(validator) if write else INVALID
    # A converter parses; it is a validator that has something to say about it.
    return (own_message(exc) if called == "validator" else None) or INVALID


def _named(wanted: Any) -> str:
    classes = wanted if isinstance(wanted, tuple) else (wanted,)
    return " or ".join(f"`{getattr(cls, '__name__', cls)}`" for cls in classes)


#: What each of attrs' own validators wants; its own message quotes the value.
_MESSAGES: dict[str, Callable[[Any], str]] = {
    "_InstanceOfValidator": lambda v: f"Expected {_named(v.type)}",
    "_SubclassOfValidator": lambda v: f"Expected a subclass of {_named(v.type)}",
    "_MatchesReValidator": lambda v: f"Must match the pattern `{v.pattern.pattern}`",
    "_InValidator": lambda v: f"Expected one of {', '.join(f'`{o}`' for o in v.options)}",
    "_IsCallableValidator": lambda v: "Must be callable",
    "_NumberValidator": lambda v: f"Must be {v.compare_op} {v.bound}",
    "_MaxLengthValidator": lambda v: f"Length must be <= {v.max_length}",
    "_MinLengthValidator": lambda v: f"Length must be >= {v.min_length}",
}
