"""The trace id of what is going on, and its use by scripts."""

import logging

import pytest

import errorshape
from errorshape import bind_trace_id, trace_id
from errorshape.trace.context import Trace, current


@pytest.fixture(autouse=True)
def _outside_of_any_request():
    before = current.get()
    current.set(None)
    yield
    current.set(before)


def test_outside_of_a_request_there_is_none():
    """An application can ask at any time."""
    assert trace_id() is None


def test_it_is_the_id_alone():
    """Whether or not the request came with a traceparent."""
    current.set(Trace("abc", "00-…"))

    assert trace_id() == "abc"


def test_binding_gives_a_job_its_id():
    """And takes it away again."""
    with bind_trace_id("job-1") as bound:
        assert bound == trace_id() == "job-1"
    assert trace_id() is None


def test_binding_without_a_value_makes_a_fresh_one():
    """A script that starts something has no id yet."""
    with bind_trace_id() as bound:
        assert len(bound) == 36


def test_bindings_nest():
    """The outer id is back after the inner block, also when that fails."""
    with bind_trace_id("outer"):
        with pytest.raises(KeyError), bind_trace_id("inner"):
            raise KeyError
        assert trace_id() == "outer"


def test_binding_decorates():
    """A job is often one function; each call has an id of its own."""

    @bind_trace_id()
    def job():
        return trace_id()

    assert job() != job()


@pytest.mark.parametrize("value", ["", "a b", "x" * 129, 5, b"abc", "id\n"])
def test_binding_refuses_what_is_no_id(value):
    """With the rule and the remedy."""
    with pytest.raises(ValueError, match="is no trace id: it has 1 to 128 characters"):
        bind_trace_id(value).__enter__()


def test_records_of_a_job_carry_its_id(caplog):
    """Without an adapter somebody has to install them."""
    with bind_trace_id("job-2"):
        logging.getLogger("job").warning("done")

    assert [record.trace_id for record in caplog.records] == ["job-2"]


def test_installing_twice_is_installing_once():
    """Everybody who needs the records asks for them."""
    errorshape.trace.install()
    factory = logging.getLogRecordFactory()
    errorshape.trace.install()

    assert logging.getLogRecordFactory() is factory
