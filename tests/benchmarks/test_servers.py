"""What is measured on real servers is every candidate, and only what it has served."""

import pytest

from benchmarks import servers
from benchmarks.candidates import CANDIDATES

SAID = """Running 1s test @ http://127.0.0.1:8000/ok
  1 threads and 16 connections
  Latency Distribution
     50%    1.02ms
     99%  {p99}
  9512 requests in 1.00s, 1.30MB read
{failed}Requests/sec:   9443.80
Transfer/sec:      1.29MB
"""


@pytest.mark.parametrize(
    ("p99", "milliseconds"), [("3.06ms", 3.06), ("812.00us", 0.812), ("1.50s", 1500)]
)
def test_what_wrk_says_is_read(p99, milliseconds):
    """Requests a second, and p99 in milliseconds whatever its unit."""
    rate, latency = servers.read(SAID.format(p99=p99, failed=""))

    assert (rate, latency) == (9443.8, pytest.approx(milliseconds))


@pytest.mark.parametrize(
    "failed",
    [
        "  Non-2xx or 3xx responses: 3\n",
        "  Socket errors: connect 0, read 1, write 0, timeout 0\n",
    ],
    ids=["status", "socket"],
)
def test_a_run_that_failed_is_none(failed):
    """What was not served would be counted as a request, and mostly a fast one."""
    with pytest.raises(RuntimeError, match=failed.strip()):
        servers.read(SAID.format(p99="3.06ms", failed=failed))


def test_what_is_no_report_is_refused():
    """Without a rate there is nothing to compare."""
    with pytest.raises(RuntimeError, match="unable to connect"):
        servers.read("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_every_peer_is_measured():
    """A candidate that is added is in the groups of its protocol; where none are, it has no peer."""
    protocols = {group.protocol for group in servers.GROUPS.values()}

    assert set(CANDIDATES) - protocols == {"wsgi", "core"}


@pytest.mark.parametrize("title", servers.GROUPS)
def test_a_group_has_what_it_is_compared_with(title):
    """The bare application is the first, and errorshape is there."""
    names = servers.GROUPS[title].names

    assert names[0] == "bare"
    assert "errorshape" in names


def test_losses_are_of_the_same_round():
    """What slows a whole round is no loss."""
    bare, ours = [100.0, 50.0, 80.0], [90.0, 45.0, 72.0]
    found = {
        name: [(rate, 1.0) for rate in rates] for name, rates in (("bare", bare), ("us", ours))
    }

    table = servers.summary(found)

    assert (table["bare"]["loss"], table["bare"]["requests/s"]) == (0, 80)
    assert (table["us"]["loss"], table["us"]["spread"]) == (pytest.approx(10), pytest.approx(0))
