"""jsonschema: one error, whose message quotes the value and is therefore written anew."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .paths import Problem, Segment, collect


def details(exc: Any) -> dict[str, str]:
    """Return the error; of the branches of an ``anyOf`` or ``oneOf`` the one that fits best."""
    best_match = sys.modules["jsonschema.exceptions"].best_match
    return collect(_problems(best_match([exc])))


def _problems(error: Any) -> Iterator[Problem]:
    at = tuple(error.absolute_path)
    expected, instance = error.validator_value, error.instance
    if error.validator == "required":
        yield from _one_of(at, expected, error.message, "is a required property")
    elif error.validator in ("dependentRequired", "dependencies"):
        yield from _dependencies(at, expected, error.message)
    elif error.validator == "additionalProperties" and isinstance(instance, Mapping):
        for name in _additional(instance, error.schema):
            yield (*at, name), "Unknown property"
    else:
        if _is_about_a_name(error):
            at = (*at, instance)
        write = _MESSAGES.get(error.validator)
        yield at, write(expected) if write else "Is not valid"


def _one_of(at: tuple[Segment, ...], names: Any, message: str, rule: str) -> Iterator[Problem]:
    """Yield the property that ``message`` is about: the name is the schema's, not the input's."""
    for name in names if isinstance(names, (list, tuple)) else ():
        if message.startswith(f"{name!r} {rule}"):
            yield (*at, name), "Missing required property"
            return
    yield at, "A required property is missing"


def _dependencies(at: tuple[Segment, ...], expected: Any, message: str) -> Iterator[Problem]:
    for name, needed in expected.items() if isinstance(expected, Mapping) else ():
        for each in needed if isinstance(needed, (list, tuple)) else ():
            if message == f"{each!r} is a dependency of {name!r}":
                yield (*at, each), f"Required where there is `{name}`"
                return
    yield at, "A required property is missing"


def _additional(instance: Mapping[str, Any], schema: Any) -> Iterator[str]:
    known = schema.get("properties", {})
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
    for name in instance:
        if name not in known and not any(pattern.search(name) for pattern in patterns):
            yield name


def _is_about_a_name(error: Any) -> bool:
    """Whether a rule of ``propertyNames`` was broken: then the instance is the name."""
    where = [None, *error.absolute_schema_path]
    return (
        len(where) > 2
        and where[-2] == "propertyNames"
        and where[-3] not in ("properties", "$defs", "definitions")
        and isinstance(error.instance, str)
    )


def _plural(count: Any, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _types(expected: Any) -> str:
    names = [expected] if isinstance(expected, str) else expected
    return f"Expected {' or '.join(f'`{name}`' for name in names)}"


def _choices(expected: Any) -> str:
    return f"Expected one of {', '.join(f'`{value}`' for value in expected)}"


#: What each keyword wants, from the schema alone.
_MESSAGES: dict[Any, Callable[[Any], str]] = {
    "type": _types,
    "enum": _choices,
    "const": lambda value: f"Expected `{value}`",
    "minimum": lambda value: f"Must be >= {value}",
    "maximum": lambda value: f"Must be <= {value}",
    "exclusiveMinimum": lambda value: f"Must be > {value}",
    "exclusiveMaximum": lambda value: f"Must be < {value}",
    "multipleOf": lambda value: f"Must be a multiple of {value}",
    "minLength": lambda value: f"Must have at least {_plural(value, 'character')}",
    "maxLength": lambda value: f"Must have at most {_plural(value, 'character')}",
    "pattern": lambda value: f"Must match the pattern `{value}`",
    "format": lambda value: f"Is not a valid `{value}`",
    "minItems": lambda value: f"Must have at least {_plural(value, 'item')}",
    "maxItems": lambda value: f"Must have at most {_plural(value, 'item')}",
    "uniqueItems": lambda value: "Items must be unique",
    "contains": lambda value: "Has no item of the expected kind",
    "minContains": lambda value: f"Must have at least {_plural(value, 'item')} of the kind",
    "maxContains": lambda value: f"Must have at most {_plural(value, 'item')} of the kind",
    "items": lambda value: "Has items that are not allowed",
    "additionalItems": lambda value: "Has items that are not allowed",
    "unevaluatedItems": lambda value: "Has items that are not allowed",
    "additionalProperties": lambda value: "Has properties that are not allowed",
    "unevaluatedProperties": lambda value: "Has properties that are not allowed",
    "minProperties": lambda value: f"Must have at least {value} properties",
    "maxProperties": lambda value: f"Must have at most {value} properties",
    "anyOf": lambda value: "Fits none of the allowed forms",
    "oneOf": lambda value: "Does not fit exactly one of the allowed forms",
    "not": lambda value: "Has a form that is not allowed",
    None: lambda value: "Is not allowed",  # a schema that is `false`
}
