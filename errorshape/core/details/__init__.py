"""Validators' errors as ``{dot-path: message}`` (CONTRACT §7), a module for each validator.

Validators are known by the names of their classes; none is imported. Whoever raised an error has
imported its validator already; the module of ours that reads it is imported with the first one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

Flattener = Callable[[Any], dict[str, str] | None]

# The classes of errors, and the module here that has `details(exc)` for each. Of a class and its
# bases the first one that is here counts, and then the next if that one has nothing to say.
_MODULES = {
    "msgspec.ValidationError": "msgspec",
    "msgspec.DecodeError": "malformed",
    "json.decoder.JSONDecodeError": "malformed",
    "builtins.UnicodeDecodeError": "malformed",
    "pydantic_core._pydantic_core.ValidationError": "pydantic",
    "fastapi.exceptions.RequestValidationError": "pydantic",
    "fastapi.exceptions.WebSocketRequestValidationError": "pydantic",
    "ninja.errors.ValidationError": "pydantic",
    "rest_framework.exceptions.ValidationError": "drf",
    "django.core.exceptions.ValidationError": "django",
    "marshmallow.exceptions.ValidationError": "marshmallow",
    "cattrs.errors.BaseValidationError": "cattrs",
    "cattrs.errors.ForbiddenExtraKeysError": "cattrs",
    "jsonschema.exceptions.ValidationError": "jsonschema",
    "litestar.exceptions.http_exceptions.ValidationException": "litestar",
    # Those that attrs and cattrs use for want of their own.
    "cattrs.errors.CattrsError": "plain",
    "builtins.AttributeError": "plain",
    "builtins.KeyError": "plain",
    "builtins.TypeError": "plain",
    "builtins.ValueError": "plain",
}


def _modules_of(cls: type[BaseException]) -> list[str]:
    """Return the names of the modules that may know what an exception of this class says."""
    names = (f"{base.__module__}.{base.__qualname__}" for base in cls.__mro__)
    return [_MODULES[name] for name in names if name in _MODULES]


def _find_flatteners(cls: type[BaseException]) -> list[Flattener]:
    return [import_module(f".{name}", __name__).details for name in _modules_of(cls)]


# Any: mypy takes a class of exceptions for unhashable.
_flatteners_of: Any = functools.lru_cache(maxsize=1024)(_find_flatteners)


def is_validators(exc: BaseException) -> bool:
    """Whether ``exc`` is of a class that a validator has for its errors."""
    return bool(_modules_of(type(exc)))


def details_of(exc: BaseException) -> dict[str, str] | None:
    """Return the details of a validator's error, None if ``exc`` is none that is known.

    No message repeats a value that was submitted, but for those that the application wrote.
    """
    for flatten in _flatteners_of(type(exc)):
        details: dict[str, str] | None = flatten(exc)
        if details is not None:
            return details
    return None
