"""Every view, point and fault on every stack, held against the contract."""

import pytest

from tests.faults import ALL, stack_scripts
from tests.faults.sweeping import sweep
from tests.stacks import STACKS

PART = {
    "methods": ("GET",),
    "faults": ("Exception", "APIError", "OSError", "CancelledError", "KeyboardInterrupt"),
}


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_no_fault_breaks_the_contract(stack):
    """Whatever fails wherever: the contract holds."""
    app = stack.build()
    broken, count = sweep(
        stack_scripts.cases(stack, app, **({} if ALL else PART)),
        lambda case, trace_id: stack_scripts.run(app, case, trace_id)[:2],
    )

    assert not broken, "\n".join(broken)
    assert count > (500 if ALL else 150)
