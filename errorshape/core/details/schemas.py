"""What pydantic's core schemas say of the ``loc`` of their errors.

``loc`` has more than the fields of the input: which member of a union it was. The schema, read once
for each model, mostly tells them apart, so that neither the input has to be found nor JSON be read
again.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from .paths import path

# Under which keys each kind of schema has those of its parts. A kind that is not here can put into
# ``loc`` what no schema names, as those of calls do.
_PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        """any bool bytes complex date datetime decimal definition-ref enum float function-plain int
        is-instance is-subclass literal multi-host-url none str time timedelta url uuid""".split(),
        (),
    ),
    **dict.fromkeys(["list", "set", "frozenset", "tuple"], ("items_schema",)),
    **dict.fromkeys(
        """custom-error dataclass default function-after function-before function-wrap json model
        nullable""".split(),
        ("schema",),
    ),
    "dict": ("keys_schema", "values_schema"),
    "definitions": ("schema", "definitions"),
    "lax-or-strict": ("lax_schema", "strict_schema"),
    "json-or-python": ("json_schema", "python_schema"),
}
_WITH_FIELDS = frozenset({"model-fields", "dataclass-args", "typed-dict"})
_UNIONS = frozenset({"union", "tagged-union"})

# pydantic's own functions; one of the application's may validate something else inside, whose errors
# come out with a ``loc`` that this schema knows nothing of.
_HARMLESS = (
    "pydantic.networks",
    "pydantic.types",
    "pydantic._internal._validators",
    "pydantic._internal._model_construction",
)


class Names(dict[Any, str]):
    """What each segment of a ``loc`` is in a path: nothing if it is a tag."""

    def __missing__(self, segment: Any) -> str:
        """Return it for an index, or a tag, and remember it; never more than two thousand."""
        name = str(segment) if type(segment) is int else ""
        if len(self) < _MOST and len(str(segment)) <= _LONGEST:
            self[segment] = name
        return name


_MOST, _LONGEST = 2_000, 64
#: Of a schema whose ``loc`` has no tags: it is the path.
NO_TAGS = Names()
#: Of one whose ``loc`` has just this, after a mapping's key that is not valid itself.
KEY_TAGS = Names()
KEY_TAG = "[key]"


@functools.lru_cache(maxsize=128)
def names_of(owner: Any, validator: Any) -> Names | frozenset[Any] | None:
    """Return the names of fields that a ``loc`` can have, of the errors of a model or an adapter.

    Of :class:`Names` nothing else of text in a ``loc`` is a field; ``NO_TAGS`` or ``KEY_TAGS`` if
    nothing else can be there. A set if a ``loc`` of these alone, and of some indices, has no tags,
    and of another one the schema does not tell. None if it does of none. ``validator`` is what
    ``owner`` validates with: both are new when a model was built again.
    """
    schema = getattr(owner, "__pydantic_core_schema__", None) or getattr(owner, "core_schema", None)
    read = _Reading()
    try:
        read.schema(schema)
    except (AttributeError, KeyError, TypeError):  # of a version, or a kind, that is not known
        return None
    is_ambiguous = read.names & read.tags or any("[" in name for name in read.names)
    if not (read.has_unions or read.has_functions):
        return KEY_TAGS if read.has_keys else NO_TAGS
    if read.has_keys or is_ambiguous or (read.has_unions and read.has_functions):
        return None
    if read.has_functions:
        return frozenset({*read.names, *range(100)})
    return Names({name: path([name]) for name in read.names})


class _Reading:
    """What was found in a schema so far."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.tags: set[Any] = set()  # and what else might be one
        self.has_unions = self.has_keys = self.has_functions = False

    def schema(self, schema: Any) -> None:
        """Read a schema and its parts; what is raised for one of a new kind is its own affair."""
        kind = schema["type"]
        self.tags.update(
            {kind, schema.get("cls_name"), getattr(schema.get("cls"), "__name__", None)}
        )
        self.has_keys |= kind == "dict" or "extras_schema" in schema
        self.has_functions |= _calls_the_application(schema)
        if kind in _WITH_FIELDS:
            for name, field in _fields(schema["fields"]):
                self.names.update({name, *_aliases(field.get("validation_alias"))})
                self.schema(field["schema"])
        elif kind in _UNIONS:
            self.has_unions = True
            for tag, choice in _choices(schema["choices"]):
                self.tags.add(tag)
                self.schema(choice)
        else:
            for part in _PARTS[kind]:
                found = schema.get(part, ())
                for inner in found if isinstance(found, (list, tuple)) else (found,):
                    self.schema(inner)


def _calls_the_application(schema: Any) -> bool:
    """Whether code of the application's runs in a schema, which may validate something else."""
    if schema.get("custom_init"):
        return True
    if schema["type"].startswith("function-"):
        function = schema["function"]["function"]
    elif schema.get("post_init"):  # a model's, by its name; of a dataclass it is True
        function = getattr(schema["cls"], str(schema["post_init"]), "")
    else:
        return False
    return getattr(function, "__module__", None) not in _HARMLESS


def _fields(fields: Any) -> Iterator[tuple[str, Any]]:
    return iter(fields.items()) if isinstance(fields, dict) else ((f["name"], f) for f in fields)


def _aliases(alias: Any) -> Iterator[str]:
    """Yield the names in an alias: one, or a path of them and of indices, or several of both."""
    if isinstance(alias, str):
        yield alias
    elif isinstance(alias, list):
        for inner in alias:
            yield from _aliases(inner)


def _choices(choices: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the tag, None if it is not in the schema, and the schema of each member of a union."""
    if isinstance(choices, dict):
        for tag, choice in choices.items():
            if not isinstance(tag, str):
                raise TypeError("a tag that looks like an index, or an enum's")
            yield tag, choice
    else:
        for choice in choices:
            yield (choice[1], choice[0]) if isinstance(choice, tuple) else (None, choice)
