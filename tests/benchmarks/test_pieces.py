"""The pieces that the profiles are made of are still pieces of the code that is measured."""

import pytest

from benchmarks import drive, pieces

# What the benchmarks compare with is not there in the tests.
OURS = ("errorshape", "minimum", "body chunks, errorshape", "errorshape, the body")
CASES = [
    pytest.param(protocol, name, what, id=f"{protocol}, {name}: {what}")
    for protocol, candidates in pieces.PIECES.items()
    for name in OURS
    for what in candidates.get(name, ())
]
#: Of the others, the settings belong to the tests.
DRIVEN = {"asgi": "inbound", "flask": "inbound", "core": "error", "growth": "100"}


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    """Have each function its own code again."""
    monkeypatch.setattr(pieces, "_SOURCES", {})
    functions = {
        pieces.function_at(change.where)
        for protocol, candidates in pieces.PIECES.items()
        for name in OURS
        for changes in candidates.get(name, {}).values()
        for change in changes
    }
    codes = {function: function.__code__ for function in functions}
    yield
    for function, code in codes.items():
        function.__code__ = code


@pytest.mark.parametrize(("protocol", "name", "what"), CASES)
def test_a_piece_can_be_taken_out(protocol, name, what):
    """What is left serves a request."""
    candidate, changes = pieces.named(protocol, f"{name} without {what}")

    assert candidate == name
    if protocol in DRIVEN:
        drive.driver(protocol, f"{name} without {what}", DRIVEN[protocol])()
    else:
        pieces.take_out(changes)


def test_what_is_not_there_cannot_be_taken_out():
    """A change that does not fit any more is an error, and names the place."""
    with pytest.raises(LookupError, match="take_out does not have this once: nonsense"):
        pieces.take_out([pieces.Change("benchmarks.pieces:take_out", "nonsense")])


def test_a_job_without_a_piece_changes_nothing():
    """It is the name of the candidate."""
    assert pieces.named("asgi", "bare") == ("bare", ())
