"""The encoder that cannot fail."""

import enum
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorshape.core import body
from errorshape.core.body import MAX_BODY, MAX_DETAILS, MAX_TEXT, Error, decode, encode, text


class Loud(str):
    def __str__(self):
        raise RuntimeError("hidden")


class Silent:
    def __str__(self):
        raise RuntimeError("hidden")


class Colour(str, enum.Enum):  # noqa: UP042 - as people wrote it before StrEnum
    RED = "red"


class Lazy:
    def __str__(self):
        return "later"


def strict(raw: bytes):
    """Decode as the strictest reader: UTF-8, no duplicate keys, no NaN."""

    def unique(pairs):
        assert len({key for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    def no_constant(name):
        raise AssertionError(name)

    return json.loads(raw.decode(), object_pairs_hook=unique, parse_constant=no_constant)


def details_in(raw: bytes):
    return strict(raw)["error"].get("details")


def test_the_exact_bytes():
    """Pinned once: the order of the keys, no spaces, UTF-8 as it is."""
    assert encode("gone", "Weg: ☃", "abc", {"id": "1"}).decode() == (
        '{"error":{"code":"gone","message":"Weg: ☃","trace_id":"abc","details":{"id":"1"}}}'
    )


@pytest.mark.parametrize("details", [None, {}])
def test_no_details_are_left_out(details):
    """An empty object says nothing."""
    assert encode("gone", "Gone.", "abc", details) == (
        b'{"error":{"code":"gone","message":"Gone.","trace_id":"abc"}}'
    )


@pytest.mark.parametrize(
    ("value", "as_text"),
    [
        (Loud("plain"), "plain"),
        (Colour.RED, "red"),
        (Lazy(), "later"),
        (Silent(), "<Silent>"),
        ("\ud83d\ude00", "😀"),
        ("a\ud800b", "a\ufffdb"),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (bytearray(b"x"), "x"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (7, "7"),
        (2**80, str(2**80)),
        (None, "null"),
        (True, "true"),
        (["a", {"b": [None, 1.5]}], '["a",{"b":[null,"1.5"]}]'),
        ({1: 2}, '{"1":2}'),
        ((1, {2**60}), f'[1,["{2**60}"]]'),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_does_not_hold_is_made_text(value, as_text):
    """Whatever an application puts in, the client gets texts."""
    if isinstance(value, Silent):
        value = Silent()
    assert text(value) == as_text
    assert details_in(encode("a", "m", "t", {"k": value})) == {"k": as_text}


def test_cycles_end():
    """A structure that has itself is cut where it is deep enough."""
    cycle: list = []
    cycle.append(cycle)

    assert "…" in text(cycle)


def test_what_repeats_is_not_spelled_out():
    """Forty lists, each twice in the next one, as a YAML document can have them, are few."""
    value: list = ["lol"]
    for _ in range(40):
        value = [value, value]

    assert "…" in details_in(encode("a", "m", "t", {"document": value}))["document"]


def test_wide_containers_are_cut():
    """The bound of a container is that of the details."""
    assert text([0] * 101) == "[" + "0," * 100 + '"…"]'
    assert text({str(i): 0 for i in range(101)}).endswith('"99":0,"…":"…"}')


def test_a_long_string_is_cut_visibly():
    """A thousand characters, the last of them an ellipsis."""
    message = strict(encode("a", "x" * 5_000, "t", None))["error"]["message"]

    assert message == "x" * (MAX_TEXT - 1) + "…"


def test_a_string_at_the_bound_is_whole():
    """Nothing is cut that fits."""
    assert strict(encode("a", "x" * MAX_TEXT, "t", None))["error"]["message"] == "x" * MAX_TEXT


def test_many_details_are_cut_visibly():
    """A hundred entries, the last of them telling how many there are more."""
    details = details_in(encode("a", "m", "t", {f"k{i}": "v" for i in range(250)}))

    assert len(details) == MAX_DETAILS
    assert details["…"] == "151 more"


def test_a_hundred_details_are_whole():
    """Nothing is cut that fits."""
    given_details = {f"k{i}": "v" for i in range(MAX_DETAILS)}

    assert details_in(encode("a", "m", "t", given_details)) == given_details


def test_a_large_body_is_cut_visibly():
    """16 KiB at most, whatever the characters take."""
    raw = encode("a", "\x01" * 900, "t", {f"k{i}": "☃" * 900 for i in range(20)})

    assert len(raw) <= MAX_BODY
    assert details_in(raw)["…"].endswith(" more")


def test_names_that_become_one_are_joined():
    """Cutting must not lose a message."""
    long = "k" * MAX_TEXT

    assert details_in(encode("a", "m", "t", {f"{long}1": "one", f"{long}2": "two"})) == {
        "k" * (MAX_TEXT - 1) + "…": "one; two"
    }


@pytest.mark.parametrize("details", ["only text", 5, ["a", "b"]])
def test_details_that_are_no_mapping_are_one_text(details):
    """Under the path of the whole."""
    assert details_in(encode("a", "m", "t", details)) == {"$": text(details)}


def test_a_mapping_that_fails_is_named():
    """A mapping of the application's own may do anything."""

    class Odd(dict):
        def __getitem__(self, key):
            raise LookupError(key)

    assert details_in(encode("a", "m", "t", Odd(a=1))) == {"a": "<LookupError>"}


def test_a_mapping_that_cannot_be_iterated_is_named():
    """Nothing of it is known but how it fails."""

    class Odd(dict):
        def __iter__(self):
            raise LookupError

    assert details_in(encode("a", "m", "t", Odd(a=1))) == {"$": "<LookupError>"}


def test_an_empty_message_is_the_code():
    """A message is never empty."""

    class Empty:
        def __str__(self):
            return ""

    assert strict(encode("gone", Empty(), "t", None))["error"]["message"] == "gone"


def test_if_all_fails_the_body_is_constant(monkeypatch):
    """With the memory or the stack at its end there is still a valid body."""

    def fail(*args):
        raise MemoryError

    monkeypatch.setattr(body, "_encode_any", fail)

    assert strict(encode("a", Loud("m"), "t-1", None)) == {
        "error": {
            "code": "internal_error",
            "message": "Internal server error.",
            "trace_id": "t-1",
        }
    }


any_text = st.text(alphabet=st.characters())  # with surrogates
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | any_text
    | st.binary()
    | st.builds(Silent)
    | st.builds(Loud, st.text()),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(any_text | st.integers() | st.binary(), inner, max_size=5)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@given(message=anything, details=anything)
def test_encoding_never_fails(message, details):
    """Always strict UTF-8 JSON in the shape, of bounded size, with texts only."""
    raw = encode("some_code", message, "some-id", details)
    error = strict(raw)["error"]

    assert len(raw) <= MAX_BODY
    assert list(error)[:3] == ["code", "message", "trace_id"]
    assert (error["code"], error["trace_id"]) == ("some_code", "some-id")
    assert error["message"]
    assert all(isinstance(v, str) and len(v) <= MAX_TEXT for v in error.get("details", {}).values())
    assert decode(raw) is not None


@given(any_text | st.binary(max_size=50))
def test_text_can_be_encoded(value):
    """Whatever goes in, UTF-8 takes what comes out."""
    assert len(text(value).encode()) <= MAX_TEXT * 4


def test_decode_takes_what_encode_makes():
    """The two agree."""
    assert decode(encode("gone", "Gone.", "abc", {"a": "b"})) == Error(
        "gone", "Gone.", "abc", {"a": "b"}
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"\xff",
        b"{}",
        b'{"error":{"code":"gone","message":"m"}}',
        b'{"error":{"code":"Gone","message":"m","trace_id":"t"}}',
        b'{"error":{"code":"gone","message":"","trace_id":"t"}}',
        b'{"error":{"code":"gone","message":"m","trace_id":"t","details":null}}',
        b'{"error":{"code":"gone","message":"m","trace_id":"t","details":{"a":1}}}',
        b'{"error":{"code":"gone","message":"m","trace_id":"t","more":1}}',
        b'{"error":{"code":"gone","message":"m","trace_id":"t"},"status":1}',
        b"[" * 100_000,
    ],
    ids=lambda raw: raw[:60].decode("latin-1"),
)
def test_decode_takes_nothing_else(raw):
    """None for every body that does not conform."""
    assert decode(raw) is None
