"""What the layer logs, and whom it tells: each failure once, at the level that fits."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from .exceptions import APIError
from .http import Request

logger = logging.getLogger("errorshape")

# Codes come from the application's classes, not from requests; the bound is for those that build
# codes while they run.
_MAX_CODES = 1_000

# Of the request, or of an error, on one line of the log.
_MAX_TEXT = 1_000

#: Told of each undocumented code, each time that it is sent; the pytest plugin is one.
watchers: list[Callable[[str], object]] = []


class Reporter:
    """Writes the log records of one layer and calls its ``on_error`` hooks. Never raises."""

    def __init__(self, hooks: Sequence[Callable[[APIError, BaseException, str], object]]) -> None:
        self.hooks = hooks
        self._undocumented: set[str] = set()

    def log(self, exc: BaseException, error: APIError | None, request: Request | None) -> None:
        """Log ``exc``, which stands for ``error`` (None: nobody expected it)."""
        try:
            if error is None:
                _log(logging.ERROR, f"Unhandled exception{_where(request)}", exc)
            elif error.status >= 500:
                what = f"{error.status} {printable(error.code)}{_where(request)}"
                line = f"{what}: {printable(error.message)}"
                _log(logging.ERROR, line, exc if error.__cause__ is not None else None)
            elif logger.isEnabledFor(logging.INFO):
                _log(logging.INFO, f"{error.status} {printable(error.code)}{_where(request)}")
        except Exception as failure:  # attributes that are properties can do what they like
            self.problem(f"{type(exc).__name__} cannot be read", failure)

    def tell(self, sent: APIError, exc: BaseException, trace_id: str) -> None:
        """Call the hooks; one that fails is logged and changes nothing."""
        for hook in self.hooks:
            try:
                hook(sent, exc, trace_id)
            except Exception as failure:
                _log(logging.ERROR, f"The on_error hook {described(hook)} failed", failure)

    def too_late(self, exc: BaseException, request: Request | None) -> None:
        """Log a failure that came when the response had begun."""
        _log(logging.ERROR, f"Failed after the response had begun{_where(request)}", exc)

    def gone(self, exc: BaseException | None, request: Request | None) -> None:
        """Note that the client went away; not an error."""
        if logger.isEnabledFor(logging.INFO):
            reason = f" ({type(exc).__name__})" if exc is not None else ""
            _log(logging.INFO, f"The client went away{_where(request)}{reason}")

    def undocumented(self, code: str) -> None:
        """Say once of a code that the catalogue does not have it."""
        for watch in watchers:
            watch(code)
        if code not in self._undocumented and len(self._undocumented) < _MAX_CODES:
            self._undocumented.add(code)
            _log(
                logging.WARNING,
                f"The code {code!r} is not in the catalogue: add its class with Catalog.extend()",
            )

    def blame(self, culprit: object, what: str) -> None:
        """Log what something that the application gave the layer to use did, with its name."""
        self.problem(f"{described(culprit)} {what}")

    def problem(self, message: str, exc: BaseException | None = None) -> None:
        """Log a fault of something that the application gave the layer to use."""
        _log(logging.WARNING if exc is None else logging.ERROR, message, exc)


def printable(value: Any) -> str:
    """Return a text for one log line: control characters are escaped, and it is cut to a bound."""
    try:
        line = str(value)
    except Exception:
        return f"<{type(value).__name__}>"
    if len(line) > _MAX_TEXT:  # a path may have as many megabytes as the server lets through
        line = line[:_MAX_TEXT] + "\N{HORIZONTAL ELLIPSIS}"
    return line if line.isprintable() else line.encode("unicode_escape").decode("ascii")


def described(value: Any) -> str:
    """Return what names something of the application's on a log line; never fails."""
    try:
        return printable(repr(value))
    except Exception:
        return f"<{type(value).__name__}>"


def _where(request: Request | None) -> str:
    return f": {printable(request.method)} {printable(request.path)}" if request else ""


def _log(level: int, message: str, exc: BaseException | None = None) -> None:
    try:
        # As an argument, so that a percent sign in it is no format.
        logger.log(level, "%s", message, exc_info=exc)
    except Exception:
        # A handler that raises must not take the response with it, nor hide the first failure.
        try:
            if exc is not None:
                traceback.print_exception(exc, file=sys.stderr)
            traceback.print_exc(file=sys.stderr)
        except Exception:  # stderr is closed: there is nobody left to tell
            pass
