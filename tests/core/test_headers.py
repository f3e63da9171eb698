"""Headers: what can be sent, and the one of the trace id."""

import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorshape.core.headers import (
    header,
    is_header_name,
    retry_after,
    sendable,
    stamper,
    varying,
)

UTC = datetime.UTC
CAIRO = datetime.timezone(datetime.timedelta(hours=2))


def sent(headers, status=404):
    problems = []
    return sendable(headers, status, "X-Request-Id", problems.append), problems


@pytest.mark.parametrize(
    "headers", [{"A": "1", "B": "2"}, [("A", "1"), ("B", "2")], iter([("A", "1"), ("B", "2")])]
)
def test_a_mapping_and_pairs_are_the_same(headers):
    """Both are how people write headers."""
    assert sent(headers) == ([("A", "1"), ("B", "2")], [])


@pytest.mark.parametrize(
    ("value", "as_sent"),
    [
        ("a\r\nX: b", "a  X: b"),
        ("a\x00b\x1bc\x7fd\x85e\tf", "a b c d e f"),
        (" padded ", "padded"),
        (7, "7"),
        (b"bytes", "bytes"),
        ("café", "café"),
    ],
)
def test_a_value_can_split_nothing(value, as_sent):
    """Each control character becomes a space."""
    assert sent({"X-Odd": value}) == ([("X-Odd", as_sent)], [])


@pytest.mark.parametrize(
    "pair",
    [
        ("Bad Name", "x"),
        ("", "x"),
        ("Ä", "x"),
        (b"\xff", "x"),
        (7, "x"),
        ("X", "☃"),
        ("only",),
        None,
        ("Connection", "close"),
        ("Upgrade", "h2c"),
    ],
    ids=repr,
)
def test_what_cannot_be_sent_is_dropped_and_said(pair):
    """The other headers go out all the same."""
    kept, problems = sent([("A", "1"), pair])

    assert kept == [("A", "1")]
    assert problems == ["A header of an error cannot be sent: dropped"]


@given(st.text(st.characters(max_codepoint=0xFF), max_size=3))
def test_the_name_of_a_header_is_a_token(name):
    """RFC 9110 §5.6.2."""
    is_token = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is not None

    assert is_header_name(name) == is_token


def test_no_headers_at_all_are_dropped_and_said():
    """Something that is neither a mapping nor pairs."""
    assert sent(5) == ([], ["The headers of an error are no mapping and no pairs: dropped"])


def test_the_headers_of_another_body_go_with_it():
    """And so does an id that is not the request's."""
    headers = [("content-length", "5"), ("ETag", "x"), ("X-REQUEST-ID", "y"), ("Allow", "GET")]

    assert sent(headers) == ([("Allow", "GET")], [])


@pytest.mark.parametrize(("status", "kept"), [(416, True), (404, False)])
def test_the_content_range_of_a_416_speaks_of_the_resource(status, kept):
    """RFC 9110 §15.5.17."""
    assert bool(sent([("Content-Range", "bytes */47")], status)[0]) is kept


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=50) | st.binary(max_size=50), max_size=5)
)
def test_what_is_kept_is_a_header(headers):
    """Whatever is given: tokens, and latin-1 without control characters."""
    for name, value in sent(headers)[0]:
        assert name.isascii()
        assert name.encode()
        assert not any(ch < " " or "\x7f" <= ch < "\xa0" for ch in value)
        value.encode("latin-1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (1.2, "2"),
        (-5, "0"),
        (datetime.timedelta(minutes=1), "60"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "Fri, 02 Jan 2026 03:04:05 GMT"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5), "Fri, 02 Jan 2026 03:04:05 GMT"),  # noqa: DTZ001
        (
            datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=CAIRO),
            "Fri, 02 Jan 2026 01:04:05 GMT",
        ),
        ("120", "120"),
        ("", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        ([], None),
    ],
    ids=repr,
)
def test_retry_after(value, expected):
    """Seconds rounded up and not below 0, or a date in GMT (RFC 9110 §10.2.3)."""
    assert retry_after(value) == expected


@pytest.mark.parametrize(
    ("headers", "stamped"),
    [
        ([], [("X-Request-Id", "abc")]),
        ([("A", "1")], [("A", "1"), ("X-Request-Id", "abc")]),
        ([("x-request-ID", "old"), ("A", "1")], [("A", "1"), ("X-Request-Id", "abc")]),
        (
            [("Access-Control-Expose-Headers", "ETag")],
            [("Access-Control-Expose-Headers", "ETag, X-Request-Id"), ("X-Request-Id", "abc")],
        ),
        (
            [("access-control-expose-headers", " ")],
            [("access-control-expose-headers", "X-Request-Id"), ("X-Request-Id", "abc")],
        ),
        (
            [("Access-Control-Expose-Headers", "a,x-request-id ")],
            [("Access-Control-Expose-Headers", "a,x-request-id "), ("X-Request-Id", "abc")],
        ),
        ([("Other-Header", "1")], [("Other-Header", "1"), ("X-Request-Id", "abc")]),
    ],
    ids=str,
)
def test_a_response_has_its_id_once_and_exposed(headers, stamped):
    """In WSGI's strings and in ASGI's bytes alike; the application's list is left alone."""
    before = list(headers)
    as_bytes = [(name.encode(), value.encode()) for name, value in headers]

    assert stamper("X-Request-Id")(headers, "abc") == stamped
    assert stamper(b"X-Request-Id")(as_bytes, b"abc") == [
        (name.encode(), value.encode()) for name, value in stamped
    ]
    assert headers == before


def test_header_is_found_in_any_case():
    """The first of that name."""
    assert header([("ETAG", "1"), ("etag", "2")], "ETag") == "1"
    assert header([], "ETag") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [("Vary", "Accept")]),
        ([("vary", "Cookie")], [("Vary", "Accept, Cookie")]),
        ([("Vary", "accept , Origin"), ("A", "1")], [("A", "1"), ("Vary", "accept, Origin")]),
        ([("Vary", "Cookie"), ("VARY", "Origin,,cookie")], [("Vary", "Accept, cookie, Origin")]),
        ([("Vary", "Cookie, *")], [("Vary", "*")]),
    ],
)
def test_vary_is_one_header_with_each_name_once(before, after):
    """What varied before still does (RFC 9110 §12.5.5)."""
    assert varying(before, "Accept") == after


def test_what_varies_by_nothing_says_nothing():
    """No name, no header."""
    assert varying([("A", "1"), ("Vary", "")]) == [("A", "1")]
