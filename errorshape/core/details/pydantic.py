"""pydantic 2, and the frameworks that hand its errors on: FastAPI, Django Ninja."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .own import INVALID, last_traceback, own_message
from .paths import Problem, Segment, collect

#: What was validated is not known.
UNKNOWN: Any = object()

#: Where FastAPI and Ninja say that a value came from; no part of a path (CONTRACT §7).
LOCATIONS = frozenset({"body", "query", "path", "header", "cookie", "form", "file"})


def details(exc: Any) -> dict[str, str]:
    """Return all errors; of a framework's request error without the location."""
    if isinstance(exc.errors, list):
        return from_request(exc.errors, getattr(exc, "_errorshape_sent", None))  # Ninja
    if hasattr(exc, "error_count"):
        found = exc.errors(include_url=False, include_input=False)
        return collect(_problems(found, _validated(exc)))
    return from_request(exc.errors(), {"body": getattr(exc, "body", UNKNOWN)})  # FastAPI


def from_request(
    errors: Iterable[Mapping[str, Any]], sent: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return the details of pydantic's errors whose ``loc`` begins with a location.

    ``sent`` is what was validated, by location, as far as it is known: names in ``loc`` that it
    does not have are pydantic's, or a parameter's of the view's, and no part of the path.
    """
    return collect(
        problem for error in errors for problem in _of_request(error, sent if sent else {})
    )


def _of_request(error: Mapping[str, Any], sent: Mapping[str, Any]) -> list[Problem]:
    loc = tuple(error.get("loc", ()))
    validated = UNKNOWN
    if loc and loc[0] in LOCATIONS:
        validated = sent.get(loc[0], UNKNOWN)
        loc = loc[1:]
    if error.get("type") == "json_invalid":
        loc = ()  # FastAPI puts the position there
    return _problems([{"type": "", "msg": INVALID, **error, "loc": loc}], validated)


def _problems(errors: Iterable[Mapping[str, Any]], validated: Any) -> list[Problem]:
    return [
        (
            _segments(error["loc"], error["type"], validated),
            _REBUILT[error["type"]](error) if error["type"] in _REBUILT else error["msg"],
        )
        for error in errors
    ]


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
# The tags of a union's plain members, and how the types of their errors begin.
_SCALARS = {
    "bool": "bool_", "bytes": "bytes_", "complex": "complex_", "date": "date_",
    "datetime": "datetime_", "decimal": "decimal_", "float": "float_", "int": "int_",
    "none": "none_", "str": "string_", "time": "time_", "timedelta": "time_delta_", "url": "url_",
    "uuid": "uuid_",
}  # fmt: skip


# What has no fields and no items.
_PLAIN = frozenset({str, bytes, int, float, bool, type(None), list, tuple})


def _segments(loc: tuple[Any, ...], kind: str, validated: Any) -> Iterable[Segment]:
    """Return ``loc`` without what pydantic put between the fields: which member of a union it was.

    The input tells them apart where it is known: a field is in it, a tag is not.
    """
    here = validated
    for segment in loc:  # mostly all of it is there
        if type(here) is not dict and type(here) is not list:
            break
        try:
            here = here[segment]
        except (LookupError, TypeError):
            break
    else:
        return loc
    return _without_tags(loc, kind, validated)


def _without_tags(loc: tuple[Any, ...], kind: str, validated: Any) -> list[Segment]:
    segments: list[Segment] = []
    here: Any = validated
    for segment in loc:
        cls: type = type(here)
        if isinstance(here, (str, bytes)):
            here = _of_json(here)
            cls = type(here)
        if (cls is list or cls is tuple) and type(segment) is int:
            here = here[segment] if segment < len(here) else UNKNOWN
        elif cls is dict or (cls not in _PLAIN and isinstance(here, Mapping)):
            if segment in here:
                here = here[segment]
            elif type(segment) is not int and not (segment is loc[-1] and kind in _ABSENT):
                continue
        elif type(segment) is int:
            here = UNKNOWN  # of a set, an object
        elif cls in _PLAIN:
            continue
        else:
            here = UNKNOWN
            if _looks_like_a_tag(segment, kind, bool(segments) and segment is loc[-1]):
                continue
        segments.append(segment)
    return segments


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


def _validated(exc: Any) -> Any:
    """Return what was validated, which the exception does not know, but the traceback does."""
    last = last_traceback(exc)
    if last is None:
        return UNKNOWN
    frame = last.tb_frame
    if not str(frame.f_globals.get("__name__", "")).startswith("pydantic."):
        return UNKNOWN
    local = frame.f_locals
    value = next((local[name] for name in _ARGUMENTS if name in local), UNKNOWN)
    if frame.f_code.co_name.endswith("_json"):
        return _decoded(value)
    return value if isinstance(value, (Mapping, list, tuple, str, bytes)) else UNKNOWN


def _decoded(text: Any) -> Any:
    import msgspec

    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return UNKNOWN
