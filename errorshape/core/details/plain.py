"""What attrs, and cattrs where it keeps no places, raise: a ValueError, a TypeError or the like."""

from __future__ import annotations

from . import attrs
from .own import INVALID, last_traceback
from .paths import Problem, collect


def details(exc: BaseException) -> dict[str, str] | None:
    """Return the one error, None if neither attrs nor cattrs raised it."""
    found = attrs.problem(exc) or _of_cattrs(exc)
    return None if found is None else collect([found])


def _of_cattrs(exc: BaseException) -> Problem | None:
    """Return that the whole is not valid if cattrs found so: it does not say where."""
    last = last_traceback(exc)
    if last is None or type(exc).__name__ == "StructureHandlerNotFoundError":
        return None
    frame = last.tb_frame
    is_cattrs = str(frame.f_globals.get("__name__", "")).startswith("cattrs.")
    if is_cattrs or frame.f_code.co_filename.startswith("<cattrs generated"):
        return (), INVALID
    return None
