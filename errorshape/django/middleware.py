"""The middleware: wraps ``get_response`` and shapes the response (sync and async)."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial, wraps
from http.cookies import Morsel, SimpleCookie
from typing import Any, cast

import django
from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.handlers import exception
from django.core.handlers.asgi import ASGIRequest
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.http.response import ResponseHeaders
from django.urls import get_resolver, get_urlconf
from django.utils import translation
from django.views.defaults import server_error

from ..asgi import SCOPE_KEY
from ..core.body import MAX_BODY
from ..core.exceptions import APIError
from ..core.http import ErrorResponse, Request
from ..core.layer import ErrorLayer
from ..trace import context, records
from ..trace.context import close_and_leave, current, leave, note_end
from ..wsgi import ENVIRON_KEY, LOGS_AFTER_CLOSE, header_in
from .conf import layer_from_settings

_EXPOSE = "access-control-expose-headers"

GetResponse = Callable[[HttpRequest], Any]

# ASGIHandler.handle() calls us in a task of its own then, so that the server, which has the context
# of the task around it, sees nothing of the id.
_IN_A_TASK = django.VERSION < (6, 1)


class ErrorShapeMiddleware:
    """Give every response of a Django site its trace id, and every error the shape.

    First in ``MIDDLEWARE``: ``"errorshape.django.ErrorShapeMiddleware"``. The options are in the
    ``ERRORSHAPE`` setting; raises :exc:`~django.core.exceptions.ImproperlyConfigured` for a wrong
    one.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.layer = layer_from_settings()
        self._header = self.layer.trace_header.lower()
        self._meta_name = "HTTP_" + self.layer.trace_header.upper().replace("-", "_")
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._call_async(request)
        outermost = self._enter(request)
        try:
            response = self._finished(request, self.get_response(request))
            if outermost and response.streaming:
                response = self._stream(request, cast(StreamingHttpResponse, response))
        except BaseException as exc:  # not even Django answers it: there is nothing to be closed
            if outermost and isinstance(request, ASGIRequest):
                note_end(exc)
            elif outermost:
                leave()
            raise
        if outermost:
            if isinstance(request, ASGIRequest):
                _return_at_close(response)
            elif request.META.get("SERVER_SOFTWARE") != LOGS_AFTER_CLOSE:
                # leave_at_close() without its call and its questions: a twentieth of all that we add
                response.close = partial(  # type: ignore[method-assign]
                    close_and_leave, response, response.close
                )
        return response

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        outermost = self._enter(request)
        try:
            response: Any = self._finished(request, await self.get_response(request))
            if outermost and response.streaming:
                if response.is_async:
                    response = await self._stream_async(request, response)
                else:  # as Django does with it; the thread has a copy of the context
                    response = await sync_to_async(self._stream)(request, response)
        except BaseException as exc:
            if outermost:
                note_end(exc)
            raise
        if outermost:
            _return_at_close(response)
        finished: HttpResponseBase = response
        return finished

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        """Answer what a view raised if it is an error that somebody expected."""
        return _answered_if_expected(request, exc)

    # --- the id -----------------------------------------------------------------------------------

    def _enter(self, request: HttpRequest) -> bool:
        """See to the request's trace id; return whether no wrap further out has done so."""
        meta = request.META
        scope: Any = request.scope if isinstance(request, ASGIRequest) else None
        marks = meta.get(ENVIRON_KEY) if scope is None else scope.get(SCOPE_KEY)
        outermost = marks is None
        if marks is None:
            request_id = meta.get(self._meta_name)
            if "HTTP_TRACEPARENT" in meta:
                state = meta.get("HTTP_TRACESTATE", "")
                trace = self.layer.identify(request_id, meta["HTTP_TRACEPARENT"], state)
            elif request_id is None:
                trace = self.layer.fresh()
            else:
                trace = self.layer.identify(request_id)
            context.enter(trace)
            marks = {"trace_id": trace if isinstance(trace, str) else trace.id}
            if scope is not None:
                scope[SCOPE_KEY] = marks
                records.ask_scopes = True
        # Where log records find it that Django makes with extra={"request": …}.
        meta[ENVIRON_KEY] = marks
        request._errorshape_layer = self.layer  # type: ignore[attr-defined]  # see .views
        return outermost

    # --- the response -----------------------------------------------------------------------------

    def _finished(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the response as it leaves: with its id, and shaped if it is an error to shape."""
        if response.status_code >= 400 and not _is_answer(request, response):
            with _in_its_language(request):
                response = self._shaped(request, response)
        trace_id, headers = request.META[ENVIRON_KEY]["trace_id"], response.headers
        try:
            # What Django's own ways come to. They would be a third of all that we add to a request: to
            # ask for a header that is not there takes a KeyError, to set one two encodings.
            store: dict[str, tuple[str, str]] = headers._store
        except AttributeError:  # a later Django may keep them elsewhere
            store = {}
        if store and _EXPOSE not in store:
            store[self._header] = self.layer.trace_header, trace_id
        elif _EXPOSE in headers:
            for name, value in self.layer.stamp(response.items(), trace_id):
                headers[name] = value
        else:
            headers[self.layer.trace_header] = trace_id
        return response

    def _shaped(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        what, trace_id = about(request), _trace_id(request)
        headers = list(response.items())
        exc, nobodys = _remembered(request)
        shaped: ErrorResponse | None = None
        if exc is not None:
            # Expected, but raised by the project's own handler404 and the like; or such that nobody
            # has an answer to, the project's own handler500 included.
            ours = self.layer.translate(exc) is not None
            nobodys = nobodys and response.status_code == 500 and not self.layer.debug
            if ours or (nobodys and self.layer.shapes(what.path)):
                shaped = self.layer.respond(exc, trace_id=trace_id, request=what)
            status = response.status_code
            # Of what the project's handler404 raises Django logs no more than that there was a 500.
            logged = status < 500 or getattr(response, "_has_been_logged", False)
            self.layer.report(exc, trace_id=trace_id, request=what, logged=logged, status=status)
            if not logged:
                response._has_been_logged = True  # type: ignore[attr-defined]
        if shaped is None:
            body = None if response.streaming else response.content  # type: ignore[attr-defined]
            if request.method == "HEAD":
                body = body or None
            shaped = self.layer.reshape(
                response.status_code, headers, body, trace_id=trace_id, request=what
            )
        if shaped is not None:
            return _replaced(request, response, shaped)
        if self.layer.shapes(what.path):
            for name, value in self.layer.complete(response.status_code, headers):
                response.headers[name] = value
        return response

    # --- streams: a failure before the first byte is a proper error -------------------------------

    def _stream(self, request: HttpRequest, response: StreamingHttpResponse) -> HttpResponseBase:
        if response.is_async or getattr(response, "file_to_stream", None) is not None:
            return response
        chunks = cast(Iterator[bytes], response.streaming_content)
        first: list[bytes] = []
        if not _is_event_stream(response):
            whole = self._wants_body(response)
            try:
                for chunk in chunks:
                    if chunk:
                        first.append(chunk)
                        if not (whole and sum(map(len, first)) <= MAX_BODY):
                            break
            except Exception as exc:
                return self._failed_stream(request, response, exc)
            if whole and (judged := self._judged(request, response, first)) is not None:
                return judged
        response.streaming_content = self._rest(request, first, chunks)
        return response

    async def _stream_async(
        self, request: HttpRequest, response: StreamingHttpResponse
    ) -> HttpResponseBase:
        chunks = cast(AsyncIterator[bytes], response.streaming_content)
        first: list[bytes] = []
        if not _is_event_stream(response):
            whole = self._wants_body(response)
            try:
                async for chunk in chunks:
                    if chunk:
                        first.append(chunk)
                        if not (whole and sum(map(len, first)) <= MAX_BODY):
                            break
            except Exception as exc:
                return self._failed_stream(request, response, exc)
            if whole and (judged := self._judged(request, response, first)) is not None:
                await self._close(request, response)
                return judged
        response.streaming_content = self._rest_async(request, first, chunks)
        return response

    async def _close(self, request: HttpRequest, response: StreamingHttpResponse) -> None:
        """Close what gave the body that was replaced, while its request is being served.

        Django closes synchronous iterators only. The collector would close this one, when it likes.
        """
        iterator: Any = response._iterator  # type: ignore[attr-defined]  # inside of a wrapper
        try:
            if hasattr(iterator, "aclose"):
                await iterator.aclose()
        except Exception as exc:
            self.layer.report(exc, trace_id=_trace_id(request), request=about(request))

    def _wants_body(self, response: HttpResponseBase) -> bool:
        return self.layer.wants_body(response.status_code, list(response.items()))

    def _judged(
        self, request: HttpRequest, response: HttpResponseBase, collected: list[bytes]
    ) -> HttpResponseBase | None:
        """Return what replaces an error whose body had to be seen, None if it stays."""
        shaped = self.layer.reshape(
            response.status_code,
            list(response.items()),
            b"".join(collected),
            trace_id=_trace_id(request),
            request=about(request),
        )
        return None if shaped is None else _replaced(request, response, shaped)

    def _failed_stream(
        self, request: HttpRequest, response: HttpResponseBase, exc: Exception
    ) -> HttpResponseBase:
        answer = self.layer.answer(exc, trace_id=_trace_id(request), request=about(request))
        made = _replaced(request, response, answer)
        made._has_been_logged = True  # type: ignore[attr-defined]
        return made

    def _rest(
        self, request: HttpRequest, first: list[bytes], chunks: Iterator[bytes]
    ) -> Iterator[bytes]:
        try:
            yield from first
            yield from chunks
        except Exception as exc:
            note_end(exc)
            self.layer.too_late(exc, about(request))
            raise

    async def _rest_async(
        self, request: HttpRequest, first: list[bytes], chunks: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        try:
            for chunk in first:
                yield chunk
            async for chunk in chunks:
                yield chunk
        except Exception as exc:
            note_end(exc)
            self.layer.too_late(exc, about(request))
            raise


def _return_at_close(response: HttpResponseBase) -> None:
    """Have ``close()`` begin with the id, where it is to be brought into the server's task.

    Django closes a response there, by ``sync_to_async()``, which hands on what a thread has set.
    """
    if _IN_A_TASK:
        response._resource_closers.insert(  # type: ignore[attr-defined]
            0, partial(current.set, current.get())
        )


def answered(
    layer: ErrorLayer,
    request: HttpRequest,
    what: Request,
    exc: BaseException,
    error: APIError,
    kind: type[HttpResponse] = HttpResponse,
) -> HttpResponse:
    """Report an exception, which stands for ``error``, and return the response to it.

    ``what`` is what :func:`about` says of the request.
    """
    marks = request.META.get(ENVIRON_KEY, {})
    answer = layer.answer(exc, error=error, trace_id=marks.get("trace_id"), request=what)
    fields, cookies = _as_django_has_them(answer.headers)
    # With its headers: one that is made without has to think of a type of its own.
    made = kind(b"" if request.method == "HEAD" else answer.body, headers=fields)
    made.status_code = answer.status
    made.cookies.update(cookies)
    # An error of 500 and above was logged just now, with its cause; Django would do it again.
    made._has_been_logged = made.status_code >= 500  # type: ignore[attr-defined]
    if getattr(request, "_errorshape_layer", None) is layer:
        marks["body"] = answer.body
    return made


def _is_answer(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether a response has the body that the layer has made of an error, and nobody has changed.

    It is complete then, and to look at all of it again costs more than to make it.
    """
    body = request.META[ENVIRON_KEY].get("body")
    return (
        body is not None
        and getattr(response, "content", None) == body  # a stream has none
        and "_errorshape_exception" not in request.__dict__
    )


def _in_its_language(request: HttpRequest) -> AbstractContextManager[None]:
    """Activate the language of a request that failed before LocaleMiddleware, if that is there.

    What is active then is what an earlier request has left behind in this thread.
    """
    if (
        hasattr(request, "LANGUAGE_CODE")
        or "django.middleware.locale.LocaleMiddleware" not in settings.MIDDLEWARE
    ):
        return nullcontext()
    return translation.override(translation.get_language_from_request(request))


def _answered_if_expected(request: HttpRequest, exc: Exception) -> HttpResponse | None:
    """Answer an error that somebody expected, and remember any other.

    So that Django logs the other, sends ``got_request_exception`` and asks the project's own
    ``handler404`` and the like.
    """
    layer: ErrorLayer = request._errorshape_layer  # type: ignore[attr-defined]
    error = layer.translate(exc)
    if error is not None:
        return answered(layer, request, about(request), exc, error)
    _remember(request, exc)
    return None


def _response_for_exception(
    original: Callable[[HttpRequest, Exception], HttpResponse],
) -> Callable[[HttpRequest, Exception], HttpResponse]:
    """Wrap Django's function of this name, which makes the response to what a middleware raises.

    It has no hook: at its first one, ``got_request_exception``, an error that somebody expected is
    an unhandled one already, which is logged with its traceback and which Django's test client
    raises. Sentry wraps the same function.
    """

    @wraps(original)
    def response_for_exception(request: HttpRequest, exc: Exception) -> HttpResponse:
        answer = None
        if hasattr(request, "_errorshape_layer"):
            with _in_its_language(request):
                answer = _answered_if_expected(request, exc)
        return original(request, exc) if answer is None else answer

    return response_for_exception


exception.response_for_exception = _response_for_exception(  # type: ignore[assignment]
    exception.response_for_exception
)


def about(request: HttpRequest) -> Request:
    """Return what the layer wants to know of a request."""
    return Request(request.method or "GET", request.path, partial(header_in, request.META))


def _trace_id(request: HttpRequest) -> str:
    trace_id: str = request.META[ENVIRON_KEY]["trace_id"]
    return trace_id


def _remember(request: HttpRequest, exc: BaseException, nobodys: bool = False) -> None:
    request._errorshape_exception = exc, nobodys  # type: ignore[attr-defined]


def _remembered(request: HttpRequest) -> tuple[BaseException | None, bool]:
    # Taken out, since an exception has the frames that have the request.
    remembered: tuple[BaseException | None, bool]
    remembered = request.__dict__.pop("_errorshape_exception", (None, False))
    return remembered


def _on_unhandled(*, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Remember what nobody handled, also in a handler404, and whether anybody has a page for it."""
    exc = sys.exc_info()[1]
    if exc is not None and request is not None and ENVIRON_KEY in request.META:
        handler = get_resolver(get_urlconf()).resolve_error_handler(500)
        _remember(request, exc, nobodys=handler is server_error)


got_request_exception.connect(_on_unhandled, dispatch_uid="errorshape")


def _replaced(
    request: HttpRequest, response: HttpResponseBase, by: ErrorResponse
) -> HttpResponseBase:
    """Put the answer into a response, which keeps its cookies and what is to be closed with it."""
    if not isinstance(response, HttpResponse):  # a stream cannot become a body
        made = HttpResponse()
        made.cookies = response.cookies
        made._resource_closers = response._resource_closers  # type: ignore[attr-defined]
        response = made
    _fill(request, response, by)
    return response


def _fill(request: HttpRequest, response: HttpResponse, by: ErrorResponse) -> None:
    response.content = b"" if request.method == "HEAD" else by.body
    if response.status_code != by.status:
        response.status_code = by.status
        response.reason_phrase = None  # type: ignore[assignment]  # Django derives it again
    fields, cookies = _as_django_has_them(by.headers)
    response.headers = ResponseHeaders(fields)
    response.cookies.update(cookies)


def _as_django_has_them(
    headers: list[tuple[str, str]],
) -> tuple[dict[str, str], dict[str, Morsel[str]]]:
    """Return headers, each once, and apart from them the cookies.

    RFC 9110 §5.2 has a list mean the same as several headers of one name; of cookies it means
    something else (§5.3).
    """
    fields: dict[str, tuple[str, str]] = {}
    cookies: dict[str, Morsel[str]] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered == "set-cookie" and (cookie := SimpleCookie(value)):
            cookies |= cookie
            continue
        before = fields.get(lowered)
        fields[lowered] = (name, value if before is None else f"{before[1]}, {value}")
    return dict(fields.values()), cookies


def _is_event_stream(response: HttpResponseBase) -> bool:
    return str(response.headers.get("Content-Type", "")).startswith("text/event-stream")
