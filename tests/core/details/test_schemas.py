"""pydantic's core schemas: where they tell fields from tags, and where the input has to."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

import hypothesis
import hypothesis.strategies as st
import pydantic
import pytest
from typing_extensions import TypedDict

from errorshape.core.details import details_of
from errorshape.core.details import pydantic as flattener
from errorshape.core.details.schemas import KEY_TAGS, NO_TAGS, Names, names_of


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"
    name: int = pydantic.Field(alias="called")
    kittens: list[Cat | int] = []


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"
    bark: int = pydantic.Field(validation_alias=pydantic.AliasPath("voice", 0, "bark"))


class Plain(pydantic.BaseModel):
    a: int
    b: tuple[int, str] = (1, "")
    c: Plain | None = None
    email: pydantic.EmailStr = "a@example.org"
    _seen: int = 0


@dataclass
class Row:
    cell: int


class Named(TypedDict):
    cell: int


class WithInit(pydantic.BaseModel):
    a: int

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)


class WithPostInit(pydantic.BaseModel):
    a: int

    def model_post_init(self, context: Any) -> None:
        """Whatever the application does."""


class WithExtras(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]


class LikeATag(pydantic.BaseModel):
    Cat: int


class InBrackets(pydantic.BaseModel):
    a: Cat | int = pydantic.Field(alias="list[int]")


Checked = Annotated[int, pydantic.AfterValidator(lambda value: value)]
Tagged = Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]


class One(pydantic.BaseModel):
    kind: Literal[1]
    n: int


class Two(pydantic.BaseModel):
    kind: Literal[2]
    n: int


ByNumber = Annotated[One | Two, pydantic.Field(discriminator="kind")]
Labelled = Annotated[
    Annotated[Row, pydantic.Tag("row")] | Annotated[Named, pydantic.Tag("named")],
    pydantic.Discriminator(lambda value: "row"),
]


class NamedTwo(NamedTuple):
    a: int
    b: int


INDICES = set(range(100))
DOGS = {"kind", "bark", "voice"}
CATS = {"kind", "name", "called", "kittens"}
#: The names of what has tags; what has none, and where the input tells, have their own.
NAMES: dict[str, tuple[Any, Any]] = {
    "models": (Plain, NO_TAGS),
    "dataclass": (Row, NO_TAGS),
    "typed dict": (Named, NO_TAGS),
    "scalars": (list[int | None], NO_TAGS),
    "json": (pydantic.Json[list[Plain]], NO_TAGS),
    "mapping": (dict[str, int], KEY_TAGS),
    "extras": (WithExtras, KEY_TAGS),
    "union": (list[Cat | int], CATS),
    "tags": (list[Tagged], CATS | DOGS),
    "tags of a function": (Labelled, {"cell"}),
    "function": (Checked, INDICES),
    "init": (WithInit, {"a"} | INDICES),
    "post init": (WithPostInit, {"a"} | INDICES),
    "union and mapping": (dict[str, Cat | int], None),
    "function and mapping": (dict[str, Checked], None),
    "function and union": (list[Checked | list[Cat]], None),
    "a tag that is a name": (LikeATag | Cat, None),
    "a name in brackets": (InBrackets, None),
    "a tag that is a number": (list[ByNumber], None),
    "a kind that has no names": (NamedTwo, None),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names(kind):
    """What the schema says, or that it does not say."""
    cls, names = NAMES[kind]
    adapter = pydantic.TypeAdapter(cls)

    found = names_of(adapter, adapter.validator)

    if names is None or isinstance(names, Names):
        assert found is names
    else:
        assert isinstance(found, frozenset) == (names >= INDICES)
        assert set(found) == names


class Inner(pydantic.BaseModel):
    deep: int | list[int]


def _validates_another(value: Any) -> Any:
    return Inner.model_validate(value)


def test_a_function_that_validates_something_else():
    """The input tells the fields of a model that the schema knows nothing of."""
    cls = list[Annotated[Any, pydantic.AfterValidator(_validates_another)]]

    assert set(details_of(failure(cls, [{"deep": "x"}, {}]))) == {"0.deep", "1.deep"}


def test_a_union_without_fields():
    """Whatever text is in a ``loc``, it is a tag."""
    adapter = pydantic.TypeAdapter(int | bool)

    found = names_of(adapter, adapter.validator)

    assert found == {}
    assert found is not NO_TAGS
    assert set(details_of(failure(int | bool, "x"))) == {"$"}


def test_a_mapping():
    """Only where a key is not valid the input has to be asked which one is meant."""
    adapter = pydantic.TypeAdapter(dict[int, Plain])

    assert names_of(adapter, adapter.validator) is KEY_TAGS
    assert set(details_of(failure(dict[int, Plain], {1: {}}))) == {"1.a"}
    assert set(details_of(failure(dict[int, int], {"[key]": 1, 2: "x"}))) == {'["[key]"]', "2"}


def test_names_are_remembered_within_bounds():
    """However many indices there are, and names that clients make up."""
    adapter = pydantic.TypeAdapter(list[Strict | int])
    names = names_of(adapter, adapter.validator)

    texts = [names[index] for index in range(3_000)]

    assert texts == [str(index) for index in range(3_000)]
    assert names["x" * 1_000] == ""
    assert len(names) <= 2_000


def test_no_schema():
    """Whatever a version to come has instead, nothing fails."""
    for schema in (None, {}, {"type": "new"}, {"type": "list", "items_schema": 1}):
        owner = type("Owner", (), {"core_schema": schema})
        assert names_of(owner, None) is None


PATHS: dict[str, tuple[Any, Any, set[str]]] = {
    "union": (list[Cat | int], [{}, "x"], {"0.called", "0", "1"}),
    "nested unions": (
        list[Cat | int],
        [{"called": 1, "kittens": [{"called": "x"}, 1]}],
        {"0", "0.kittens.0.called", "0.kittens.0"},
    ),
    "a high index": (list[Cat | int], [1] * 101 + ["x"], {"101"}),
    "tag": (list[Tagged], [{"kind": "cat"}], {"0.called"}),
    "tag that is a number": (list[ByNumber], [{"kind": 1}], {"0.n"}),
    "alias path": (Dog, {}, {"voice.0.bark"}),
    "alias path in a union": (list[Tagged], [{"kind": "dog"}], {"0.voice.0.bark"}),
    "recursive": (Plain, {"a": 1, "c": {}}, {"c.a"}),
    "email": (Plain, {"a": 1, "email": "x"}, {"email"}),
    "any mapping": (
        dict[str, dict[str, int] | int],
        {"a": MappingProxyType({"b": "x"})},
        {"a.b", "a"},
    ),
    "key": (dict[str, Cat | int], {"Cat": {}, "int": "x"}, {"Cat.called", "Cat", "int"}),
}


@pytest.mark.parametrize("kind", PATHS)
def test_paths(kind):
    """The same where the schema tells and where the input does; of a mapping's keys, too."""
    cls, value, paths = PATHS[kind]

    assert set(details_of(failure(cls, value))) == paths


def failure(cls: Any, value: Any) -> pydantic.ValidationError:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(cls).validate_python(value)
    return caught.value


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    a: int | Cat = 0


def test_a_name_that_the_schema_does_not_have():
    """A client that makes up a name reads it, whatever it is."""
    exc = failure(list[Strict | int], [{"made up": 1, "int": 2, "a": "x", 3: 4}])

    assert set(details_of(exc)) == {"0", "0.made up", "0.int", "0.a", "0.3"}


def test_json():
    """Where the input has to tell, JSON is read once more; what is no JSON tells nothing."""
    adapter = pydantic.TypeAdapter(dict[str, Cat | int])
    for text, paths in (('{"Cat": {}}', {"Cat.called", "Cat"}), ('{"Cat": {', {"$"})):
        with pytest.raises(pydantic.ValidationError) as caught:
            adapter.validate_json(text)
        assert set(details_of(caught.value)) == paths


def test_a_model_that_is_false():
    """Which model it was is asked for by identity."""

    class Empty(pydantic.BaseModel):
        a: int | Cat

        def __len__(self) -> int:
            return 0

    with pytest.raises(pydantic.ValidationError) as caught:
        Empty(a="x")

    assert set(details_of(caught.value)) == {"a"}


def test_a_model_that_is_built_again():
    """The names are those of today."""

    class Model(pydantic.BaseModel):
        a: int | Cat

    assert set(details_of(failure(Model, {}))) == {"a"}
    Model.model_fields["a"].alias = Model.model_fields["a"].validation_alias = "b"
    Model.model_rebuild(force=True)
    assert set(details_of(failure(Model, {}))) == {"b"}


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(("kind", "called", "kittens", "voice", "bark", "other"), inner),
        )
    ),
    max_leaves=12,
)


@hypothesis.given(value=VALUES)
def test_the_schema_says_what_the_input_says(value):
    """For whatever input, both ways have the same paths."""
    try:
        pydantic.TypeAdapter(list[Cat | Plain | list[int]]).validate_python([value])
    except pydantic.ValidationError as caught:
        exc = caught
    else:
        return

    by_input = flattener._found(exc.errors(), [value])

    assert details_of(exc) == by_input
