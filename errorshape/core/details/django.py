"""Django: ValidationErrors of forms, formsets, models and validators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .own import INVALID
from .paths import Problem, Segment, collect

#: Django's name for a form or a model as a whole.
_ALL = "__all__"
#: The parameters by which Django's own messages quote what was submitted.
_SUBMITTED = frozenset({"value", "pk", "extension", "datetime"})


class _Hidden:
    """Stands for a value in a message."""

    def __str__(self) -> str:
        return "…"

    __repr__ = __str__


_HIDDEN = _Hidden()


def details(exc: Any) -> dict[str, str]:
    """Return all errors of a ValidationError, whether it has one, a list or a dict."""
    return collect(_problems(exc, ()))


def details_of_form(form: Any) -> dict[str, str]:
    """Return all errors of a form or a formset: those of its third form are under ``2``."""
    return collect(_form_problems(form))


def _form_problems(form: Any) -> Iterator[Problem]:
    if not hasattr(form, "non_form_errors"):
        yield from _field_problems(form.errors.as_data(), ())
        return
    for error in form.non_form_errors().as_data():
        yield from _problems(error, ())
    for index, errors in enumerate(form.errors):
        yield from _field_problems(errors.as_data(), (index,))


def _field_problems(errors: dict[str, list[Any]], at: tuple[Segment, ...]) -> Iterator[Problem]:
    for field, of_field in errors.items():
        for error in of_field:
            yield from _problems(error, at if field == _ALL else (*at, field))


def _problems(exc: Any, at: tuple[Segment, ...]) -> Iterator[Problem]:
    if hasattr(exc, "error_dict"):
        yield from _field_problems(exc.error_dict, at)
    elif hasattr(exc, "message"):
        params = exc.params if isinstance(exc.params, dict) else {}
        if exc.code == "item_invalid" and isinstance(params.get("nth"), int):
            at = (*at, params["nth"] - 1)  # django.contrib.postgres counts from one
        yield at, _message(exc, params)
    else:
        for error in exc.error_list:
            yield from _problems(error, at)


def _message(exc: Any, params: dict[str, Any]) -> str:
    """Return the message without the value, which Django's templates often name."""
    if not exc.params:
        return str(exc.message)
    value = params.get("value", _HIDDEN)
    if exc.code == "item_invalid" and str(value) in str(exc.message):
        return INVALID  # postgres has put the item's own message in already
    shown = {
        name: _HIDDEN if _quotes(exc.code, name, given, value) else given
        for name, given in params.items()
    }
    try:
        # Of the lazy message itself, which may choose a plural by a parameter.
        return str(exc.message % (shown or exc.params))
    except (TypeError, ValueError, KeyError):
        return INVALID  # as of "%(value)d"


def _quotes(code: Any, name: str, given: Any, value: Any) -> bool:
    return (
        name in _SUBMITTED
        or (name == "keys" and code == "extra_keys")
        or (name == "show_value" and given is value)
    )
