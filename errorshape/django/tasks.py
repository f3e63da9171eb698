"""Django's tasks: a task belongs to the request that has enqueued it.

``class Backend(Traced, DatabaseBackend)``, named in ``TASKS``: of ``django.tasks``, or of the package
``django_tasks`` that it came from, any backend whose worker calls the task by ``call`` or ``acall``.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import Any

from .. import trace
from ..trace.context import Trace, current
from ..trace.ids import new_trace_id
from ..trace.messages import identify, stamp

#: The argument that has the headers: arguments are all that a backend keeps of a task.
ARGUMENT = "_errorshape"

# Whether the id is that of a task which a worker has just called, and whose end it has yet to log.
_ending: ContextVar[bool] = ContextVar("errorshape.django.tasks", default=False)


class Traced:
    """What makes a backend's tasks run under the id of the request that has enqueued them.

    They are enqueued with one keyword argument more, which is taken out before they are called. A
    task that was enqueued outside of a request has a fresh id.
    """

    task_class: Any

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)  # type: ignore[call-arg]
        self.task_class = _traced(self.task_class)
        trace.install()
        # After the receiver that logs the end, which Django connects when it defines the signal.
        _signals(type(self)).task_finished.connect(_leave, dispatch_uid="errorshape")

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Enqueue a task for the request that is being served."""
        return super().enqueue(task, args, _stamped(task, kwargs))  # type: ignore[misc]

    async def aenqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Enqueue a task for the request that is being served."""
        return await super().aenqueue(task, args, _stamped(task, kwargs))  # type: ignore[misc]


class _Task:
    """What makes a task run under the id it came with."""

    __slots__ = ()

    def call(self, *args: Any, **kwargs: Any) -> Any:
        before = _enter(headers := kwargs.pop(ARGUMENT, None))
        try:
            return super().call(*args, **kwargs)  # type: ignore[misc]
        finally:
            _return_to(before, headers)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        before = _enter(headers := kwargs.pop(ARGUMENT, None))
        try:
            return await super().acall(*args, **kwargs)  # type: ignore[misc]
        finally:
            _return_to(before, headers)


@cache
def _traced(task_class: Any) -> Any:
    return type(task_class.__name__, (_Task, task_class), {"__slots__": ()})


def _signals(backend_class: type) -> Any:
    """Return the signals of the package that a backend is for."""
    (base,) = (cls for cls in backend_class.__mro__ if cls.__name__ == "BaseTaskBackend")
    return import_module(base.__module__.replace(".backends.base", ".signals"))


def _stamped(task: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    if ARGUMENT in kwargs or not isinstance(task, _Task):  # of a backend that would not take it out
        return kwargs
    headers: dict[str, Any] = {}
    stamp(headers)
    return {**kwargs, ARGUMENT: headers}


def _enter(headers: Any) -> str | Trace | None:
    """Go under the id of a task; return what is current where it is called at once."""
    before = None if _ending.get() else current.get()
    _ending.set(False)
    found = identify(headers) if isinstance(headers, dict) else None
    current.set(found or before or new_trace_id())
    return before


def _return_to(before: str | Trace | None, headers: Any) -> None:
    if before is None and headers is not None:
        _ending.set(True)
    else:
        current.set(before)


def _leave(**_: Any) -> None:
    if _ending.get():
        _ending.set(False)
        current.set(None)
