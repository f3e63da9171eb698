"""The error layer: the two pure steps from a failure to a neutral response, and the reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Unpack

from ..trace.context import Trace, current
from ..trace.context import trace_id as current_trace_id
from ..trace.ids import is_trace_id, is_trace_id_in_bytes, new_trace_hex, new_trace_id
from ..trace.w3c import active_span, parse_traceparent
from . import body as wire
from .catalog import STANDARD, Catalog, class_for_status, is_code, is_error_status
from .exceptions import APIError, InternalError
from .headers import (
    PROBLEM,
    header,
    is_json,
    media_type_of,
    retry_after,
    sendable,
    stamper,
    varying,
)
from .http import ErrorResponse, Request
from .options import DEFAULTS, LayerOptions, Options, checked
from .translation import Translator, only_leaf

if TYPE_CHECKING:
    from types import ModuleType

    from .language import Spoken
    from .report import Reporter

_PLAIN = frozenset({str})

# The mark on an exception that the layer has tried to understand, and could not.
_NOT_UNDERSTOOD = "_errorshape_not_understood"

# What a framework or a server makes of an error when nobody has thought of programs.
_REPLACED = frozenset({"text/html", "text/plain", "application/xhtml+xml"})

_JSON = ("Content-Type", "application/json")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_PROBLEM = ("Content-Type", PROBLEM)
_NO_STORE = ("Cache-Control", "no-store")
_NONE: Sequence[str] = ()

# The statuses that have a header of their own.
_WITH_A_HEADER = frozenset({401, 429, 503})


class ErrorLayer:
    """A catalogue and the options under which failures become responses.

    ========================  ======================================================================
    ``include``, ``exclude``  path prefixes whose bodies are shaped; the header and the logs are
                              everywhere
    ``trace_header``          the name of the trace id's header, in and out
    ``trust_inbound``         take a valid inbound id
    ``traceparent``           take the trace-id of a valid ``traceparent``
    ``generate``              makes an id where none was taken
    ``trace_source``          ``"headers"``, or ``"otel"``: the id is the trace-id of OpenTelemetry
    ``reshape``               which finished error responses are replaced: ``"text"`` (HTML, plain
                              text, empty), ``"all"`` (JSON that does not conform, too), ``"none"``
    ``translate``             exception class → APIError class, or a callable from the exception to
                              an APIError
    ``on_error``              called with the APIError, the original exception and the trace id
    ``retry_after``           seconds, for a 429 that names none
    ``log_records``           give log records the attribute ``trace_id``
    ``problem_json``          RFC 9457's ``application/problem+json`` to clients whose Accept
                              prefers it; as a string, the address of the reference page
    ``message_for``           called with the APIError and the languages of Accept-Language, the
                              most wanted first: the message, a pair of it and its language, or None
    ``debug``                 keep the framework's debug page, and raise on what nobody expected
    ========================  ======================================================================

    Raises :exc:`TypeError` for an unknown option or a value of the wrong type and
    :exc:`ValueError` for a value that breaks its rule; both name the remedy.
    """

    def __init__(self, catalog: Catalog = STANDARD, **options: Unpack[LayerOptions]) -> None:
        from .report import Reporter  # logging is slow to import: only with the first layer

        chosen = checked({**DEFAULTS, **options}, catalog)
        self.catalog = catalog
        # A longer one would be cut in the body.
        self._codes = frozenset(entry.code for entry in catalog if len(entry.code) <= wire.MAX_TEXT)
        self.trace_header: str = chosen["trace_header"]
        self.trust_inbound: bool = chosen["trust_inbound"]
        self.traceparent: bool = chosen["traceparent"]
        self.generate: Callable[[], str] = chosen["generate"]
        self.debug: bool = chosen["debug"]
        self.translations = dict(chosen["translate"])
        self.reshapes: str = chosen["reshape"]
        self._include = tuple(chosen["include"])
        self._exclude = tuple(chosen["exclude"])
        self._retry_after = str(chosen["retry_after"])
        #: Whether clients that prefer RFC 9457's form get it, and where its types are documented.
        self.problem_json: bool | str = chosen["problem_json"]
        self._message_for: Callable[[APIError, Sequence[str]], Any] | None = chosen["message_for"]
        # werkzeug, which is slow to import, is for those who want it.
        self._negotiates = bool(self.problem_json or self._message_for is not None)
        self._accept: Any = import_module("errorshape.accept") if self._negotiates else None
        self._translator = Translator(self.translations, catalog)
        self._reporter: Reporter = Reporter(chosen["on_error"])
        self.stamp = stamper(self.trace_header)
        #: Makes an id where none was taken.
        self.fresh = new_trace_id if self.generate is new_trace_id else self._generate
        if chosen["trace_source"] == "otel":
            self._follow_spans()
        if chosen["log_records"]:
            from .. import trace

            trace.install()

    @classmethod
    def of(cls, layer: ErrorLayer | None, options: Options) -> ErrorLayer:
        """Return ``layer``, or one made of ``options``: what an adapter was given.

        Raises :exc:`TypeError` if it was given both.
        """
        if layer is None:
            return cls(**options)
        if not isinstance(layer, ErrorLayer):
            raise TypeError(f"layer is {layer!r}: pass an errorshape.ErrorLayer.")
        if options:
            raise TypeError(
                f"Pass either a layer or options, not both: put {', '.join(options)} into the"
                " ErrorLayer."
            )
        return layer

    # --- the id ---------------------------------------------------------------------------------

    def identify(
        self, request_id: str | None, traceparent: str | None = None, tracestate: str = ""
    ) -> str | Trace:
        """Return the id of a request from its headers (None: not there; twice is no valid one)."""
        if request_id is not None and not (self.trust_inbound and is_trace_id(request_id)):
            request_id = None
        if traceparent is None or not self.traceparent:
            return request_id or self.fresh()
        trace_hex = parse_traceparent(traceparent)
        chosen = request_id or trace_hex or self.fresh()
        return Trace(chosen, traceparent, tracestate) if trace_hex else chosen

    def __deepcopy__(self, memo: object) -> ErrorLayer:
        return self  # Litestar copies the state of an application, where its plugin is found

    def accepted(self, request_id: bytes) -> str:
        """Return the id of a request that has just this one; a fresh one if it is not valid.

        The same as :meth:`identify`, without the detour by way of text that may be invalid.
        """
        if self.trust_inbound and is_trace_id_in_bytes(request_id):
            return request_id.decode()
        return self.fresh()

    def _follow_spans(self) -> None:
        """Have OpenTelemetry say what the id is, and nobody pay for it who does not want that.

        The trace-id of the active span; where it begins further in, what it will have: that of the
        inbound ``traceparent``, else a fresh one, which ``errorshape.opentelemetry`` hands on.
        """
        self.trust_inbound = False
        identify = self.identify
        fresh = new_trace_hex if self.generate is new_trace_id else self.fresh

        def identify_by_span(
            request_id: str | None, traceparent: str | None = None, tracestate: str = ""
        ) -> str | Trace:
            return active_span() or identify(request_id, traceparent, tracestate)

        def fresh_by_span() -> str:
            span = active_span()
            return span.id if span is not None else fresh()

        self.identify, self.fresh = identify_by_span, fresh_by_span  # type: ignore[method-assign]

    def _generate(self) -> str:
        try:
            generated = self.generate()
            if isinstance(generated, str) and is_trace_id(generated):
                return generated
            problem = "gave no valid trace id"
        except Exception as exc:
            problem = f"failed: {type(exc).__name__}"
        fresh, before = new_trace_id(), current.get()
        current.set(fresh)  # the record of it belongs to the request that it is for
        self._reporter.blame(self.generate, problem)
        current.set(before)
        return fresh

    # --- the two pure steps ---------------------------------------------------------------------

    def shapes(self, path: str) -> bool:
        """Whether the bodies of errors under this path are shaped."""
        return path.startswith(self._include) and not path.startswith(self._exclude)

    def replaces(self, request: Request | None) -> bool:
        """Whether what others have made of an error gives way to the shape."""
        return self.reshapes != "none" and (request is None or self.shapes(request.path))

    def translate(self, exc: BaseException) -> APIError | None:
        """Return the APIError that ``exc`` stands for, None if nobody expected it."""
        exc = only_leaf(exc)
        if _NOT_UNDERSTOOD in exc.__dict__:
            return None
        try:
            return self._translator.translate(exc)
        except Exception as failure:
            self._misunderstood(exc, failure)
            return None

    def _http_exception(self, exc: BaseException) -> ModuleType | None:
        """Return the module that understands ``exc`` if it is a framework's own HTTP exception."""
        exc = only_leaf(exc)
        if _NOT_UNDERSTOOD in exc.__dict__:
            return None
        try:
            return self._translator.http_exception(exc)
        except Exception as failure:
            self._misunderstood(exc, failure)
            return None

    def _misunderstood(self, exc: BaseException, failure: Exception) -> None:
        """Log that an exception cannot be read, once: it is one that nobody expected then."""
        exc.__dict__[_NOT_UNDERSTOOD] = True
        self._reporter.problem(f"The translation of {type(exc).__name__} failed", failure)

    def respond(
        self,
        exc: BaseException,
        *,
        error: APIError | None = None,
        trace_id: str | None = None,
        request: Request | None = None,
    ) -> ErrorResponse:
        """Return the response to an exception; pure but for the id of a caller without a request.

        Never raises: what nobody expected is ``internal_error`` with a constant message. ``error`` is
        what :meth:`translate` has made of it, for a caller that has asked already.
        """
        trace_id = trace_id or current_trace_id() or self.fresh()
        if error is None:
            error = self.translate(exc)
        is_shaped = request is None or self.shapes(request.path)
        if error is None or not is_shaped or self.reshapes == "none":
            framework = self._http_exception(exc)
            if framework is not None:
                error = None
                try:
                    response = framework.render(only_leaf(exc))
                except Exception as failure:
                    self._reporter.problem(f"{type(exc).__name__} has no response", failure)
                    self._reporter.log(exc, None, request)
                else:
                    return self._as_it_is(response, trace_id, request)
        return self._encode(self._or_internal(error), trace_id, request, is_shaped)

    def _or_internal(self, error: APIError | None, status: int = 500) -> APIError:
        # Never by its truth: an error may be a collection, and empty.
        return class_for_status(status, self.catalog)() if error is None else error

    def reshape(
        self,
        status: int,
        headers: Sequence[tuple[str, str]],
        body: bytes | None = None,
        *,
        trace_id: str | None = None,
        request: Request | None = None,
    ) -> ErrorResponse | None:
        """Return what an error response that somebody has built is replaced by, None if it stays.

        ``body`` is the whole body or its first part; None if it is not known, as of a HEAD.
        """
        if status < 400 or not self.replaces(request):
            return None
        if body is None and header(headers, "content-length") == "0":
            body = b""  # as of a HEAD, or where the end of a body comes by itself
        media_type = media_type_of(headers)
        conforming = None
        if body == b"" or media_type in _REPLACED:
            # Debug pages; that of a 500 is plain text where the client does not ask for HTML.
            if self.debug and (media_type == "text/html" or (status == 500 and body != b"")):
                return None
        elif media_type == "":
            if body is not None and body.lstrip()[:1] in (b"{", b"["):
                return None
        elif self.reshapes == "all" and is_json(media_type):
            if body is None:
                length = header(headers, "content-length") or ""
                if not (length.isdecimal() and int(length) > wire.MAX_BODY):
                    return None
            else:
                if len(body) <= wire.MAX_BODY:
                    conforming = _decoded(media_type, body, status)
                ours = conforming and conforming.trace_id == (trace_id or current_trace_id())
                if ours and media_type in ("application/json", PROBLEM):
                    return None
        else:
            return None
        error: APIError = class_for_status(status, self.catalog)()
        error.status = status
        if conforming is not None:  # right in all but the id or the type, as of a service behind us
            error.code, error.message = conforming.code, conforming.message
            error.details = conforming.details or None
        error.headers = headers
        return self._encode(error, trace_id or current_trace_id() or self.fresh(), request)

    def wants_body(self, status: int, headers: Sequence[tuple[str, str]]) -> bool:
        """Whether :meth:`reshape` has to see up to 16 KiB of this body, not just its beginning."""
        if status < 400 or self.reshapes == "none":
            return False
        media_type = media_type_of(headers)
        return media_type == "" or (self.reshapes == "all" and is_json(media_type))

    def complete(self, status: int, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers of an error response that keeps its body, with those it must have."""
        names = {name.lower() for name, _ in headers}
        added = [*headers]
        if status == 401 and "www-authenticate" not in names:
            added.append(("WWW-Authenticate", "Bearer"))
        if status == 429 and "retry-after" not in names:
            added.append(("Retry-After", self._retry_after))
        return added

    # --- what adapters call ---------------------------------------------------------------------

    def answer(
        self,
        exc: BaseException,
        *,
        error: APIError | None = None,
        trace_id: str | None = None,
        request: Request | None = None,
        logged: bool = False,
    ) -> ErrorResponse:
        """Report an exception and return the response to it.

        ``error`` is what :meth:`translate` has made of it, for a caller that has asked already;
        ``logged`` says that the framework has logged it already, with its traceback.
        """
        if error is None:
            error = self.translate(exc)
        self.report(exc, error=error, trace_id=trace_id, request=request, logged=logged)
        return self.respond(exc, error=error, trace_id=trace_id, request=request)

    def report(
        self,
        exc: BaseException,
        *,
        error: APIError | None = None,
        trace_id: str | None = None,
        request: Request | None = None,
        logged: bool = False,
        status: int = 500,
    ) -> None:
        """Log an exception, once and at the level that fits, and call the ``on_error`` hooks.

        ``error`` and ``logged`` are as for :meth:`answer`; ``status`` is what the framework has
        answered an exception with that is none of ours.
        """
        if error is None:
            error = self.translate(exc)
        if error is None and self._http_exception(exc) is not None:
            return  # a redirect, or a response that the application has made
        if not logged:
            self._reporter.log(exc, error, request)
        if self._reporter.hooks:
            sent = self._or_internal(error, status)
            self._reporter.tell(sent, only_leaf(exc), trace_id or current_trace_id() or "-")

    def too_late(self, exc: BaseException, request: Request | None = None) -> None:
        """Log a failure that came after the response had begun, so that it can only be cut."""
        self._reporter.too_late(exc, request)

    def gone(self, exc: BaseException | None, request: Request | None = None) -> None:
        """Note, at most at INFO, that the client went away before its response was complete."""
        self._reporter.gone(exc, request)

    def _as_it_is(
        self, response: ErrorResponse, trace_id: str, request: Request | None
    ) -> ErrorResponse:
        """Return a response that the application made, or the framework, or what replaces it."""
        shaped = self.reshape(
            response.status, response.headers, response.body, trace_id=trace_id, request=request
        )
        if shaped is not None:
            return shaped
        if response.status >= 400:
            response.headers = self.complete(response.status, response.headers)
        response.headers = self.stamp(response.headers, trace_id)
        return response

    def _encode(
        self, error: APIError, trace_id: str, request: Request | None, is_shaped: bool = True
    ) -> ErrorResponse:
        try:
            return self._encoded(error, trace_id, request, is_shaped)
        except Exception as failure:  # attributes that are properties can do what they like
            self._reporter.problem(f"{type(error).__name__} cannot be sent", failure)
            return self._encoded(InternalError(), trace_id, request, is_shaped)

    def _encoded(
        self, error: APIError, trace_id: str, request: Request | None, is_shaped: bool
    ) -> ErrorResponse:
        # What an entry of the catalogue has, was checked when that was built.
        status, code, message = error.status, error.code, error.message
        if not ((type(status) is int and 400 <= status <= 599) or is_error_status(status)):
            status = 500
        if code not in self._codes:
            code = self._checked(code, error, status)
        content_type, language, varies = _JSON, None, _NONE
        body = b""
        if is_shaped and not self._negotiates:  # nearly always plain, and then nothing is lazy
            body = wire.encode_plain(code, message, trace_id, error.details)
        if not body:
            if self._message_for is not None or _may_be_lazy(error):
                message, language, varies = self._spoken(error, status, request)
            message = _text_of(message, error) or class_for_status(status).message
            if not is_shaped:
                content_type, body = _TEXT, wire.text(message).encode()
            elif self.problem_json:
                varies = ["Accept", *varies]
                if self._prefers_problem(request):
                    content_type = _PROBLEM
                    body = self._problem(code, message, trace_id, error.details, status)
        if not body:
            content_type = _JSON
            body = wire.encode(code, message, trace_id, error.details)
        headers = [
            (self.trace_header, trace_id),
            content_type,
            ("Content-Length", str(len(body))),
            _NO_STORE,
        ]
        if error.headers is not None or status in _WITH_A_HEADER:
            own = self._own_headers(error, status)
            headers += own
            if any(name.lower() == "access-control-expose-headers" for name, _ in own):
                headers = self.stamp(headers, trace_id)
        if language is not None:
            headers.append(("Content-Language", language))
        if varies:
            headers = varying(headers, *varies)
        return ErrorResponse(status, headers, body)

    def _spoken(self, error: APIError, status: int, request: Request | None) -> Spoken:
        from .language import Interpreter  # only where somebody translates

        interpreter = Interpreter(self._message_for, self._accept, self._reporter.problem)
        return interpreter.spoken(error, status, request)

    def _prefers_problem(self, request: Request | None) -> bool:
        try:
            accept = request.header("Accept") if request is not None else ""
            return bool(accept and self._accept.prefers_problem(accept))
        except Exception as failure:
            self._reporter.problem("The Accept header cannot be read", failure)
            return False

    def _problem(self, code: str, message: Any, trace_id: str, details: Any, status: int) -> bytes:
        from . import problem  # only where a client wants it

        page = self.problem_json if isinstance(self.problem_json, str) else ""
        return problem.encode(
            code, message, trace_id, details, status=status, catalog=self.catalog, page=page
        )

    def _checked(self, code: Any, error: APIError, status: int) -> str:
        if isinstance(code, str) and is_code(code) and len(code) <= wire.MAX_TEXT:
            self._reporter.undocumented(code)
            return code
        self._reporter.problem(f"{type(error).__name__} has no valid code")
        return class_for_status(status).code

    def _own_headers(self, error: APIError, status: int) -> list[tuple[str, str]]:
        own = (
            sendable(error.headers, status, self.trace_header, self._reporter.problem)
            if error.headers is not None
            else []
        )
        if status not in _WITH_A_HEADER:
            return own
        names = {name.lower() for name, _ in own}
        if status == 401:
            name, value = "WWW-Authenticate", getattr(error, "scheme", "Bearer")
        else:
            name, value = "Retry-After", self._retry_after_of(error, status)
        if name.lower() not in names and value is not None:
            own += sendable([(name, value)], status, self.trace_header, self._reporter.problem)
        return own

    def _retry_after_of(self, error: APIError, status: int) -> str | None:
        given = getattr(error, "retry_after", None)
        value = retry_after(given)
        if value is None and given is not None:
            self._reporter.problem(f"The retry_after of {type(error).__name__} is no time: dropped")
        return self._retry_after if value is None and status == 429 else value


def _decoded(media_type: str, body: bytes, status: int) -> wire.Error | None:
    """Return the error in a body that conforms, in either form."""
    if media_type == PROBLEM:
        from . import problem

        return problem.decode(body, status)
    return wire.decode(body)


def _may_be_lazy(error: APIError) -> bool:
    """Whether something in an error is no plain text, and may be a lazy translation."""
    if type(error.message) is not str or not error.message:
        return True
    details = error.details
    try:
        return type(details) is dict and not _PLAIN.issuperset(map(type, details.values()))
    except TypeError:  # a class that no set can hold
        return True


def _text_of(message: Any, error: APIError) -> str:
    """Return what an error has to say; empty if it says nothing."""
    if type(message) is not str:
        message = wire.text(message) if message is not None else ""
    return message or wire.text(type(error).message)
