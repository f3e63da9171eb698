"""The wrap around any WSGI application (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any, Unpack

from .core.body import MAX_BODY
from .core.http import ErrorResponse, Request
from .core.layer import ErrorLayer
from .core.options import Options
from .trace import context
from .trace.context import Trace, current, leave, leave_at_close

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

#: Where the outermost wrap notes in ``environ`` what goes between it, the wraps further in and the
#: adapters: ``trace_id``; ``logged``, an exception; ``body``, that of an answer of the layer's.
ENVIRON_KEY = "errorshape.marks"


class ErrorShapeMiddleware:
    """Give every response of a WSGI application its trace id, and every error the shape.

    ``app = ErrorShapeMiddleware(app)``. Takes the options of :class:`~errorshape.ErrorLayer`, or
    a layer made before; raises what that raises.
    """

    def __init__(
        self, app: WSGIApplication, layer: ErrorLayer | None = None, **options: Unpack[Options]
    ) -> None:
        self.app = app
        self.layer = ErrorLayer.of(layer, options)
        # PEP 3333: the header as CGI names it. Servers join repeated headers by commas, which no
        # valid id and no valid traceparent has.
        self._environ_name = "HTTP_" + self.layer.trace_header.upper().replace("-", "_")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        exchange = _Exchange(self, environ, start_response)
        try:
            try:
                return exchange.body(self.app(environ, exchange.start))
            except Exception as exc:
                if (body := exchange.failed(exc)) is None:
                    raise
                return body
        except BaseException:  # also what the server raised when it was given the answer
            exchange.abandon()
            raise

    def identify(self, environ: WSGIEnvironment) -> str | Trace:
        """Return the id of a request from its headers."""
        request_id = environ.get(self._environ_name)
        if "HTTP_TRACEPARENT" in environ:
            tracestate = environ.get("HTTP_TRACESTATE", "")
            return self.layer.identify(request_id, environ["HTTP_TRACEPARENT"], tracestate)
        return self.layer.fresh() if request_id is None else self.layer.identify(request_id)

    def propagates(self, exc: Exception) -> bool:
        """Whether an exception is for the server, or a debugger, to show."""
        return self.layer.debug and self.layer.translate(exc) is None


_NOTHING: Iterator[bytes] = iter(())


#: The server that writes its access line when it has closed the response. Its threads have nothing to
#: log before the next request's entry, which overwrites the id: what is malformed never reaches them.
LOGS_AFTER_CLOSE = "Granian"


class _Finished(list[bytes]):
    """A whole body; the request is over when the server closes it."""

    __slots__ = ()

    def close(self) -> None:
        leave()


class _Exchange:
    """One request and its response; as an iterable, the body of the response."""

    # Slots, each of them filled at once: defaults in the class would cost more to read than these
    # to write.
    __slots__ = (
        "_begun", "_chunks", "_environ", "_gone", "_headers", "_iterator", "_layer", "_marks",
        "_outermost", "_replaced", "_result", "_start_response", "_started", "_status", "_trace",
        "_wrap", "_write", "trace_id",
    )  # fmt: skip

    def __init__(
        self, wrap: ErrorShapeMiddleware, environ: WSGIEnvironment, start_response: StartResponse
    ) -> None:
        self._wrap = wrap
        self._layer = wrap.layer
        self._environ = environ
        self._start_response = start_response
        self._status: str | None = None
        self._chunks: list[bytes] | None = None  # of the body, come before the response began
        self._started = False  # the server's start_response has been called
        self._begun = False  # and has returned: the server has, or may have, sent something
        self._iterator = _NOTHING
        self._result: Iterable[bytes] | None = None
        self._replaced = False
        self._gone = False
        marks = environ.get(ENVIRON_KEY)
        self._outermost = marks is None
        if marks is None:
            self._trace = trace = wrap.identify(environ)
            context.enter(trace)
            self.trace_id: str = trace if isinstance(trace, str) else trace.id
            # Not this object: it has the environ, and a cycle would need collecting.
            self._marks: dict[str, Any] = {"trace_id": self.trace_id}
            environ[ENVIRON_KEY] = self._marks
        else:
            self.trace_id = self._trace = marks["trace_id"]
            self._marks = marks

    # --- what the application calls --------------------------------------------------------------

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Hold back the start of the response: PEP 3333 has it wait for the first byte."""
        if exc_info is not None:
            try:
                if self._begun and exc_info[1] is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # its traceback has this frame
        elif self._status is not None:
            raise RuntimeError("The application started its response twice")
        self._status, self._headers = status, headers
        return self.write

    def write(self, chunk: bytes) -> None:
        """Take a part of the body in the imperative way of PEP 3333."""
        if not self._begun:
            if not chunk:
                return
            self._keep(chunk)
            if self._collects():
                return
            chunk = self._begin(more=True)
        elif self._replaced:
            return
        try:
            self._write(chunk)
        except OSError:
            self._gone = True
            raise

    # --- what the server gets --------------------------------------------------------------------

    def body(self, result: Iterable[bytes]) -> Iterable[bytes]:
        """Return the iterable for the server, for the one that the application has returned."""
        self._result = result
        kind, status = type(result), self._status
        untouched = not self._begun and not self._chunks
        if kind is list and untouched and status is not None and status < "4":
            # As most responses are: nothing can fail any more but the server.
            self._started = True
            self._start_response(status, self._layer.stamp(self._headers, self.trace_id))
            self._begun = True
            return _Finished(result) if self._outermost else result
        if kind is list or kind is tuple:  # a class of its own may have a close()
            # Nothing of it can fail any more, and as a list it shows a server its length.
            whole = self._whole(result)  # type: ignore[arg-type]
            return _Finished(whole) if self._outermost else whole
        file_wrapper = self._environ.get("wsgi.file_wrapper")
        if file_wrapper is not None and _is_file(result, file_wrapper):
            # The server wants its own object back, to send the file without Python.
            first = self._begin(more=True)
            if not self._replaced:
                if self._outermost:
                    leave_at_close(result)
                return result
            self._iterator = iter((first,))
        else:
            self._iterator = iter(result)
            # Not with the first next(): granian takes status and headers when the call returns,
            # and sends 200 without any where there are none yet.
            if not self._begun and (first := self._first()):
                self._iterator = chain((first,), self._iterator)
        return self

    def __iter__(self) -> Iterator[bytes]:
        # A generator, whose steps cost a fraction of those of a __next__().
        outermost, trace = self._outermost, self._trace
        if outermost and current.get() is not trace:
            current.set(trace)  # the server goes on in another thread
        try:
            for chunk in self._iterator:
                yield chunk
                if outermost and current.get() is not trace:
                    current.set(trace)
        except Exception as exc:
            self._rescued(exc)  # too late for an answer: the call had the first part already
            raise

    def close(self) -> None:
        """End the request; PEP 3333 has the server call it once, whatever has happened."""
        result, self._result = self._result, None
        self._iterator = _NOTHING  # an application that is an object has our start, a cycle
        if self._outermost and current.get() is not self._trace:
            current.set(self._trace)  # the server has served another request in between
        try:
            if (close := getattr(result, "close", None)) is not None:
                close()
        except Exception as exc:
            if self._marks.pop("logged", None) is not exc:
                self._layer.too_late(exc, self._request())
            self._raised(exc)
            raise
        finally:
            self.leave()

    def abandon(self) -> None:
        """End the request where the server gets no body that it could close."""
        try:
            self.close()
        except Exception:
            return  # logged, and less than what is being raised

    def leave(self) -> None:
        """Take the id out of the context variable: the thread will serve other requests."""
        if self._outermost and self._environ.get("SERVER_SOFTWARE") != LOGS_AFTER_CLOSE:
            leave()

    # --- from held back to begun -----------------------------------------------------------------

    def _whole(self, result: Sequence[bytes]) -> Sequence[bytes]:
        """Begin the response to a body that is there as a whole, and return what goes out."""
        if self._begun:
            return () if self._replaced else result
        self._iterator = iter(result)
        first = self._first()
        return [first, *self._iterator] if first else [*self._iterator]

    def _first(self) -> bytes:
        """Begin the response with the first part of the body that is not empty, and return it."""
        for chunk in self._iterator:
            if chunk:
                status = self._status
                if status is not None and status < "4" and not self._chunks:
                    # As most responses are: what follows, without its calls.
                    self._started = True
                    headers = self._layer.stamp(self._headers, self.trace_id)
                    self._write = self._start_response(status, headers)
                    self._begun = True
                    return chunk
                self._keep(chunk)
                if not self._collects():
                    return self._begin(more=True)
        return self._begin(more=False)

    def _keep(self, chunk: bytes) -> None:
        self._chunks = self._chunks or []
        self._chunks.append(chunk)

    def _collects(self) -> bool:
        return (
            self._status is not None
            and self._status >= "4"
            and self._environ.get("REQUEST_METHOD") != "HEAD"
            and sum(map(len, self._chunks or ())) <= MAX_BODY
            and self._layer.wants_body(int(self._status[:3]), self._headers)
        )

    def _begin(self, *, more: bool) -> bytes:
        """Start the response at the server, as it is or replaced; return its body so far."""
        if self._status is None:
            what = "sent a body before the start of" if self._chunks else "ended without"
            raise RuntimeError(f"The application {what} its response")
        body, self._chunks = b"".join(self._chunks or ()), None
        headers = self._headers
        if self._status >= "4":
            status, request = int(self._status[:3]), self._request()
            unknown = request.method == "HEAD" or (more and not body)
            response = self._layer.reshape(
                status, headers, None if unknown else body, trace_id=self.trace_id, request=request
            )
            if response is not None:
                return self._answer(response)
            if self._layer.shapes(request.path):
                headers = self._layer.complete(status, headers)
        self._started = True
        self._write = self._start_response(self._status, self._layer.stamp(headers, self.trace_id))
        self._begun = True
        return body

    def _answer(self, response: ErrorResponse) -> bytes:
        """Start our own response at the server; return its body."""
        self._iterator = _NOTHING  # what the application still has to say is not wanted
        self._replaced = True
        line = f"{response.status} {_phrase(response.status)}"
        # PEP 3333: once start_response was called it is called again only with exc_info; it
        # raises that if the headers are gone.
        again = (sys.exc_info(),) if self._started else ()
        self._started = True
        self._write = self._start_response(line, response.headers, *again)
        self._begun = True
        bodiless = self._environ.get("REQUEST_METHOD") == "HEAD" or response.status in (204, 304)
        return b"" if bodiless else response.body

    # --- when the application fails --------------------------------------------------------------

    def failed(self, exc: Exception) -> Iterable[bytes] | None:
        """Answer an exception of the application's call, or return None: it is to be raised."""
        if (first := self._rescued(exc)) is None:
            return None
        if hasattr(self._result, "close"):  # the server has us close it
            self._iterator = iter((first,))
            return self
        return _Finished([first]) if self._outermost else [first]

    def _rescued(self, exc: Exception) -> bytes | None:
        """Return the body of the answer to an exception, None if it is to be raised again."""
        if self._marks.pop("logged", None) is exc:  # by a wrap further in
            return None
        request = self._request()
        if self._gone and isinstance(exc, OSError):
            self._layer.gone(exc, request)
        elif self._begun:
            self._layer.too_late(exc, request)
        else:
            self._layer.report(exc, trace_id=self.trace_id, request=request)
            if not self._wrap.propagates(exc):
                self._chunks = None
                return self._answer(
                    self._layer.respond(exc, trace_id=self.trace_id, request=request)
                )
        self._raised(exc)
        return None

    def _raised(self, exc: Exception) -> None:
        if not self._outermost:  # who takes it out again, so that no cycle is left behind
            self._marks["logged"] = exc

    def _request(self) -> Request:
        environ = self._environ
        raw = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        # PEP 3333: bytes of the path, decoded as Latin-1.
        path = raw.encode("latin-1", "replace").decode("utf-8", "replace")
        method = environ.get("REQUEST_METHOD", "GET")
        return Request(method, path or "/", partial(header_in, environ))


def header_in(environ: WSGIEnvironment, name: str) -> str:
    """Return a header of a request; the server has joined several of one name (RFC 3875 §4.1.18)."""
    value: str = environ.get("HTTP_" + name.upper().replace("-", "_"), "")
    return value


def _is_file(result: Any, file_wrapper: Any) -> bool:
    """Whether the application has returned what the server's ``wsgi.file_wrapper`` gave it."""
    if isinstance(file_wrapper, type):
        return isinstance(result, file_wrapper)
    return hasattr(result, "read")  # uWSGI's is a function, and returns the file itself


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
