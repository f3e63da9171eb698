"""Every script, method, point and fault on the ASGI wrap, held against the contract."""

import pytest

from errorshape.asgi import ErrorShapeMiddleware
from tests.faults import ALL, asgi_scripts
from tests.faults.sweeping import sweep


def swept(reshape, **chosen):
    def wrap(app):
        return ErrorShapeMiddleware(app, reshape=reshape)

    return sweep(
        asgi_scripts.cases(wrap, reshape, **chosen),
        lambda case, trace_id: asgi_scripts.run(case, wrap, trace_id)[:2],
    )


@pytest.mark.parametrize("reshape", ["text", "all", "none"])
def test_no_fault_breaks_the_contract(reshape):
    """Whatever fails wherever: the contract holds."""
    chosen = {}
    if not ALL and reshape == "text":
        chosen = {"methods": ("GET", "HEAD")}
    elif not ALL:  # the option is about responses that are errors already
        errors = tuple(s.name for s in asgi_scripts.SCRIPTS.values() if s.reshaped or s.collected)
        chosen = {"methods": ("GET",), "scripts": errors}

    broken, count = swept(reshape, **chosen)

    assert not broken, "\n".join(broken)
    assert count > (5_000 if ALL else 500)
