"""The options of a layer: their names, defaults and rules."""

# No annotations from __future__: TypedDict compiles each that is text, and to import this takes
# more than twice as long.

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from ..trace.ids import new_trace_id
from .catalog import Catalog
from .exceptions import APIError
from .headers import is_header_name
from .translation import Translation

# RFC 3986 §4.3: an absolute URI (scheme, no fragment) of the characters that a URI can have.
_ABSOLUTE_URI = r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9:/?\[\]@!$&'()*+,;=._~-]|%[0-9A-Fa-f]{2})+"
_MAX_URI = 1_000  # characters; the bounds of the body have room for that


class LayerOptions(TypedDict, total=False):
    """The options of an :class:`ErrorLayer`."""

    include: Sequence[str]
    exclude: Sequence[str]
    trace_header: str
    trust_inbound: bool
    traceparent: bool
    generate: Callable[[], str]
    trace_source: Literal["headers", "otel"]
    reshape: Literal["text", "all", "none"]
    translate: Mapping[type[BaseException], Translation]
    on_error: Iterable[Callable[[APIError, BaseException, str], object]]
    retry_after: int
    log_records: bool
    problem_json: bool | str
    message_for: Callable[[APIError, Sequence[str]], object] | None
    debug: bool


class Options(LayerOptions, total=False):
    """What an adapter takes to make its layer: the options, and the catalogue."""

    catalog: Catalog


DEFAULTS = LayerOptions(
    include=("/",),
    exclude=(),
    trace_header="X-Request-Id",
    trust_inbound=True,
    traceparent=True,
    generate=new_trace_id,
    trace_source="headers",
    reshape="text",
    translate={},
    on_error=(),
    retry_after=1,
    log_records=True,
    problem_json=False,
    message_for=None,
    debug=False,
)


def checked(options: dict[str, Any], catalog: object) -> dict[str, Any]:
    """Return the options of a layer, or raise what is wrong with one and how to mend it."""
    if not isinstance(catalog, Catalog):
        raise TypeError(f"catalog is {catalog!r}: pass a Catalog, like STANDARD.extend(MyError).")
    for option in options:
        if option not in DEFAULTS:
            import difflib

            near = difflib.get_close_matches(option, DEFAULTS, n=1, cutoff=0.0)
            raise TypeError(f"There is no option {option!r}: did you mean {near[0]!r}?")
    for option in ("include", "exclude"):
        prefixes = options[option]
        if isinstance(prefixes, str) or not isinstance(prefixes, Iterable):
            raise TypeError(f"{option} is {prefixes!r}: write the prefixes as ('/api/',).")
        options[option] = tuple(prefixes)
        for prefix in options[option]:
            if not (isinstance(prefix, str) and prefix.startswith("/")):
                raise ValueError(
                    f"{option} has {prefix!r}: a path prefix starts with a slash, like '/api/'."
                )
    name = options["trace_header"]
    if not (isinstance(name, str) and is_header_name(name)):
        raise ValueError(f"trace_header is {name!r}: name a header, like 'X-Request-Id'.")
    for option in ("trust_inbound", "traceparent", "log_records", "debug"):
        if not isinstance(options[option], bool):
            raise TypeError(f"{option} is {options[option]!r}: it is either True or False.")
    if options["reshape"] not in ("text", "all", "none"):
        raise ValueError(f"reshape is {options['reshape']!r}: it is 'text', 'all' or 'none'.")
    if options["trace_source"] not in ("headers", "otel"):
        raise ValueError(f"trace_source is {options['trace_source']!r}: 'headers' or 'otel'.")
    if not callable(options["generate"]):
        raise TypeError(f"generate is {options['generate']!r}: pass a function that returns an id.")
    hooks = options["on_error"]
    if callable(hooks):
        hooks = (hooks,)
    if not (isinstance(hooks, Iterable) and all(map(callable, hooks := tuple(hooks)))):
        raise TypeError(f"on_error is {hooks!r}: pass callables of (error, exception, trace_id).")
    options["on_error"] = hooks
    seconds = options["retry_after"]
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 0:
        raise ValueError(f"retry_after is {seconds!r}: it is a whole number of seconds, from 0.")
    _check_problem_json(options["problem_json"])
    if not (options["message_for"] is None or callable(options["message_for"])):
        raise TypeError(
            f"message_for is {options['message_for']!r}: pass a function of (error, languages) that"
            " returns a text, a pair of a text and its language, or None."
        )
    if not isinstance(options["translate"], Mapping):
        raise TypeError(
            f"translate is {options['translate']!r}: pass {{ExceptionClass: APIError}}."
        )
    for cls, to in options["translate"].items():
        if not (isinstance(cls, type) and issubclass(cls, Exception)):
            raise TypeError(f"translate has the key {cls!r}: it is the class of an exception.")
        if not callable(to) or (isinstance(to, type) and not issubclass(to, APIError)):
            raise TypeError(
                f"translate has {to!r} for {cls.__name__}: pass an APIError class, or a callable"
                " that makes one from the exception."
            )
    return options


def _check_problem_json(value: object) -> None:
    if isinstance(value, bool):
        return
    if not isinstance(value, str):
        raise TypeError(
            f"problem_json is {value!r}: it is True, False, or the address of the reference page."
        )
    if not re.fullmatch(_ABSOLUTE_URI, value) or len(value) > _MAX_URI:
        raise ValueError(
            f"problem_json is {value!r}: the address of the reference page is absolute and has no"
            " fragment, like 'https://docs.example/errors'."
        )
