"""The language of an error: lazy translations, which speak that of the request while it lasts."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from .catalog import class_for_status
from .exceptions import APIError
from .http import Request

#: The lazy translations of frameworks by their class, and the module of ours that can say in which
#: language one would be rendered now.
LAZY_STRINGS = {
    "django.utils.functional.Promise": "errorshape.foreign.django_translation",
    "flask_babel.speaklater.LazyString": "errorshape.foreign.flask_babel",
}

# RFC 4647 §2.1, without the wildcard: what RFC 5646 has as a tag, and enough to be safe as a header.
is_tag = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*").fullmatch


def _find_translations(cls: type) -> ModuleType | None:
    for base in cls.__mro__:
        if module := LAZY_STRINGS.get(f"{base.__module__}.{base.__qualname__}"):
            return import_module(module)
    return None


# Any: mypy takes a class for unhashable.
_known_translations: Any = functools.lru_cache(maxsize=1024)(_find_translations)


def _translations(cls: type) -> ModuleType | None:
    try:
        module: ModuleType | None = _known_translations(cls)
    except TypeError:  # its metaclass has made it such that no dictionary can hold it
        return None
    return module


def is_lazy(value: Any) -> bool:
    """Whether a value is a lazy translation of a framework that we know."""
    return _translations(type(value)) is not None


class Spoken(NamedTuple):
    """What an error says, in which language if that is known, and what both vary by."""

    message: Any
    language: str | None
    varies: list[str]


class Interpreter:
    """Finds the words for an error; what fails meanwhile is a ``problem``, and changes nothing.

    ``accept`` is :mod:`errorshape.accept` where there is a ``message_for``.
    """

    def __init__(
        self,
        message_for: Callable[[APIError, Sequence[str]], Any] | None,
        accept: Any,
        problem: Callable[[str, BaseException], object],
    ) -> None:
        self._message_for = message_for
        self._accept = accept
        self._problem = problem

    def spoken(self, error: APIError, status: int, request: Request | None) -> Spoken:
        """Return the message of an error: a lazy one as it is now, ``message_for``'s, its own."""
        message: Any = error.message
        if type(message) is str and not message:
            message = type(error).message
        varies = ["Accept-Language"]
        lazy = None
        if is_lazy(message):
            lazy = message
            try:
                message = str(message)
            except Exception as failure:
                self._problem(f"A translation for {type(error).__name__} failed", failure)
                return Spoken(class_for_status(status).message, None, varies)
        elif self._message_for is not None:
            told = self._told(error, request)
            if told is not None:
                return Spoken(*told, varies)
        if lazy is None:
            lazy = _first_lazy(error.details)
        if lazy is None and self._message_for is None:
            varies = []
        return Spoken(message, self._language_of(lazy), varies)

    def _told(self, error: APIError, request: Request | None) -> tuple[str, str | None] | None:
        """Return what ``message_for`` says: a text, and its language if it is known."""
        assert self._message_for is not None
        try:
            wanted = request.header("Accept-Language") if request is not None else ""
            told = self._message_for(error, self._accept.languages(wanted))
            if told is None:
                return None
            text, tag = told if isinstance(told, tuple) else (told, None)
            if is_lazy(text):
                tag = tag or self._language_of(text)
                text = str(text)
            if not (isinstance(text, str) and text and (tag is None or is_tag(tag))):
                raise TypeError("It gave no text, and no pair of a text and its language's tag")
            return text, tag
        except Exception as failure:
            self._problem(f"message_for failed for {type(error).__name__}", failure)
            return None

    def _language_of(self, lazy: Any) -> str | None:
        """Return the language that a lazy translation has now, as a tag, None if it is unknown."""
        module = _translations(type(lazy))
        if module is None:
            return None
        try:
            # A locale of POSIX may be it: de_AT, ca_ES@valencia.
            tag = str(module.language() or "").partition("@")[0].replace("_", "-")
        except Exception as failure:
            self._problem("The language of a translation is not known", failure)
            return None
        return tag if is_tag(tag) else None


def _first_lazy(details: Any) -> Any:
    values = details.values() if type(details) is dict else ()
    return next((value for value in values if is_lazy(value)), None)
