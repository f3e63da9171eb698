"""Whose message it is: what the application wrote goes out, what quotes a value does not."""

from __future__ import annotations

import sys
from opcode import opmap
from types import TracebackType

#: What is said where a library's message would quote the value.
INVALID = "Invalid value"

_RAISE = opmap["RAISE_VARARGS"]
_LIBRARIES = frozenset({"attr", "attrs", "cattr", "cattrs", "msgspec", "pydantic"})


def own_message(exc: BaseException) -> str | None:
    """Return the message of an exception that a ``raise`` of the application made, else None.

    ``int("secret")`` fails with a message that quotes its argument, and so do parts of the standard
    library: what they raise inside a validator of the application is not its own message.
    """
    last = last_traceback(exc)
    if last is not None:
        frame = last.tb_frame
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if (
            frame.f_code.co_code[last.tb_lasti] != _RAISE
            or not frame.f_code.co_filename
            or frame.f_code.co_filename.startswith("<")  # generated, as attrs and cattrs do
            or module in _LIBRARIES
            or (module in sys.stdlib_module_names and module != "__main__")
        ):
            return None
    return str(exc) or INVALID


def last_traceback(exc: BaseException) -> TracebackType | None:
    """Return the end of the traceback, which is where ``exc`` was raised."""
    here = exc.__traceback__
    while here is not None and here.tb_next is not None:
        here = here.tb_next
    return here
