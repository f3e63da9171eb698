"""Every WebSocket, point and fault on every stack that has them, held against the contract."""

import itertools

import pytest
import quart.asgi

from tests.faults import ALL, websocket_scripts
from tests.faults.ledger import FAULTS
from tests.faults.stack_scripts import ASGI_SERVER_FAULTS, faults_of
from tests.faults.test_sweep_stacks import PART
from tests.stacks import STACKS

SPEAKING = [
    stack
    for stack in STACKS
    if stack.framework in ("starlette", "fastapi", "litestar", "quart") and not stack.prefix
]


@pytest.mark.parametrize("stack", SPEAKING, ids=str)
def test_no_fault_breaks_the_contract(stack):
    """Refused, closed or passed through: whatever fails wherever."""
    app = stack.build()
    faults = faults_of(stack, "body", FAULTS if ALL else PART["faults"])
    server_faults = faults_of(stack, "body", ASGI_SERVER_FAULTS)
    if stack.framework == "quart" and not hasattr(quart.asgi, "_convert_os_error"):
        # Quart before 0.23 takes what send() raises for a failure of the view, and logs it itself.
        server_faults.remove("client-gone")
    numbers = itertools.count()

    def run(case):
        return websocket_scripts.run_stack(stack, app, case, f"case-{next(numbers)}")

    cases = [
        case
        for case in websocket_scripts.product(run, faults, server_faults)
        # Where a view says nothing at all, Quart waits for the client to leave.
        if (stack.framework, case.name, case.side) != ("quart", "answers nothing", "none")
    ]
    broken = [f"{case}: {rule}" for case in cases for rule in run(case)[0]]

    assert not broken, "\n".join(broken[:40])
    assert len(cases) > (200 if ALL else 100)
