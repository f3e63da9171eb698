"""Which :class:`APIError` an exception is (CONTRACT §5), decided by its class."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Any, ParamSpec, TypeVar

from .catalog import Catalog
from .details import details_of, is_validators
from .exceptions import APIError, UnprocessableEntityError, ValidationError

P = ParamSpec("P")
R = TypeVar("R")

#: What an exception class can be translated to: an APIError class, or a callable that makes one.
Translation = type[APIError] | Callable[[Any], APIError | type[APIError]]

# The frameworks' own HTTP exceptions, and the module of ours that understands each. Whoever raised
# one has imported the framework already, so that the module's import is cheap then.
HTTP_EXCEPTIONS = {
    "werkzeug.exceptions.HTTPException": "errorshape.werkzeug",
    "rest_framework.exceptions.APIException": "errorshape.foreign.drf",
    "ninja.errors.HttpError": "errorshape.foreign.ninja",
    "ninja.errors.ValidationError": "errorshape.foreign.ninja",
    "apiflask.exceptions.HTTPError": "errorshape.foreign.apiflask",
    "starlette.exceptions.HTTPException": "errorshape.foreign.starlette",
    "fastapi.exceptions.RequestValidationError": "errorshape.foreign.fastapi",
    "fastapi.exceptions.WebSocketRequestValidationError": "errorshape.foreign.fastapi",
    "litestar.exceptions.http_exceptions.HTTPException": "errorshape.foreign.litestar",
    "falcon.http_error.HTTPError": "errorshape.foreign.falcon",
    "pyramid.httpexceptions.HTTPException": "errorshape.foreign.pyramid",
}

# An exception that meets a handler when the response has begun is wrapped by these frameworks: the
# class of the wrapping, and what it says.
_WRAPPINGS = {
    "builtins.RuntimeError": "Caught handled exception, but response already started.",
    "litestar.exceptions.base_exceptions.LitestarException": (
        "Exception caught after response started"
    ),
}

# How frameworks tell the application that its client is gone.
_DISCONNECTS = frozenset(
    """starlette.requests.ClientDisconnect starlette.websockets.WebSocketDisconnect
    litestar.exceptions.websocket_exceptions.WebSocketDisconnect
    quart.wrappers.base.ClientDisconnectedError""".split()
)
# And by one that has no class of its own.
_SAID_OF_DISCONNECTS = {
    "litestar.exceptions.http_exceptions.InternalServerException": (
        "500: client disconnected prematurely"
    ),
}


# Whose details a validator's error has: translate={pydantic.ValidationError: ValidationError} gives
# them as validating() does. Any other class may stand for a failure that is not the client's.
_ABOUT_CONTENT = (ValidationError, UnprocessableEntityError)


class Translator:
    """Finds the APIError of an exception; what it learns about a class it remembers."""

    def __init__(
        self, translations: Mapping[type[BaseException], Translation], catalog: Catalog
    ) -> None:
        self._translations = translations
        self._catalog = catalog
        # Any: mypy takes a class of exceptions for unhashable.
        self._rule_of: Any = functools.lru_cache(maxsize=1024)(self._find_rule)

    def translate(self, exc: BaseException) -> APIError | None:
        """Return the APIError that ``exc`` stands for, None if it is one that nobody expected.

        Raises what a registered translation raises.
        """
        if isinstance(exc, APIError):
            return exc
        rule: Translation | ModuleType | None = self._rule_of(type(exc))
        if rule is None:
            return None
        if isinstance(rule, ModuleType):
            from_framework: APIError | None = rule.translate(exc, self._catalog)
            return from_framework
        error = rule() if isinstance(rule, type) else rule(exc)
        if isinstance(error, type):
            error = error()
        if not isinstance(error, APIError):
            raise TypeError(f"The translation of {type(exc).__name__} gave {error!r}, no APIError.")
        if error.details is None and isinstance(error, _ABOUT_CONTENT):
            error.details = details_of(exc)
        if error.__cause__ is None and error is not exc:
            error.__cause__ = exc
        return error

    def http_exception(self, exc: BaseException) -> ModuleType | None:
        """Return the module that understands ``exc`` if it is a framework's own HTTP exception."""
        rule = self._rule_of(type(exc))
        return rule if isinstance(rule, ModuleType) else None

    def _find_rule(self, cls: type[BaseException]) -> Translation | ModuleType | None:
        for base in cls.__mro__:
            if rule := self._translations.get(base):
                return rule
        for base in cls.__mro__:
            if module := HTTP_EXCEPTIONS.get(_name(base)):
                return import_module(module)
        return None


def only_leaf(exc: BaseException) -> BaseException:
    """Return the one exception in a group of groups of one, or in a framework's wrapping of it.

    ``exc`` itself if it is neither. An APIError that is a group is one error whatever is in it, and so
    is a validator's group (cattrs), whose leaves do not know their place.
    """
    while True:
        if isinstance(exc, APIError):
            return exc
        if isinstance(exc, BaseExceptionGroup):
            if len(exc.exceptions) != 1 or is_validators(exc):
                return exc
            exc = exc.exceptions[0]
        elif (cause := exc.__cause__) is not None and _is_wrapping(exc):
            exc = cause
        else:
            return exc


def is_disconnect(exc: BaseException) -> bool:
    """Whether an exception says that the client is gone: an OSError, or a framework's own."""
    exc = only_leaf(exc)
    return (
        isinstance(exc, OSError)
        or _name(type(exc)) in _DISCONNECTS
        or _says(exc, _SAID_OF_DISCONNECTS)
    )


def _is_wrapping(exc: BaseException) -> bool:
    return _says(exc, _WRAPPINGS)


def _says(exc: BaseException, texts: Mapping[str, str]) -> bool:
    """Whether an exception says what is listed for its class."""
    text = texts.get(_name(type(exc)))
    if text is None:
        return False
    try:
        return str(exc) == text
    except Exception:  # the text of its arguments is the application's
        return False


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


class validating:  # noqa: N801 - reads as the statement that it is
    """Make a validator's error the client's: 400 ``validation_error`` with the fields as details.

    A context manager, and a decorator of functions and coroutine functions (:exc:`TypeError` for
    generators, which run after the call has returned). Takes the errors of the validators that
    errorshape knows, and malformed input: ``json.JSONDecodeError``, ``UnicodeDecodeError``,
    ``msgspec.DecodeError``. Everything else passes through.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None and (details := details_of(only_leaf(exc))) is not None:
            raise ValidationError(details=details) from exc

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"validating() cannot decorate the generator {function.__name__}: write"
                " `with errorshape.validating():` around the validation inside it."
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return call_async  # type: ignore[return-value]

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return call


__all__ = ["Translation", "Translator", "is_disconnect", "only_leaf", "validating"]
