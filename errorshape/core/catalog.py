"""The catalogue: which errors an API documents, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import exceptions
from .exceptions import APIError, ClientError, InternalError, ServerError


def is_code(code: str) -> bool:
    """Whether ``code`` is ``[a-z][a-z0-9_]*`` (CONTRACT §1)."""
    # An identifier is that, but for capitals and an underscore at its beginning.
    return code.isascii() and code.isidentifier() and code.islower() and code[0] != "_"


def is_error_status(status: object) -> bool:
    """Whether ``status`` is an int from 400 to 599 (RFC 9110 §15)."""
    return isinstance(status, int) and 400 <= status <= 599


class Catalog:
    """The documented errors of one API: immutable, in the order in which they were given.

    Raises :exc:`TypeError` for an entry that is not an :class:`APIError` class, and
    :exc:`ValueError` for one without a code or a status of its own or with one that breaks its
    rule, and for two entries with one code.
    """

    __slots__ = ("_by_code",)
    _by_code: dict[str, type[APIError]]

    def __init__(self, *classes: type[APIError]) -> None:
        by_code: dict[str, type[APIError]] = {}
        for entry in classes:
            _check(entry)
            if other := by_code.get(entry.code):
                raise ValueError(
                    f"Two entries of the catalogue have the code {entry.code!r}: {_name(other)}"
                    f" and {_name(entry)}. Give one of them another code, or leave one out (a"
                    " subclass that shares its parent's code needs no entry)."
                )
            by_code[entry.code] = entry
        object.__setattr__(self, "_by_code", by_code)

    def extend(self, *classes: type[APIError]) -> Catalog:
        """Return a new catalogue with ``classes`` after the entries of this one."""
        return Catalog(*self, *classes)

    def get(self, code: str) -> type[APIError] | None:
        """Return the entry with this code, or None."""
        return self._by_code.get(code)

    def __getitem__(self, code: str) -> type[APIError]:
        """Return the entry with this code; raises :exc:`KeyError` if there is none."""
        return self._by_code[code]

    def __iter__(self) -> Iterator[type[APIError]]:
        return iter(self._by_code.values())

    def __len__(self) -> int:
        return len(self._by_code)

    def __contains__(self, item: object) -> bool:
        """Whether a code, or a class with its code, is documented."""
        if isinstance(item, str):
            return item in self._by_code
        return isinstance(item, type) and self._by_code.get(getattr(item, "code", "")) is item

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("A Catalog is immutable: extend() returns a new one.")

    def __reduce__(self) -> tuple[type[Catalog], tuple[type[APIError], ...]]:
        return Catalog, tuple(self)  # for copies and pickles, which would set attributes

    def __repr__(self) -> str:
        return f"Catalog({', '.join(entry.__name__ for entry in self)})"


def _check(entry: object) -> None:
    if not (isinstance(entry, type) and issubclass(entry, APIError)):
        raise TypeError(
            f"A catalogue is made of APIError classes, got {entry!r}: pass the class itself."
        )
    own = set().union(*map(vars, entry.__mro__[: entry.__mro__.index(APIError)]))
    for attribute, example in (("code", '"quota_exceeded"'), ("status", "403")):
        if attribute not in own:
            raise ValueError(
                f"{_name(entry)} has no {attribute}: write `{attribute} = {example}` in the class."
            )
    if not (isinstance(entry.code, str) and is_code(entry.code)):
        raise ValueError(
            f"{_name(entry)}.code is {entry.code!r}: a code is a lower-case letter followed by "
            "lower-case letters, digits and underscores, like 'quota_exceeded'."
        )
    if not is_error_status(entry.status):
        raise ValueError(
            f"{_name(entry)}.status is {entry.status!r}: the status of an error is an int from 400 "
            "to 599, like 403."
        )


def _name(entry: type) -> str:
    return f"{entry.__module__}.{entry.__qualname__}"


#: The ten documented codes, then the further rows of the status table.
STANDARD = Catalog(
    *(
        entry
        for entry in vars(exceptions).values()  # in the order of their definition
        if isinstance(entry, type) and issubclass(entry, APIError) and "code" in vars(entry)
        if entry is not APIError
    )
)

_BY_STATUS = {
    entry.status: entry
    for entry in reversed(list(STANDARD))  # the first entry of a status is its general one
    if entry not in (ClientError, ServerError)
}


def class_for_status(status: int, catalog: Catalog = STANDARD) -> type[APIError]:
    """Return the class that stands for an HTTP status from the fixed table (CONTRACT §2).

    The catalogue's own entry of that code is preferred, so that its message is the one sent. What
    is no status of an error is :class:`InternalError`.
    """
    if not is_error_status(status):
        return InternalError
    standard = _BY_STATUS.get(status) or (ClientError if status < 500 else ServerError)
    return catalog.get(standard.code) or standard


# The names of RFC 9110 §15, and of IANA's registry, where they are not the words of our own code. Not
# http.HTTPStatus, whose phrases differ between Python versions.
_NAMES = {
    400: "Bad Request",
    407: "Proxy Authentication Required",
    414: "URI Too Long",
    418: "I'm a Teapot",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    505: "HTTP Version Not Supported",
    506: "Variant Also Negotiates",
    507: "Insufficient Storage",
    508: "Loop Detected",
    510: "Not Extended",
    511: "Network Authentication Required",
}


def status_name(status: int) -> str:
    """Return the name of an HTTP status in title case, ``""`` if it has none (RFC 9110 §15)."""
    if status in _NAMES:
        return _NAMES[status]
    standard = class_for_status(status)
    if standard in (ClientError, ServerError):
        return ""
    return standard.code.replace("_", " ").title()
