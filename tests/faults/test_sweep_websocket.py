"""Every WebSocket, point and fault on the ASGI wrap, held against the contract."""

import itertools

from errorshape.asgi import ErrorShapeMiddleware
from tests.faults import websocket_scripts


def test_no_fault_breaks_the_contract():
    """Refused, closed or passed through: whatever fails wherever."""
    numbers = itertools.count()

    broken = [
        f"{case}: {rule}"
        for case in websocket_scripts.cases(ErrorShapeMiddleware)
        for rule in websocket_scripts.run(case, ErrorShapeMiddleware, f"case-{next(numbers)}")[0]
    ]

    assert not broken, "\n".join(broken[:40])
    assert next(numbers) > 500
