"""What pydantic's core schemas say of the ``loc`` of their errors.

``loc`` has more than the fields of the input: which member of a union it was. The schema, read once
for each, mostly tells them apart, so that neither the input has to be found nor JSON be read again.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

# Under which keys each kind of schema has those that put nothing into ``loc`` but names of fields,
# indices and, of unions, tags. A kind that is not here can put anything there, or what the client
# has named: mappings, JSON inside of JSON, arguments.
_PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        """any bool bytes complex date datetime decimal definition-ref enum float int is-instance
        is-subclass literal multi-host-url none str time timedelta url uuid""".split(),
        (),
    ),
    **dict.fromkeys(["list", "set", "frozenset", "tuple"], ("items_schema",)),
    **dict.fromkeys(["default", "nullable", "function-before", "function-after"], ("schema",)),
    "definitions": ("schema", "definitions"),
    "lax-or-strict": ("lax_schema", "strict_schema"),
    "json-or-python": ("json_schema", "python_schema"),
    "union": ("choices",),
    "tagged-union": ("choices",),
    "model": ("schema",),
    "dataclass": ("schema",),
    "model-fields": ("fields",),
    "dataclass-args": ("fields",),
    "typed-dict": ("fields",),
    **dict.fromkeys(["model-field", "dataclass-field", "typed-dict-field"], ("schema",)),
}

# pydantic's own functions; one of the application's may validate something else inside, whose errors
# come out with a ``loc`` that this schema knows nothing of.
_HARMLESS = (
    "pydantic.networks",
    "pydantic.types",
    "pydantic._internal._validators",
    "pydantic._internal._model_construction",
)


@functools.lru_cache(maxsize=128)
def names_of(owner: Any, validator: Any) -> frozenset[Any] | None:
    """Return the names of fields that a ``loc`` can have, of the errors of a model or an adapter.

    Nothing else of text in a ``loc`` is a field then; empty if nothing else can be there. None if
    the schema does not tell. ``validator`` is what ``owner`` validates with: both are new when a
    model was built again.
    """
    schema = getattr(owner, "__pydantic_core_schema__", None) or getattr(owner, "core_schema", None)
    names: set[Any] = set()
    tags: set[Any] = set()
    try:
        has_union = _read(schema, names, tags)
    except (AttributeError, KeyError, TypeError, ValueError):  # of a version that is not known
        return None
    if not has_union:
        return frozenset()
    if names & tags or any("[" in name for name in names):
        return None
    return frozenset({*names, *range(100)})


def _read(schema: Any, names: set[Any], tags: set[Any]) -> bool:
    """Collect the names, and what may be a tag, of a schema; return whether it has a union.

    Raises :exc:`ValueError` for a schema that can put something else into ``loc``.
    """
    kind = schema["type"]
    parts = _PARTS[kind]
    if not _is_known(schema):
        raise ValueError(kind)
    tags.update({kind, schema.get("cls_name"), getattr(schema.get("cls"), "__name__", None)})
    has_union = kind in ("union", "tagged-union")
    for part in parts:
        found = schema.get(part, ())
        if part == "fields":
            for name, field in _fields(found):
                names.update({name, *_aliases(field.get("validation_alias"))})
                has_union |= _read(field["schema"], names, tags)
        elif part == "choices":
            for tag, choice in _choices(found):
                tags.add(tag)
                has_union |= _read(choice, names, tags)
        else:
            for inner in found if isinstance(found, (list, tuple)) else (found,):
                has_union |= _read(inner, names, tags)
    return has_union


def _is_known(schema: Any) -> bool:
    """Whether nothing of the application's runs in a schema, and no field comes unannounced."""
    if "extras_schema" in schema or "extras_keys_schema" in schema or schema.get("custom_init"):
        return False
    function = None
    if schema["type"].startswith("function-"):
        function = schema["function"]["function"]
    elif schema.get("post_init"):  # a model's, by its name; of a dataclass it is True
        function = getattr(schema["cls"], str(schema["post_init"]), "")
    return function is None or getattr(function, "__module__", None) in _HARMLESS


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
                raise ValueError("a tag that looks like an index, or an enum's")
            yield tag, choice
    else:
        for choice in choices:
            yield (choice[1], choice[0]) if isinstance(choice, tuple) else (None, choice)
