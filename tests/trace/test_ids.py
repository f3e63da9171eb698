"""What counts as a trace id, and how a fresh one is made."""

import os
import re
import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorshape import new_trace_id
from errorshape.trace import ids


@given(st.text(max_size=140) | st.text("abcXYZ019._~+/=:@- ", max_size=140))
def test_the_rule_is_the_contracts(value):
    """§4, as a regular expression beside the faster code."""
    expected = re.fullmatch(r"[A-Za-z0-9._~+/=:@-]{1,128}", value, re.ASCII) is not None

    assert ids.is_trace_id(value) is expected


def test_a_fresh_id_is_a_random_uuid():
    """Version 4, RFC's variant, canonical text (RFC 9562 §5.4)."""
    for _ in range(300):
        made = new_trace_id()
        parsed = uuid.UUID(made)
        assert (str(parsed), parsed.version, parsed.variant) == (made, 4, uuid.RFC_4122)
        assert ids.is_trace_id(made)


def test_fresh_ids_differ():
    """In threads, too, which share the store."""
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(new_trace_id() for _ in range(1_000)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == len(made) == 8_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_makes_ids_of_its_own():
    """Workers must not hand out what their master has in store."""
    new_trace_id()
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, " ".join(new_trace_id() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        of_the_child = set(pipe.read().split())

    assert len(of_the_child) == 100
    assert of_the_child.isdisjoint(new_trace_id() for _ in range(200))
