"""Django REST Framework: ``detail``, nested in dicts and lists."""

from __future__ import annotations

import re
import sys
from typing import Any

from .paths import Problem, Segment, collect

# DRF's own templates that quote what was submitted, and by which names.
_TEMPLATES = {
    "invalid_choice": (
        ("rest_framework.fields", "ChoiceField"),
        ("rest_framework.fields", "FilePathField"),
    ),
    "does_not_exist": (
        ("rest_framework.relations", "PrimaryKeyRelatedField"),
        ("rest_framework.relations", "SlugRelatedField"),
    ),
}
_SUBMITTED = frozenset({"input", "pk_value", "value"})
_parameter = re.compile(r"\{(\w+)\}").split


def details(exc: Any) -> dict[str, str]:
    """Return all errors of a serializer, a list serializer or a field."""
    return from_detail(exc.detail)


def from_detail(detail: Any) -> dict[str, str]:
    """Return the details that DRF's nested ``detail`` stands for."""
    problems: list[Problem] = []
    whole = sys.modules["rest_framework.settings"].api_settings.NON_FIELD_ERRORS_KEY
    _add(problems, detail, (), whole)
    return collect(problems)


def _add(problems: list[Problem], detail: Any, at: tuple[Segment, ...], whole: str) -> None:
    if isinstance(detail, dict):
        for key, inner in detail.items():
            _add(problems, inner, at if key == whole else (*at, key), whole)
    elif isinstance(detail, (list, tuple)):
        for index, inner in enumerate(detail):
            if isinstance(inner, (dict, list, tuple)):
                _add(problems, inner, (*at, index), whole)
            else:
                problems.append((at, _message(inner)))
    else:
        problems.append((at, _message(detail)))


def _message(detail: Any) -> str:
    code = getattr(detail, "code", None)
    message = str(detail)
    return _without_input(message, code) if code in _TEMPLATES else message


def _without_input(message: str, code: str) -> str:
    """Return a message of DRF's own without the value; one of the application's as it is."""
    for module, cls in _TEMPLATES[code]:
        if module in sys.modules:
            field = getattr(sys.modules[module], cls)
            template = str(field.default_error_messages[code])  # in the language of the request
            parts = _parameter(template)
            pattern = "".join(
                f"(?P<{part}>.*?)" if index % 2 else re.escape(part)
                for index, part in enumerate(parts)
            )
            if match := re.fullmatch(pattern, message, re.DOTALL):
                shown = match.groupdict() | dict.fromkeys(_SUBMITTED, "…")
                return template.format(**shown)
    return message
