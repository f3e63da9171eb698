"""pydantic 2, and the frameworks that hand its errors on: FastAPI, Django Ninja."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import FrameType
from typing import Any

from .own import INVALID, last_traceback, own_message
from .paths import WHOLE, Segment, joined, name_of, path
from .schemas import KEY_TAG, KEY_TAGS, NO_TAGS, Names, names_of

#: What was validated is not known.
UNKNOWN: Any = object()

#: Where FastAPI and Ninja say that a value came from; no part of a path (CONTRACT §7).
LOCATIONS = frozenset({"body", "query", "path", "header", "cookie", "form", "file"})


def details(exc: Any) -> dict[str, str]:
    """Return all errors; of a framework's request error without the location."""
    if isinstance(exc.errors, list):
        return from_request(exc.errors, getattr(exc, "_errorshape_sent", None))  # Ninja
    if not hasattr(exc, "error_count"):
        return from_request(exc.errors(), {"body": getattr(exc, "body", UNKNOWN)})  # FastAPI
    errors: list[dict[str, Any]] = exc.errors(include_url=False, include_input=False)
    call = _call_of(exc)
    if call is None:
        return _found(errors, UNKNOWN)
    local = call.f_locals
    names = _names_in(local)
    if names is NO_TAGS:
        return _as_they_are(errors)
    if isinstance(names, Names) and names is not KEY_TAGS:
        return _named(errors, names)
    if names is not None and _has_no_tags(errors, names):
        return _as_they_are(errors)
    return _found(errors, _validated(call.f_code.co_name, local))


def _has_no_tags(errors: list[dict[str, Any]], names: Names | frozenset[Any]) -> bool:
    """Whether each ``loc`` is the path, where the schema knows nothing else but that."""
    segments = chain.from_iterable([error["loc"] for error in errors])
    if isinstance(names, frozenset):
        return names.issuperset(segments)
    return names is KEY_TAGS and KEY_TAG not in segments


def from_request(
    errors: Iterable[Mapping[str, Any]], sent: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return the details of pydantic's errors whose ``loc`` begins with a location.

    ``sent`` is what was validated, by location, as far as it is known: names in ``loc`` that it
    does not have are pydantic's, or a parameter's of the view's, and no part of the path.
    """
    details: dict[str, str] = {}
    for error in errors:
        _of_request(error, sent if sent else {}, details)
    return details


def _of_request(error: Mapping[str, Any], sent: Mapping[str, Any], details: dict[str, str]) -> None:
    loc = tuple(error.get("loc", ()))
    validated = UNKNOWN
    if loc and loc[0] in LOCATIONS:
        validated = sent.get(loc[0], UNKNOWN)
        loc = loc[1:]
    if error.get("type") == "json_invalid":
        loc = ()  # FastAPI puts the position there
    _found([{"type": "", "msg": INVALID, **error, "loc": loc}], validated, details)


# The three ways from errors to details. What they do for each error is inline, as path() and
# collect() do it: the calls would cost as much again.


def _as_they_are(errors: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the details of errors whose ``loc`` is the path."""
    details: dict[str, str] = {}
    for error in errors:
        kind = error["type"]
        message = _REBUILT[kind](error) if kind in _REBUILT else error["msg"]
        names = []  # a loop: comprehensions are dear on Python 3.11, map() is on 3.13
        for segment in error["loc"]:
            names.append(name_of(segment))
        where = ".".join(names) or WHOLE
        details[where] = message if where not in details else joined(details[where], message)
    return details


def _named(errors: Iterable[Mapping[str, Any]], names: Names) -> dict[str, str]:
    """Return the details where each segment that is neither an index nor a name is a tag."""
    details: dict[str, str] = {}
    for error in errors:
        loc, kind = error["loc"], error["type"]
        message = _REBUILT[kind](error) if kind in _REBUILT else error["msg"]
        if kind in _NOT_IN_SCHEMA:
            where = path([*[segment for segment in loc[:-1] if names[segment]], loc[-1]])
        else:
            found = []
            for segment in loc:
                if name := names[segment]:
                    found.append(name)
            where = ".".join(found) or WHOLE
        details[where] = message if where not in details else joined(details[where], message)
    return details


def _found(
    errors: Iterable[Mapping[str, Any]], validated: Any, details: dict[str, str] | None = None
) -> dict[str, str]:
    """Return the details where the input tells fields and tags apart, as far as it is known.

    ``loc`` also has what pydantic put between the fields: which member of a union it was. A field
    is in the input, a tag is not.
    """
    details = {} if details is None else details
    for error in errors:
        loc, kind = error["loc"], error["type"]
        message = _REBUILT[kind](error) if kind in _REBUILT else error["msg"]
        here = validated
        names: list[str] = []
        for segment in loc:
            cls = type(here)
            if cls is dict:
                if segment in here:
                    here = here[segment]
                elif kind not in _ABSENT or segment is not loc[-1]:
                    continue
            elif cls in _PLAIN:
                continue
            elif cls is list and type(segment) is int and segment < len(here):
                here = here[segment]
            else:
                is_last = segment is loc[-1]
                here, is_field = _step(here, segment, kind, is_last, is_last and bool(names))
                if not is_field:
                    continue
            names.append(name_of(segment))
        where = ".".join(names) or WHOLE
        details[where] = message if where not in details else joined(details[where], message)
    return details


# --- messages ------------------------------------------------------------------------------------


def _application(error: Mapping[str, Any]) -> str:
    """Return the message of a ValueError or AssertionError of a validator, without the prefix."""
    message: str = error["msg"]
    prefix = {"value_error": "Value error, ", "assertion_error": "Assertion failed, "}
    if not message.startswith(prefix[error["type"]]):
        # pydantic's EmailStr: its reason may quote the address. Or a PydanticCustomError.
        return "Not a valid email address" if "email address: " in message else message
    exc = (error.get("ctx") or {}).get("error")
    if isinstance(exc, BaseException):
        return own_message(exc) or INVALID
    return message.removeprefix(prefix[error["type"]])


def _says(message: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda error: message


def _tags(error: Mapping[str, Any]) -> str:
    return f"Expected one of the tags {error['ctx']['expected_tags']}"


#: The types of errors whose own message quotes what was submitted, or an exception.
_REBUILT: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "value_error": _application,
    "assertion_error": _application,
    "union_tag_invalid": _tags,
    "uuid_parsing": _says("Input should be a valid UUID"),
    "bytes_invalid_encoding": _says("Data has an invalid encoding"),
    "base64_decode": _says("Data should be valid base64"),
    "byte_size_unit": _says("Not a valid size in bytes"),
    "import_error": _says("Not a valid import path"),
    "timezone_offset": _says("Input should have another timezone offset"),
    "datetime_object_invalid": _says("Input should be a valid datetime"),
    "get_attribute_error": _says("An attribute cannot be read"),
    "iteration_error": _says("Input should be iterable"),
    "mapping_type": _says("Input should be a valid mapping"),
}


# --- paths ---------------------------------------------------------------------------------------

# The errors about a field that is not there, whose name is therefore not in the input.
_ABSENT = frozenset(
    {
        "missing",
        "default_factory_not_called",
        "missing_argument",
        "missing_keyword_only_argument",
        "missing_positional_only_argument",
    }
)
# The errors about a name that the client has made up.
_NOT_IN_SCHEMA = frozenset({"extra_forbidden", "invalid_key"})
# The tags of a union's plain members, and how the types of their errors begin.
_SCALARS = {
    "bool": "bool_", "bytes": "bytes_", "complex": "complex_", "date": "date_",
    "datetime": "datetime_", "decimal": "decimal_", "float": "float_", "int": "int_",
    "none": "none_", "str": "string_", "time": "time_", "timedelta": "time_delta_", "url": "url_",
    "uuid": "uuid_",
}  # fmt: skip


# What has no fields and no items.
_PLAIN = frozenset({int, float, bool, type(None)})


def _step(
    here: Any, segment: Segment, kind: str, is_last: bool, may_be_scalar: bool
) -> tuple[Any, bool]:
    """Return where a segment leads to, and whether it is a field or an index."""
    if isinstance(here, (str, bytes)):
        here = _of_json(here)
    if isinstance(here, Mapping):
        if segment in here:
            return here[segment], True
        return here, is_last and kind in _ABSENT
    if isinstance(segment, int):  # perhaps of a set, or an object
        is_item = isinstance(here, (list, tuple)) and segment < len(here)
        return here[segment] if is_item else UNKNOWN, True
    if isinstance(here, (str, bytes, list, tuple)):
        return here, False
    return UNKNOWN, not _looks_like_a_tag(segment, kind, may_be_scalar)


def _of_json(here: str | bytes) -> Any:
    """Return what is in a string that a pydantic.Json field was given, else the string."""
    opening = here.lstrip()[:1]
    value = _decoded(here) if opening in ("{", "[", b"{", b"[") else UNKNOWN
    return here if value is UNKNOWN else value


def _looks_like_a_tag(segment: str, kind: str, may_be_scalar: bool) -> bool:
    """Whether a segment is ``function-after[check(), str]``, ``list[int]`` or a scalar's name."""
    if segment.endswith("]") and "[" in segment:
        return True
    return may_be_scalar and segment in _SCALARS and kind.startswith(_SCALARS[segment])


#: What pydantic's own functions call what they validate.
_ARGUMENTS = ("obj", "object", "json_data", "root", "data", "kwargs")


def _call_of(exc: Any) -> FrameType | None:
    """Return the call of pydantic's that validated, which the exception does not know.

    The traceback does; None if it does not.
    """
    last = last_traceback(exc)
    if last is None:
        return None
    frame = last.tb_frame
    return frame if str(frame.f_globals.get("__name__", "")).startswith("pydantic.") else None


def _names_in(local: Mapping[str, Any]) -> Names | frozenset[Any] | None:
    """Return what the schema of the model, or the adapter, that validated says."""
    owner = local["cls"] if "cls" in local else local.get("self")
    validator = getattr(owner, "__pydantic_validator__", None)
    if validator is not None:
        return names_of(owner if isinstance(owner, type) else type(owner), validator)
    validator = getattr(owner, "validator", None)
    return None if validator is None else names_of(owner, validator)


def _validated(function: str, local: Mapping[str, Any]) -> Any:
    """Return what was validated."""
    value = local.get(next(filter(local.__contains__, _ARGUMENTS), ""), UNKNOWN)
    if function.endswith("_json"):
        return _decoded(value)
    if type(value) is dict or isinstance(value, (Mapping, list, tuple, str, bytes)):
        return value
    return UNKNOWN


def _decoded(text: Any) -> Any:
    import msgspec

    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return UNKNOWN
