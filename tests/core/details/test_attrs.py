"""attrs: known by the code that it has generated, which is on the traceback."""

import attrs
import pytest
from attrs import validators

from errorshape import ErrorLayer, ValidationError, validating
from errorshape.core.details import details_of

SECRET = "hunter2-do-not-tell"


@attrs.define
class Limits:
    count: int = attrs.field(
        default=5, validator=[validators.instance_of(int), validators.ge(3), validators.lt(9)]
    )
    kind: object = attrs.field(default="a", validator=validators.in_(["a", "b"]))
    name: str = attrs.field(default="a", validator=validators.matches_re("[a-z]+"))
    short: str = attrs.field(default="abc", validator=validators.max_len(5))
    long: str = attrs.field(default="abc", validator=validators.min_len(2))
    call: object = attrs.field(default=len, validator=validators.is_callable())
    either: object = attrs.field(
        default=1, validator=validators.or_(validators.in_([1]), validators.in_([2]))
    )
    not_none: object = attrs.field(
        default="x", validator=validators.not_(validators.instance_of((int, float)))
    )
    tags: list[str] = attrs.field(
        factory=list, validator=validators.deep_iterable(validators.instance_of((str, bytes)))
    )
    _private: int = attrs.field(default=1, validator=validators.instance_of(int))
    parsed: int = attrs.field(default="1", converter=int)
    own: str = attrs.field(default="a")
    sub: object = attrs.field(default=int, validator=[])

    @own.validator
    def check(self, attribute, value):
        if value == "parse":
            int(SECRET)
        if value == "silent":
            raise ValueError
        if value != "a":
            raise ValueError("Only a will do")


@pytest.mark.parametrize(
    ("values", "details"),
    [
        ({"count": SECRET}, {"count": "Expected `int`"}),
        ({"count": 2}, {"count": "Must be >= 3"}),
        ({"count": 99}, {"count": "Must be < 9"}),
        ({"kind": SECRET}, {"kind": "Expected one of `a`, `b`"}),
        ({"name": SECRET}, {"name": "Must match the pattern `[a-z]+`"}),
        ({"short": SECRET}, {"short": "Length must be <= 5"}),
        ({"long": ""}, {"long": "Length must be >= 2"}),
        ({"call": SECRET}, {"call": "Must be callable"}),
        ({"either": SECRET}, {"either": "Invalid value"}),
        ({"not_none": 7}, {"not_none": "Invalid value"}),
        ({"tags": ["a", 7]}, {"tags": "Expected `str` or `bytes`"}),
        ({"private": SECRET}, {"private": "Expected `int`"}),
        ({"parsed": SECRET}, {"parsed": "Invalid value"}),
        ({"own": "b"}, {"own": "Only a will do"}),
        ({"own": "parse"}, {"own": "Invalid value"}),
        ({"own": "silent"}, {"own": "Invalid value"}),
    ],
    ids=str,
)
def test_validators_and_converters(values, details):
    """The attribute by the name that its caller uses; only the application's text is repeated."""
    with pytest.raises((ValueError, TypeError)) as caught:
        Limits(**values)

    assert details_of(caught.value) == details


@attrs.frozen
class Frozen:
    cls: type = attrs.field(
        validator=validators.optional(validators.instance_of(type)), alias="class_"
    )


def test_an_alias():
    """Also of a frozen class."""
    with pytest.raises(TypeError) as caught:
        Frozen(class_=SECRET)

    assert details_of(caught.value) == {"class_": "Expected `type`"}


def test_validating():
    """Inside it is the client's error."""
    with pytest.raises(ValidationError) as caught, validating():
        Limits(count=2)

    assert caught.value.details == {"count": "Must be >= 3"}


def test_what_attrs_did_not_ask():
    """A ValueError of the application's code is nobody's mistake but its own."""

    @attrs.define
    class Broken:
        x: int

        def __attrs_post_init__(self) -> None:
            raise ValueError(SECRET)

    for action in (lambda: Broken(1), Broken, lambda: int("x")):
        with pytest.raises((ValueError, TypeError)) as caught:
            action()
        assert details_of(caught.value) is None
    assert ErrorLayer().translate(ValueError("x")) is None
