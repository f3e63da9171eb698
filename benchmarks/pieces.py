"""What each piece of a candidate costs: it is counted once more without that piece.

``python -m benchmarks pieces``. A piece is taken out by changing the source of the functions that it
is in, before the application is made; the same piece of each candidate has the same name. A change
that does not fit its function any more is an error, so that no profile can be one of older code.
One piece at a time is taken out: what they share, and what is left, is the last row.
"""

from __future__ import annotations
import __future__

import inspect
import re
import textwrap
from collections.abc import Iterable
from importlib import import_module
from operator import attrgetter
from typing import Any, NamedTuple

from .instructions import count


class Change(NamedTuple):
    """One change of the source of a function (``module:name``); ``[...]`` is anything in between."""

    where: str
    old: str
    new: str = "pass"


Pieces = dict[str, tuple[Change, ...]]

_WITHOUT = " without "
_ID = '"7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"'

# The names of pieces that several candidates have.
_FIND = "the request's headers: the id looked for"
_CHECK = "the id checked"
_IDENTIFY = "the id looked for, checked or made"
_SET = "the context variable, or what stands for it"
_MARK = "the mark for a wrap further in"
_RECEIVE = "receive() watched"
_LOOK = "the response's headers looked at"
_ADD = "the id among the response's headers"
_ORDER = "the start held back; order, end and a client that has gone"
_HOLD = "the start held back, the body's end seen"
_REPORT = "the record for the log (which is off)"
_MAKE = "what the error is; its body, status and headers"
_AGAIN = "a second look at what leaves"
_WRAP = "the wrap around all responses: the id"


def _at(where: str, *changes: tuple[str, str] | str) -> tuple[Change, ...]:
    return tuple(Change(where, *([it] if isinstance(it, str) else it)) for it in changes)


# --- ASGI -----------------------------------------------------------------------------------------

_asgi = "errorshape.asgi:_Exchange."
_asgi_minimum = "benchmarks.minimum.asgi:minimum"
_correlation_id = "asgi_correlation_id.middleware:CorrelationIdMiddleware.__call__"

_ASGI: dict[str, Pieces] = {
    "errorshape": {
        _FIND: _at(
            "errorshape.asgi:ErrorShapeMiddleware.identify",
            (
                "found = [header for header in headers if header[0] in names]",
                "found = [headers[-1]]",
            ),
        ),
        _CHECK: _at(
            "errorshape.core.layer:ErrorLayer.accepted",
            ("self.trust_inbound and is_trace_id_in_bytes(request_id)", "True"),
        ),
        _SET: _at(
            _asgi + "__init__",
            (
                "wrap.identify(headers)[...](trace)",
                "wrap.identify(headers)",
            ),
        ),
        _MARK: _at(
            _asgi + "__init__",
            ("scope.get(SCOPE_KEY)", "None"),
            "scope[SCOPE_KEY] = self._marks",
        ),
        _RECEIVE: _at(
            "errorshape.asgi:ErrorShapeMiddleware.__call__",
            ("await self.app(scope, exchange.receive,", "await self.app(scope, receive,"),
        ),
        _LOOK: _at(_asgi + "_begins", "for name, value in headers:[...]is_ours = True"),
        _ADD: _at(
            _asgi + "_begins",
            "headers = wrap.stamp(headers, pair[1]) if is_ours else [*headers, pair]",
            ('{**message, "headers": headers}', "message"),
        ),
        _ORDER: _at(
            _asgi + "send",
            (
                "if self.state == _BEGUN and message.get([...]self.state = self._end",
                'if message["type"] == self.start_type:\n'
                "        self._begins(message)\n"
                "        message = self._start\n"
                "    else:\n"
                "        self.state = self._end\n"
                "    await self._send(message)",
            ),
        ),
    },
    "minimum": {
        _FIND: _at(
            _asgi_minimum,
            (
                '[header for header in scope["headers"] if header[0] in NAMES]',
                '[scope["headers"][-1]]',
            ),
        ),
        _CHECK: _at(_asgi_minimum, (" if is_trace_id_in_bytes(given) else new_trace_id()", "")),
        _SET: _at(_asgi_minimum, "current.set(trace_id)"),
        _MARK: _at(
            _asgi_minimum, ("scope.get(KEY)", "None"), 'scope[KEY] = {"trace_id": trace_id}'
        ),
        _RECEIVE: _at(
            _asgi_minimum,
            ("async def watched_receive():[...]return message\n", ""),
            ("watched_receive,", "receive,"),
        ),
        _LOOK: _at(_asgi_minimum, "for name, value in headers:[...]is_ours = True"),
        _ADD: _at(
            _asgi_minimum,
            "headers = stamp(headers, pair[1]) if is_ours else [*headers, pair]",
            ('{**message, "headers": headers}', "message"),
        ),
        _ORDER: _at(
            _asgi_minimum,
            'if response is not None:[...]raise RuntimeError("a second start")',
            ("if is_event_stream:[...]return\n", "await send(response)\n                return\n"),
            (
                "last = kind ==[...]if last:\n                response = COMPLETE",
                "await send(message)\n            response = COMPLETE",
            ),
        ),
    },
    "asgi-correlation-id": {
        _FIND: _at(
            _correlation_id,
            ("headers = MutableHeaders(scope=scope)[...]lower())", f"header_value = {_ID}"),
        ),
        _CHECK: _at(_correlation_id, ("self.validator and not self.validator(header_value)", "0")),
        _SET: _at(
            _correlation_id,
            "correlation_id.set(id_value)",
            ("correlation_id.get()", "id_value"),
        ),
        _ADD: _at(_correlation_id, "headers = MutableHeaders(scope=message)[...]cid)"),
    },
}

# --- Flask ----------------------------------------------------------------------------------------

_wsgi = "errorshape.wsgi:_Exchange."
_wsgi_minimum = "benchmarks.minimum.wsgi:minimum"
_log_request_id = "flask_log_request_id.request_id:RequestID.init_app"

_FLASK: dict[str, Pieces] = {
    "errorshape": {
        _IDENTIFY: _at(
            "errorshape.wsgi:ErrorShapeMiddleware.identify",
            ("request_id = environ[...]self.layer.identify(request_id)", f"return {_ID}"),
        ),
        _SET: (
            *_at(
                _wsgi + "__init__",
                ("wrap.identify(environ)[...](trace)", "wrap.identify(environ)"),
            ),
            *_at(
                _wsgi + "__iter__",
                ("outermost, trace = self._outermost,", "outermost, trace = False,"),
            ),
            *_at(_wsgi + "close", ("self._outermost and current.get() is not self._trace", "0")),
            *_at(_wsgi + "leave", "if self._outermost[...]leave()"),
        ),
        _MARK: _at(
            _wsgi + "__init__",
            ("environ.get(ENVIRON_KEY)", "None"),
            "environ[ENVIRON_KEY] = self._marks",
        ),
        _ADD: _at(
            _wsgi + "_first",
            ("self._layer.stamp(self._headers, self.trace_id)", "self._headers"),
        ),
        _HOLD: (
            *_at(
                _wsgi + "start",
                (
                    "return self.write",
                    "return self._start_response(\n"
                    "        status, self._layer.stamp(headers, self.trace_id))",
                ),
            ),
            *_at(_wsgi + "body", ("self._result = result\n", "return result\n")),
        ),
    },
    "minimum": {
        _IDENTIFY: _at(
            _wsgi_minimum, ('request_id = environ.get([...]TRACEPARENT"))', f"trace_id = {_ID}")
        ),
        _SET: (
            *_at(_wsgi_minimum, "current.set(trace_id)"),
            *_at(
                "benchmarks.minimum.wsgi:Body.bring_back", "if self.outermost[...](self.trace_id)"
            ),
            *_at("benchmarks.minimum.wsgi:Body.close", "if self.outermost:[...]set(None)"),
        ),
        _MARK: _at(
            _wsgi_minimum, ("environ.get(KEY)", "None"), 'environ[KEY] = {"trace_id": trace_id}'
        ),
        _ADD: _at(
            _wsgi_minimum,
            (
                "server_write = start_response(status, stamp(headers, trace_id))\n\n        try:",
                "server_write = start_response(status, headers)\n\n        try:",
            ),
        ),
        _HOLD: _at(
            _wsgi_minimum,
            (
                "status, headers = new_status, new_headers\n            return write",
                "return start_response(new_status, stamp(new_headers, trace_id))",
            ),
            ("if type(result) is list:[...]marks is None)", "return result"),
        ),
    },
    "flask-log-request-id": {
        _IDENTIFY: _at(_log_request_id, ("self._request_id_parser()", _ID)),
        _SET: _at(
            _log_request_id,
            ("setattr(g, g_object_attr, self._request_id_parser())", "self._request_id_parser()"),
            ("g.get(g_object_attr) is None", "0"),
        ),
    },
}

# --- errors ---------------------------------------------------------------------------------------

_layer = "errorshape.core.layer:ErrorLayer."
_answer = (
    'return ErrorResponse(404, [("Content-Type", "application/json"), ("X-Request-Id", "x"),\n'
    '        ("Content-Length", "2")], b"{}")'
)
_FASTAPI: dict[str, Pieces] = {
    "errorshape": {
        _WRAP: _at(
            "errorshape.starlette:init_app", ("ErrorShapeMiddleware(build(), layer)", "build()")
        ),
        _AGAIN: _at(_asgi + "send", ("self._is_answer(message)", "1")),
        "whose exception it is": _at(
            "errorshape.starlette:_Handler.__call__",
            ("error = layer.translate(exc)[...]of several", "error = ValidationError()"),
        ),
        _REPORT: _at(_layer + "answer", "self.report([...]logged=logged)"),
        _MAKE: _at(_layer + "respond", ("trace_id = trace_id or[...]is_shaped)\n$", _answer)),
    },
    "fastapi-problem-details": {
        _MAKE: (
            *_at(
                "fastapi_problem_details.models:Problem.from_status",
                ("status_obj =[...]**extra,\n    )", "return Problem.model_construct()"),
            ),
            *_at(
                "starlette.responses:JSONResponse.render",
                ('return json.dumps([...]utf-8")', 'return b"{}"'),
            ),
        ),
    },
}

# --- a body, and its chunks -----------------------------------------------------------------------

_plain = "errorshape.core.body:encode_plain"

_CORE: dict[str, Pieces] = {
    "errorshape, the body": {
        "the types of two details": _at(
            _plain,
            'if kind(details) is dict:[...]elif details is not None:\n            return b""',
        ),
        "the type of the message": _at(_plain, ("kind(message) is plain and message", "1")),
        "whether there are details": _at(_plain, ("details or UNSET", "details")),
        "the size": _at(_plain, ("if len(body) <= _WITHIN[...]):\n", "if 1:\n")),
    },
    "msgspec, built and encoded": {},
}

_chunks = _asgi + "send"
_middle = 'self.state == _BEGUN and message.get("more_body")'

_GROWTH: dict[str, Pieces] = {
    "body chunks, errorshape": {
        "whether more follow": (
            *_at(_chunks, (_middle, "self.state == _BEGUN")),
            *_at(_asgi + "ended", ("if self.violation is not None:", "return\n    if 1:")),
        ),
        "an OSError seen": _at(
            _chunks,
            (
                "try:\n            await self._send(message)\n        except OSError:"
                "\n            self.gone = True\n            raise\n        return",
                "await self._send(message)\n        return",
            ),
        ),
    },
    "body chunks, one call": {},
    "body chunks, a plain function": {},
}

PIECES: dict[str, dict[str, Pieces]] = {
    "asgi": _ASGI,
    "flask": _FLASK,
    "fastapi": _FASTAPI,
    "core": _CORE,
    "growth": _GROWTH,
}


class Profile(NamedTuple):
    """What is counted for one table: whose pieces, and over which candidate."""

    protocol: str
    variant: str
    base: str = "bare"


PROFILES = {
    "ASGI, an id that was given": Profile("asgi", "inbound"),
    "Flask, an id that was given": Profile("flask", "inbound"),
    "FastAPI, a documented error": Profile("fastapi", "error"),
    "FastAPI, its own 404": Profile("fastapi", "own"),
    "An error's body": Profile("core", "error", "raised and caught"),
    "A hundred chunks of a body": Profile("growth", "100", "body chunks, bare"),
}
ALL = "all that it adds"


def measure() -> dict[str, dict[str, dict[str, float]]]:
    """Return the instructions of each piece: ``{profile: {candidate: {piece: instructions}}}``."""
    tables = {}
    for title, (protocol, variant, base) in PROFILES.items():
        candidates = PIECES[protocol]
        names = [base, *candidates]
        names += [name + _WITHOUT + what for name in candidates for what in candidates[name]]
        counts = {
            name: instructions
            for (name, _), instructions in count(
                protocol, [(name, variant) for name in names]
            ).items()
        }
        tables[title] = {
            name: {
                **{what: round(counts[name] - counts[name + _WITHOUT + what]) for what in pieces},
                ALL: round(counts[name] - counts[base]),
            }
            for name, pieces in candidates.items()
        }
    return tables


def named(protocol: str, job: str) -> tuple[str, tuple[Change, ...]]:
    """Return the candidate that a job names, and the changes that take a piece out of it."""
    name, _, what = job.partition(_WITHOUT)
    return name, PIECES[protocol][name][what] if what else ()


def take_out(changes: Iterable[Change]) -> None:
    """Change functions of this process in their places.

    Raises :exc:`LookupError` where a text to be changed is not there, or twice.
    """
    for change in changes:
        _apply(change)


def _apply(change: Change) -> None:
    function = function_at(change.where)
    source = _source(function)
    pattern = re.compile(
        r"[\s\S]*?".join(
            re.escape(part).replace(r"\$", r"\Z") for part in change.old.split("[...]")
        )
    )
    if len(pattern.findall(source)) != 1:
        raise LookupError(f"{change.where} does not have this once: {change.old}")
    made: dict[str, object] = {}
    source = pattern.sub(lambda _: change.new, source)
    flags = __future__.annotations.compiler_flag
    exec(compile(source, f"<{change.where}>", "exec", flags), function.__globals__, made)
    function.__code__ = made[function.__name__].__code__
    _SOURCES[function] = source


def function_at(where: str) -> Any:
    """Return the function at ``module:name``."""
    module, _, name = where.partition(":")
    found = attrgetter(name)(import_module(module))
    return getattr(found, "__func__", found)  # of a class method


# Of functions that were changed before.
_SOURCES: dict[Any, str] = {}


def _source(function: Any) -> str:
    if function in _SOURCES:
        return _SOURCES[function]
    source = textwrap.dedent(inspect.getsource(function))
    # Without decorators, which have done their work.
    return re.sub(r"\A(@.*\n)+", "", source)
