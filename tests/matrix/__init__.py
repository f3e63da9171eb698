"""The coverage matrix: the same failures on every stack, on real servers.

``cases`` has the rows, :data:`tests.stacks.STACKS` and ``WRAP_ALONE`` the columns: a stack that
is added there is in the matrix. ``impossible`` has, with its reason, every cell that is not
shaped, and the tests hold that it is so. ``python -m tests.matrix`` writes docs/coverage-matrix.md
from these.
"""

from __future__ import annotations

from tests.stacks import STACKS, WRAP_ALONE, Stack

SERVERS = {
    "asgi": ("uvicorn", "hypercorn", "granian"),
    "wsgi": ("gunicorn", "waitress", "granian"),
}

#: One column each: a stack in its main form; other kinds of views are the contract's affair.
COLUMNS: tuple[Stack, ...] = tuple(
    stack for stack in (*STACKS, *WRAP_ALONE) if not stack.name.endswith("_views")
)

#: What the default test command runs: each protocol on each server, each adapter once.
REPRESENTATIVE = {
    ("flask", "gunicorn"),
    ("django_wsgi_wrapped", "granian"),
    ("django_asgi_wrapped", "hypercorn"),
    ("starlette", "hypercorn"),
    ("fastapi", "uvicorn"),
    ("litestar", "granian"),
    ("quart", "hypercorn"),
    ("falcon_asgi", "uvicorn"),
    ("bottle", "waitress"),
    ("pyramid", "gunicorn"),
    ("drf", "waitress"),
    ("ninja", "gunicorn"),
}
