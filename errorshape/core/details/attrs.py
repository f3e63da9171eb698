"""attrs: what its validators and converters raise, a ValueError or TypeError like any other.

It is known by the traceback: a validator is called with the attribute, a converter by code that
attrs has generated.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from .own import INVALID, own_message
from .paths import Problem

_converter = re.compile(r"__attr_converter_(\w+)\(").search


def problem(exc: BaseException) -> Problem | None:
    """Return the attribute that is not valid and why, None if attrs did not ask."""
    attribute: Any = None
    generated: TracebackType | None = None
    frame: FrameType | None = None
    here = exc.__traceback__
    while here is not None:
        frame = here.tb_frame
        if frame.f_code.co_filename.startswith("<attrs generated"):
            generated, attribute = here, None
        else:
            attribute = _attribute_of(frame) or attribute
        here = here.tb_next
    if frame is not None and attribute is not None:
        return (_name(attribute),), _message(exc, frame)
    if generated is not None and (name := _converted(generated)) is not None:
        return (name,), INVALID  # it parses; a validator would have something to say
    return None


def _attribute_of(frame: FrameType) -> Any:
    """Return the attribute that a validator was given: ``(instance, attribute, value)``."""
    code = frame.f_code
    for name in code.co_varnames[: code.co_argcount]:
        cls = type(value := frame.f_locals.get(name))
        if cls.__name__ == "Attribute" and cls.__module__ == "attr._make":
            return value
    return None


def _converted(generated: TracebackType) -> str | None:
    """Return the attribute whose converter the generated code was calling."""
    # attrs registers the source of its code with linecache, so that tracebacks can show it.
    line = linecache.getline(generated.tb_frame.f_code.co_filename, generated.tb_lineno)
    if (call := _converter(line)) is None:
        return None
    cls = type(generated.tb_frame.f_locals["self"])
    return next(_name(a) for a in cls.__attrs_attrs__ if a.name == call[1])


def _name(attribute: Any) -> str:
    """Return what an attribute is called outside."""
    alias: str = attribute.alias
    return alias


def _message(exc: BaseException, frame: FrameType) -> str:
    if frame.f_globals.get("__name__") == "attr.validators":
        validator = frame.f_locals.get("self")
        write = _MESSAGES.get(type(validator).__name__)
        return write(validator) if write else INVALID
    return own_message(exc) or INVALID


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
