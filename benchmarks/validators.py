"""What it costs to make details of twenty errors, against the validator's own listing of them.

``python -m benchmarks.validators`` for a look: the nanoseconds of ``details_of(exc)``, those of the
validator's own listing (``exc.errors()`` and what comes nearest to it elsewhere), and the ratio, of
the minimum of many rounds; :func:`counted`, for the page, gives instructions. marshmallow has its
messages ready and lists nothing, so there it is the call of ``load`` that found them. The traceback
that tells what pydantic validated is there as it would be; what was JSON is decoded once more.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import attrs
import cattrs
import django
import marshmallow
import pydantic
from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError

from errorshape.core.details import details_of

from .instructions import count

COUNT = 20
ROUNDS, CALLS = 200, 20


class Item(pydantic.BaseModel):
    name: str
    count: int


class Body(pydantic.BaseModel):
    items: list[Item]


class Mixed(pydantic.BaseModel):
    items: list[Item | int]


class Counted(pydantic.BaseModel):
    items: dict[str, Item]


class Checked(pydantic.BaseModel):
    items: list[Item]

    @pydantic.field_validator("items")
    def check(cls, value: list[Item]) -> list[Item]:  # noqa: N805
        """Let an application have its say."""
        return value


class Mapped(pydantic.BaseModel):
    items: dict[str, Item | int]


@attrs.define
class AttrsItem:
    name: str
    count: int


@attrs.define
class AttrsBody:
    items: list[AttrsItem]


class SchemaItem(marshmallow.Schema):
    count = marshmallow.fields.Int()


class SchemaBody(marshmallow.Schema):
    items = marshmallow.fields.List(marshmallow.fields.Nested(SchemaItem))


def raised(function: Callable[[], Any]) -> Any:
    """Return what a call raises, with its traceback."""
    try:
        function()
    except Exception as exc:
        return exc
    raise AssertionError("It should have failed.")


@functools.cache
def cases() -> dict[str, tuple[Any, Callable[[Any], Any]]]:
    """Return for each validator an exception of twenty errors, and how it lists them itself."""
    if not settings.configured:  # as it is by then where all is measured
        settings.configure(INSTALLED_APPS=["rest_framework"])
    django.setup()
    from rest_framework import serializers

    class SerializerItem(serializers.Serializer[Any]):
        count = serializers.IntegerField()

    body = {"items": [{"name": "a", "count": "x"} for _ in range(COUNT)]}
    text = str(body).replace("'", '"')
    mixed = {"items": body["items"][: COUNT // 2]}
    mapped = {"items": {f"i{n}": item for n, item in enumerate(mixed["items"])}}
    counted = str({"items": {f"i{n}": item for n, item in enumerate(body["items"])}}).replace(
        "'", '"'
    )
    serializer = SerializerItem(data=body["items"], many=True)
    fields = {f"field{n}": DjangoValidationError("%(value)s?", params={"value": n})
              for n in range(COUNT)}  # fmt: skip
    return {
        "pydantic": (raised(lambda: Body.model_validate(body)), lambda exc: exc.errors()),
        "pydantic, JSON": (
            raised(lambda: Body.model_validate_json(text)),
            lambda exc: exc.errors(),
        ),
        "pydantic, unions": (raised(lambda: Mixed.model_validate(mixed)), lambda exc: exc.errors()),
        "pydantic, a function, JSON": (
            raised(lambda: Checked.model_validate_json(text)),
            lambda exc: exc.errors(),
        ),
        "pydantic, mappings, JSON": (
            raised(lambda: Counted.model_validate_json(counted)),
            lambda exc: exc.errors(),
        ),
        "pydantic, unions in mappings": (
            raised(lambda: Mapped.model_validate(mapped)),
            lambda exc: exc.errors(),
        ),
        "cattrs": (raised(lambda: cattrs.structure(body, AttrsBody)), cattrs.transform_error),
        "marshmallow": (
            raised(lambda: SchemaBody().load({"items": [{"count": "x"}] * COUNT})),
            lambda exc: raised(lambda: SchemaBody().load({"items": [{"count": "x"}] * COUNT})),
        ),
        "Django REST Framework": (
            raised(lambda: serializer.is_valid(raise_exception=True)),
            lambda exc: exc.get_full_details(),
        ),
        "Django": (DjangoValidationError(fields), lambda exc: exc.message_dict),
    }


#: A variant of each validator: its details, or its own listing.
OURS, OWN = "details", "its own"


def counted() -> dict[str, dict[str, float]]:
    """Return for each validator the machine instructions of both."""
    table: dict[str, dict[str, float]] = {}
    jobs = [(name, variant) for name in cases() for variant in (OURS, OWN)]
    for (name, variant), instructions in count("validators", jobs).items():
        table.setdefault(name, {})[variant] = round(instructions)
    return table


def listing(name: str, variant: str) -> Callable[[], object]:
    """Return what lists the errors of one validator once."""
    exc, own = cases()[name]
    list_them = details_of if variant == OURS else own
    return lambda: list_them(exc)


def nanoseconds(function: Callable[[Any], Any], exc: Any) -> float:
    """Return the time of one call, over a few."""
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        function(exc)
    return (time.perf_counter_ns() - start) / CALLS


def measure() -> dict[str, dict[str, float]]:
    """Return for each validator the nanoseconds of both, and their ratio."""
    table = {}
    for name, (exc, own) in cases().items():
        assert len(details_of(exc) or {}) in (COUNT, COUNT // 2), name
        times = [(nanoseconds(details_of, exc), nanoseconds(own, exc)) for _ in range(ROUNDS)]
        ours, theirs = (min(column) for column in zip(*times, strict=True))
        table[name] = {"details, ns": ours, "its own, ns": theirs, "ratio": ours / theirs}
    return table


def main() -> None:
    """Print a line for each validator."""
    for name, row in measure().items():
        print(f"{name:30}" + "".join(f"{column} {value:.2f}  " for column, value in row.items()))


if __name__ == "__main__":
    main()
