"""Threads of a pool that know the request which has given them the work."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any

from .context import carry


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """The standard library's, whose calls run under the trace id of whoever submitted them.

    For code that takes an executor and submits by itself, like ``loop.set_default_executor()``.
    """

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> concurrent.futures.Future[Any]:
        """Submit a call, as ``map`` does as well; TypeError for one that only begins."""
        return super().submit(carry(fn), *args, **kwargs)
