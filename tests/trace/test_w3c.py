"""W3C Trace Context level 2, from the recommendation's text: what is read and what is passed on."""

import re
import subprocess
import sys
import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

import errorshape
from errorshape.trace import outgoing_headers
from errorshape.trace.context import Trace, current
from errorshape.trace.w3c import parse_traceparent, parse_tracestate

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"

#: What goes out: version 00 and nothing but the flags that level 2 knows.
is_valid = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-0[0-3]").fullmatch


@pytest.fixture(autouse=True)
def _outside_of_a_request():
    before = current.get()
    current.set(None)
    yield
    current.set(before)


def passed_on(traceparent=TRACEPARENT, tracestate=""):
    """Return what a request with this trace passes on."""
    current.set(Trace("an-id", traceparent, tracestate))
    return outgoing_headers()


def parts(headers):
    """Return trace-id, parent-id and flags of what goes out, which must be valid."""
    assert is_valid(headers["traceparent"]), headers
    return headers["traceparent"].split("-")[1:]


# --- traceparent ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        TRACEPARENT,
        f" \t{TRACEPARENT}\t ",
        f"00-{TRACE}-{PARENT}-00",
        f"00-{TRACE}-{PARENT}-ff",
        f"01-{TRACE}-{PARENT}-01",
        f"fe-{TRACE}-{PARENT}-01-",
        f"cc-{TRACE}-{PARENT}-01-what-the-future-brings",
        f"cc-{TRACE}-{PARENT}-01-\n",
    ],
)
def test_a_valid_traceparent_gives_its_trace_id(value):
    """§3.2.2, and §3.2.4 for versions to come, which may say more after a dash."""
    assert parse_traceparent(value) == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "",
        TRACE,
        TRACEPARENT[:-1],
        f"{TRACEPARENT}.",
        f"{TRACEPARENT}-more",
        f"{TRACEPARENT}\n",
        f"{TRACEPARENT},{TRACEPARENT}",
        f"cc-{TRACE}-{PARENT}-01-more,{TRACEPARENT}",
        TRACEPARENT.upper(),
        f"ff-{TRACE}-{PARENT}-01",
        f"FE-{TRACE}-{PARENT}-01",
        f"000-{TRACE}-{PARENT}-01",
        f"0-{TRACE}-{PARENT}-01",
        f".0-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}0-{PARENT}-01",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}0-01",
        f"00-{TRACE}-{PARENT[1:]}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-001",
        f"00-{TRACE}-{PARENT}-0g",
        f"cc-{TRACE}-{PARENT}-01.what-the-future-brings",
        f"cc-{TRACE}-{PARENT}-0",
        f"00-{TRACE[:-1]}\N{ARABIC-INDIC DIGIT ONE}-{PARENT}-01",
    ],
)
def test_an_invalid_traceparent_gives_nothing(value):
    """§3.2.2: the whole header is ignored."""
    assert parse_traceparent(value) is None


def test_the_trace_goes_on_under_a_fresh_parent_id():
    """§3.4: the parent-id is that of this call, another for each."""
    calls = [parts(passed_on()) for _ in range(3)]

    assert {trace_id for trace_id, _, _ in calls} == {TRACE}
    assert len({PARENT, *(parent_id for _, parent_id, _ in calls)}) == 4


@pytest.mark.parametrize(
    ("flags", "sent"),
    [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("fc", "00")],
)
def test_the_flags_that_level_2_knows_are_passed_on(flags, sent):
    """§3.2.2.5: sampled and random stay as they are, all others go out as zero."""
    assert parts(passed_on(f"00-{TRACE}-{PARENT}-{flags}"))[2] == sent


def test_a_higher_version_goes_out_as_version_00():
    """§3.2.4: the highest version that is known here, without what was not understood."""
    assert parts(passed_on(f" cc-{TRACE}-{PARENT}-01-more"))[0] == TRACE


# --- tracestate -----------------------------------------------------------------------------------

VALUE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("", ""),
        (" \t", ""),
        (",, ,\t,", ""),
        ("foo=1", "foo=1"),
        ("foo=1,bar=2", "foo=1,bar=2"),
        ("foo=1,,bar=2,", "foo=1,bar=2"),
        ("\tfoo=1 \t , \tbar=2 ", "foo=1,bar=2"),
        ("foo=  1", "foo=  1"),
        ("foo=1,foo=2", "foo=1,foo=2"),
        ("0=1", "0=1"),
        ("foo@=1,a@@b=2", "foo@=1,a@@b=2"),
        ("abcxyz0189_-*/@=1", "abcxyz0189_-*/@=1"),
        (f"foo={VALUE}", f"foo={VALUE}"),
        (f"{'z' * 256}={'v' * 256}", f"{'z' * 256}={'v' * 256}"),
    ],
)
def test_a_valid_tracestate_is_passed_on(value, sent):
    """§3.3.2: members in their order, without the blanks around them and without empty ones."""
    assert parse_tracestate(value) == sent
    assert passed_on(tracestate=value).get("tracestate", "") == sent


@pytest.mark.parametrize(
    "member",
    [
        "foo",
        "foo=",
        "=1",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1",
        "_foo=1",
        "foo=1=2",
        "foo=a\tb",
        "foo=a\nb",
        "foo=\x7f",
        "foo=\xe9",
        "\N{ARABIC-INDIC DIGIT ONE}=1",
        f"{'z' * 257}=1",
        f"z={'v' * 257}",
    ],
)
def test_one_invalid_member_drops_all(member):
    """A list that cannot be parsed is discarded as a whole; the traceparent stays."""
    for value in (member, f"bar=2,{member}", f"{member},bar=2"):
        headers = passed_on(tracestate=value)

        assert "tracestate" not in headers
        assert parts(headers)[0] == TRACE


def test_there_are_at_most_32_members():
    """§3.3.2: one more, and the list is invalid; empty ones say nothing and do not count."""
    most = ",".join(f"k{number}=v" for number in range(32))

    assert parse_tracestate(most) == most
    assert parse_tracestate(most.replace(",", ", ,")) == most
    assert parse_tracestate(f"{most},k=v") == ""


@given(
    st.lists(
        st.from_regex(r"[a-z0-9][a-z0-9_*/@-]{0,9}=[ !-+\--<>-~]{0,9}[!-+\--<>-~]", fullmatch=True),
        max_size=8,
    )
)
def test_what_is_valid_is_passed_on_to_the_letter(members):
    """A list of members that the grammar makes comes out as it went in, however often."""
    value = ",".join(members)

    assert parse_tracestate(value) == value
    assert parse_tracestate(" , ".join(members)) == value


# --- requests without a trace ---------------------------------------------------------------------


def test_a_uuid_is_the_trace_id_itself():
    """The digits are the same, so that one search finds both."""
    current.set(trace_id := errorshape.new_trace_id())
    headers = outgoing_headers()

    assert headers["X-Request-Id"] == trace_id
    assert parts(headers)[0] == trace_id.replace("-", "")
    assert "tracestate" not in headers


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        ("7F3A1B2C-4D5E-4F7A-8B9C-0D1E2F3A4B5C", "02"),
        ("7f3a1b2c4d5e4f7a8b9c0d1e2f3a4b5c", "02"),
        ("c12e59ce-e7e4-11f1-b96a-02fc00000001", "00"),
        ("7f3a1b2c-4d5e-4f7a-0b9c-0d1e2f3a4b5c", "00"),
    ],
)
def test_the_random_flag_is_set_where_the_id_is_random(value, flags):
    """§3.2.2.5.2: it says that the 7 bytes on the right are random, as in a UUID of version 4."""
    current.set(value)

    assert parts(outgoing_headers())[::2] == [value.replace("-", "").lower(), flags]


@pytest.mark.parametrize(
    "value",
    [
        "order-7", "x" * 128, "x" * 32, "a/b+c=", str(uuid.UUID(int=0)),
        "7f3a1b2c-4d5e4f7a8b9c0d1e2f3a4b5c", "7f3a1b2c-4d5e-4f7a-8b9c-0d1e-2f3a4b5c",
    ],
)  # fmt: skip
def test_all_calls_of_one_request_are_in_one_trace(value):
    """An id that is no UUID gives a trace-id as well: always the same, in every thread."""
    current.set(value)
    seen = [outgoing_headers()]
    thread = threading.Thread(target=lambda: (current.set(value), seen.append(outgoing_headers())))
    thread.start()
    thread.join()

    assert [headers["X-Request-Id"] for headers in seen] == [value] * 2
    (trace_id, parent_id, flags), (again, another, _) = map(parts, seen)
    assert trace_id == again
    assert parent_id != another
    assert flags == "00"


def test_other_processes_derive_the_same_trace_id():
    """A task that gets only the id makes its calls in the request's trace."""
    code = (
        "from errorshape.trace import context, outgoing_headers\n"
        "context.current.set('order-7')\n"
        "print(outgoing_headers()['traceparent'])"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    current.set("order-7")

    assert parts(outgoing_headers())[0] == there.stdout.split("-")[1]


def test_different_ids_are_different_traces():
    """Nothing of one request is mixed up with another."""
    traces = set()
    for value in ("order-7", "order-8", "ORDER-7"):
        current.set(value)
        traces.add(parts(outgoing_headers())[0])

    assert len(traces) == 3


def test_outside_of_a_request_each_call_is_its_own_trace():
    """A fresh id, and a trace that begins here."""
    first, second = outgoing_headers(), outgoing_headers()

    assert first["X-Request-Id"] != second["X-Request-Id"]
    assert parts(first)[0] == first["X-Request-Id"].replace("-", "")
    assert parts(first)[2] == "02"


def test_the_header_can_be_named():
    """As ``trace_header`` renames the one that comes in."""
    current.set("order-7")

    assert outgoing_headers("X-Trace")["X-Trace"] == "order-7"
    assert "X-Request-Id" not in outgoing_headers("X-Trace")


def test_a_parent_id_is_never_all_zeros(monkeypatch):
    """§3.2.2.4: such a one is invalid, and the callee would drop the trace."""
    drawn = [b"\x01" * 8, bytes(8)]
    monkeypatch.setattr("os.urandom", lambda size: drawn.pop())
    current.set("order-7")

    assert parts(outgoing_headers())[1] == "01" * 8
