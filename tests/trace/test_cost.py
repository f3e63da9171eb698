"""What the trace may cost, as ratios of the same run: see benchmarks/traces.py."""

import subprocess
import sys

import pytest

from benchmarks import traces


@pytest.fixture(autouse=True)
def _unobserved():
    """Measure without a tracer like that of coverage, which is slow for our lines alone."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


def test_a_valid_traceparent_makes_the_wrap_at_most_twice_as_dear():
    """It is parsed and kept; what is passed on is only made when there is a call to make."""
    assert max(traces.traceparent_ratios(40).values()) <= 2


def test_a_record_with_its_id_costs_little_more_than_one_without():
    """Made and formatted, for a handler that writes nowhere."""
    assert traces.record_ratio(40) <= 1.6


def test_a_request_without_any_of_it_pays_for_none():
    """No client, no logging library, no hash is imported by a wrap and its request."""
    code = """
import sys
before = set(sys.modules)
from errorshape.asgi import ErrorShapeMiddleware
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})
async def send(message): pass
try:
    ErrorShapeMiddleware(app)({"type": "http", "path": "/", "headers": []}, None, send).send(None)
except StopIteration:
    pass
ours = [m for m in sys.modules if m.startswith("errorshape.trace.")]
theirs = {"hashlib", "urllib3", "requests", "httpx", "aiohttp", "structlog", "loguru", "concurrent"}
print(*sorted(ours), *sorted(theirs & sys.modules.keys() - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [
        f"errorshape.trace.{name}" for name in ("context", "ids", "records", "w3c")
    ]
