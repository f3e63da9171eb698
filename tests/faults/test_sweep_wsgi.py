"""Every script, method, point and fault on the WSGI wrap, held against the contract."""

import pytest

from errorshape.wsgi import ErrorShapeMiddleware
from tests.faults import wsgi_scripts
from tests.faults.sweeping import sweep


def swept(reshape, **chosen):
    def wrap(app):
        return ErrorShapeMiddleware(app, reshape=reshape)

    return sweep(
        wsgi_scripts.cases(wrap, reshape, **chosen),
        lambda case, trace_id: wsgi_scripts.run(case, wrap, trace_id)[:2],
    )


@pytest.mark.parametrize("reshape", ["text", "all", "none"])
def test_no_fault_breaks_the_contract(reshape):
    """Whatever fails wherever: the contract holds."""
    broken, count = swept(reshape)

    assert not broken, "\n".join(broken)
    assert count > 4_000
