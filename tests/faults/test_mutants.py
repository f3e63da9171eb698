"""Who tests the sweeps? Every deliberate fault of the layer must be found by them."""

import pytest

from errorshape.asgi import ErrorShapeMiddleware
from tests.faults import asgi_scripts, mutants, websocket_scripts, wsgi_scripts
from tests.faults.sweeping import sweep

METHODS = ("GET", "HEAD")


def quickest_first(cases):
    """Many faults show where nothing fails: those cases are few."""
    return sorted(cases, key=lambda case: case.side != "none")


def test_there_are_enough_of_them():
    """At least fifteen, and some for each protocol."""
    assert len({*mutants.ASGI, *mutants.WSGI, *mutants.WEBSOCKET}) >= 15
    assert min(map(len, (mutants.ASGI, mutants.WSGI, mutants.WEBSOCKET))) >= 5


@pytest.mark.parametrize("name", mutants.ASGI)
def test_the_asgi_sweep_kills(name):
    """One case at least breaks a promise."""
    wrap = mutants.ASGI[name]

    broken, _ = sweep(
        quickest_first(asgi_scripts.cases(ErrorShapeMiddleware, "text", METHODS)),
        lambda case, trace_id: asgi_scripts.run(case, wrap, trace_id)[:2],
        enough=1,
    )

    assert broken


@pytest.mark.parametrize("name", mutants.WSGI)
def test_the_wsgi_sweep_kills(name):
    """One case at least breaks a promise."""
    wrap = mutants.WSGI[name]

    broken, _ = sweep(
        quickest_first(wsgi_scripts.cases(wrap, "text", METHODS)),
        lambda case, trace_id: wsgi_scripts.run(case, wrap, trace_id)[:2],
        enough=1,
    )

    assert broken


@pytest.mark.parametrize("name", mutants.WEBSOCKET)
def test_the_websocket_sweep_kills(name):
    """One case at least breaks a promise."""
    wrap = mutants.WEBSOCKET[name]

    assert any(
        websocket_scripts.run(case, wrap, "the-id")[0]
        for case in websocket_scripts.cases(ErrorShapeMiddleware)
    )
