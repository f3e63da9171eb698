"""Arbitrary sequences of ASGI messages: whatever an application sends, the contract holds."""

from hypothesis import given
from hypothesis import strategies as st

from errorshape.asgi import ErrorShapeMiddleware
from tests.faults import asgi_scripts
from tests.faults.asgi_scripts import TEXT, Case, Script, part, start
from tests.faults.ledger import FAULTS, SERVER_FAULTS
from tests.faults.oracle import violations

EVENTS = (b"content-type", b"text/event-stream")

starts = st.builds(
    lambda status, headers, trailers: start(status, *headers, trailers=trailers),
    st.sampled_from([200, 201, 206]),
    st.lists(
        st.sampled_from([TEXT, (b"x-request-id", b"mine"), (b"x-kept", b"1")]),
        max_size=3,
        unique=True,
    ),
    st.booleans(),
) | st.just(start(200, EVENTS))
parts = st.builds(
    lambda data, more: (data, more), st.sampled_from([b"", b"one", b"{}"]), st.booleans()
)
trailers = st.builds(
    lambda more: {"type": "http.response.trailers", "headers": [], "more_trailers": more},
    st.booleans(),
)
steps = st.lists(starts | parts | trailers | st.just("receive"), max_size=6)
# Most sequences that mean something begin with a start.
sequences = steps | st.tuples(starts, steps).map(lambda both: [both[0], *both[1]])


def well_formed(sequence):
    """Whether trailers come only where they may: anywhere else they are for the server to judge."""
    state, announced = "start", False
    for step in sequence:
        if isinstance(step, tuple):
            if state == "body" and not step[1]:
                state = "trailers" if announced else "end"
        elif step != "receive" and step["type"].endswith("start"):
            if state == "start":
                state, announced = "body", step.get("trailers", False)
        elif step != "receive":
            if state != "trailers":
                return False
            state = state if step["more_trailers"] else "end"
    return True


def script_of(sequence):
    async def run(scope, receive, send):
        for step in sequence:
            if step == "receive":
                await receive()
            elif isinstance(step, tuple):
                await send(part(scope, step[0], more=step[1]))
            else:
                await send(dict(step))

    return Script("generated", run, extensions=("http.response.trailers",))


@given(
    sequences.filter(well_formed),
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.none()
    | st.tuples(st.just("application"), st.integers(0, 8), st.sampled_from(list(FAULTS)))
    | st.tuples(
        st.just("server"), st.integers(0, 8), st.sampled_from([*SERVER_FAULTS, "disconnect"])
    ),
)
def test_any_sequence_of_messages(sequence, method, fault):
    """Whatever comes in whatever order, and fails wherever."""
    side, at, name = fault or ("none", None, "")
    case = Case(script_of(sequence), method, "text", side, at, name)

    told, seen, *_ = asgi_scripts.run(case, ErrorShapeMiddleware, "the-id")

    assert not violations(told, seen)
