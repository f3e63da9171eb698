"""What attrs, and cattrs where it keeps no places, raise: a ValueError, a TypeError or the like."""

from __future__ import annotations

from . import attrs
from .own import INVALID, own_message
from .paths import Problem, collect


def details(exc: BaseException) -> dict[str, str] | None:
    """Return the one error, None if neither attrs nor cattrs raised it."""
    found = attrs.problem(exc) or _of_cattrs(exc)
    return None if found is None else collect([found])


def _of_cattrs(exc: BaseException) -> Problem | None:
    """Return that the whole is not valid if cattrs found so: it does not say where."""
    if type(exc).__name__ == "StructureHandlerNotFoundError":
        return None
    asked = raised = False
    here = exc.__traceback__
    while here is not None:
        module = str(here.tb_frame.f_globals.get("__name__", ""))
        file = here.tb_frame.f_code.co_filename
        raised = module.startswith("cattrs.") or file.startswith("<cattrs generated")
        asked = asked or raised
        here = here.tb_next
    # A ValueError is how hooks and enums refuse a value; of another class it may be a mistake.
    if raised or (asked and isinstance(exc, ValueError)):
        return (), own_message(exc) or INVALID
    return None
