"""The caller's side: the same classes come out of a response as went into it.

Knows the responses of httpx, httpx2, requests, aiohttp and urllib3 by what they have in common,
and imports none of them.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from .core.body import text
from .core.catalog import STANDARD, Catalog, class_for_status, is_code, is_error_status
from .core.exceptions import APIError
from .core.headers import PROBLEM, media_type_of
from .trace.ids import is_trace_id

R = TypeVar("R")

#: How much of a body is looked at; the contract's bodies have at most 16 KiB.
MAX_BYTES = 64 * 1024
MAX_EXCERPT = 200  # characters

# RFC 9110 §9.2.2
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
# The 4xx that ask for a later try: timeout, too early, too many.
_LATER = frozenset({408, 425, 429})


class UnexpectedResponseError(APIError):
    """An error response that does not conform to the contract, as of a proxy in between.

    ``code`` is what its status stands for, ``content_type`` what it says that it is, and
    ``excerpt`` the first 200 characters of its body.
    """

    content_type: str = ""
    excerpt: str = ""


class _Error(msgspec.Struct):
    """What a caller needs of an error; a newer service may say more."""

    code: str
    message: str = ""
    trace_id: str = ""
    details: dict[str, str] | None = None


class _Envelope(msgspec.Struct):
    error: _Error


class _Problem(msgspec.Struct):
    """The same as ``application/problem+json``; one without our ``code`` is none of ours."""

    code: str
    detail: str = ""
    trace_id: str = ""
    details: dict[str, str] | None = None


_decode = msgspec.json.Decoder(_Envelope).decode
_decode_problem = msgspec.json.Decoder(_Problem).decode


class _Answer(NamedTuple):
    """What the libraries' responses have in common."""

    status: int
    headers: dict[str, str]  # lower-case names
    body: bytes
    method: str
    request_headers: Iterable[str]  # lower-case names

    @property
    def media_type(self) -> str:
        return media_type_of(self.headers.items())


# --- decoding ------------------------------------------------------------------------------------


def decode(response: R, catalog: Catalog = STANDARD, *, method: str = "") -> R:
    """Return the response if it is none of an error, else raise the :class:`APIError` in it.

    That is the catalogue's class of the error's code; an :class:`APIError` with its code if the
    catalogue does not have it; an :class:`UnexpectedResponseError` if the body does not conform.
    ``application/problem+json`` (RFC 9457) with the code as a member is understood as well.
    Nothing else is raised, whatever the response holds; at most 64 KiB of it are read. aiohttp
    and streamed responses of asynchronous clients want :func:`decode_async`. urllib3's responses do
    not tell the request's ``method``, without which no other try is safe.
    """
    if (error := error_in(response, catalog, method=method)) is not None:
        raise error
    return response


async def decode_async(response: R, catalog: Catalog = STANDARD) -> R:
    """Do what :func:`decode` does with a response whose body is read asynchronously."""
    given: Any = response
    if _status(given) >= 400:
        raise _error(_answer(given, await _body_async(given)), catalog)
    return response


def error_in(response: Any, catalog: Catalog = STANDARD, *, method: str = "") -> APIError | None:
    """Return the error that :func:`decode` would raise, None if there is none."""
    if _status(response) < 400:
        return None
    return _error(_answer(response, _body(response), method), catalog)


def raising(catalog: Catalog = STANDARD) -> Callable[..., None]:
    """Return a hook by which a client raises by itself.

    ``httpx.Client(event_hooks={"response": [raising()]})``, the same with httpx2, and
    ``session.hooks["response"].append(raising())`` with requests.
    """

    def hook(response: Any, *args: Any, **kwargs: Any) -> None:
        if (error := error_in(response, catalog)) is not None:
            response.close()  # requests would leave the connection to the garbage collector
            raise error

    return hook


def raising_async(catalog: Catalog = STANDARD) -> Callable[..., Any]:
    """Return a hook by which an asynchronous client raises by itself.

    ``httpx.AsyncClient(event_hooks={"response": [raising_async()]})``, the same with httpx2, and
    ``aiohttp.ClientSession(raise_for_status=raising_async())``.
    """

    async def hook(response: Any) -> None:
        await decode_async(response, catalog)

    return hook


def _error(answer: _Answer, catalog: Catalog) -> APIError:
    error = _from_body(answer, catalog) or _unexpected(answer)
    error.status = answer.status
    error.idempotent = answer.method in _IDEMPOTENT or "idempotency-key" in answer.request_headers
    header_id = answer.headers.get("x-request-id", "")
    if error.trace_id is None and is_trace_id(header_id):
        error.trace_id = header_id
    if (value := answer.headers.get("retry-after")) is not None:
        error.retry_after = parse_retry_after(value)  # type: ignore[attr-defined]
    return error


def _from_body(answer: _Answer, catalog: Catalog) -> APIError | None:
    try:
        if answer.media_type == PROBLEM:
            problem = _decode_problem(answer.body)
            found = _Error(problem.code, problem.detail, problem.trace_id, problem.details)
        else:
            found = _decode(answer.body).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not (is_code(found.code) and is_error_status(answer.status)):
        return None
    cls = catalog.get(found.code)
    # Not by its constructor, which an application may have given arguments of its own.
    error = APIError.__new__(cls or APIError)
    APIError.__init__(error, found.message or None, details=found.details or None)
    error.code = found.code
    if cls is None:
        error.retryable = class_for_status(answer.status).retryable
    error.trace_id = found.trace_id if is_trace_id(found.trace_id) else None
    return error


def _unexpected(answer: _Answer) -> UnexpectedResponseError:
    stands_for = class_for_status(answer.status)
    # Control characters could forge a line of the caller's log.
    excerpt = " ".join(answer.body[: MAX_EXCERPT * 4].decode("utf-8", "replace").split())
    excerpt = "".join(c if c.isprintable() else "\ufffd" for c in excerpt)[:MAX_EXCERPT]
    error = UnexpectedResponseError(
        f"A {answer.status} response without the contract's body: {excerpt or 'it is empty'}"
    )
    error.code, error.retryable = stands_for.code, stands_for.retryable
    error.content_type = text(answer.headers.get("content-type", ""))
    error.excerpt = excerpt
    return error


def parse_retry_after(value: str) -> float | datetime | None:
    """Return a ``Retry-After`` (RFC 9110 §10.2.3) as seconds or as a point in time, or None."""
    value = value.strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:  # 30 years
        return float(value)
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        moment = parsedate_to_datetime(value)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# --- what the libraries call it ------------------------------------------------------------------


def _status(response: Any) -> int:
    status = getattr(response, "status_code", None)  # httpx, requests
    return int(response.status if status is None else status)  # aiohttp, urllib3


def _answer(response: Any, body: bytes, method: str = "") -> _Answer:
    # httpx and requests have the one, aiohttp the other, urllib3 neither
    request = getattr(response, "request", None) or getattr(response, "request_info", None)
    return _Answer(
        _status(response),
        {str(name).lower(): str(value) for name, value in response.headers.items()},
        body,
        (method or str(getattr(request, "method", ""))).upper(),
        {str(name).lower() for name in getattr(request, "headers", ())},
    )


def _body(response: Any) -> bytes:
    """Return the beginning of a body; what cannot be read is as good as empty."""
    if hasattr(response, "request_info") or _is_unread_async(response):  # aiohttp, httpx
        raise TypeError(f"{type(response).__name__} is read asynchronously: use decode_async().")
    try:
        if hasattr(response, "iter_bytes"):  # httpx
            return _collected(response.iter_bytes())
        if hasattr(response, "iter_content"):  # requests
            return _collected(response.iter_content(8192))
        # urllib3: what was loaded at once is in data, and nothing is left to read
        body: bytes = response.read(MAX_BYTES, decode_content=True) or response.data
        return body[:MAX_BYTES]
    except Exception:  # the connection broke, or the encoding is wrong
        return b""


async def _body_async(response: Any) -> bytes:
    if not (hasattr(response, "request_info") or hasattr(response, "aiter_bytes")):
        return _body(response)
    try:
        if hasattr(response, "aiter_bytes") and not _is_unread_async(response):
            return _collected(response.iter_bytes())
        if hasattr(response, "aiter_bytes"):
            return await _collected_async(response.aiter_bytes())
        body = await _collected_async(response.content.iter_chunked(8192))
        return body or (await response.read())[:MAX_BYTES]  # was read before
    except Exception:
        return b""


def _is_unread_async(response: Any) -> bool:
    # httpx has one class for both; reading makes of an asynchronous stream one that is both.
    stream = getattr(response, "stream", None)
    return hasattr(stream, "__aiter__") and not hasattr(stream, "__iter__")


def _collected(chunks: Iterable[bytes]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) >= MAX_BYTES:
            break
    return bytes(body[:MAX_BYTES])


async def _collected_async(chunks: AsyncIterable[bytes]) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) >= MAX_BYTES:
            break
    return bytes(body[:MAX_BYTES])


# --- trying again --------------------------------------------------------------------------------


class Backoff:
    """When, and whether at all, a request that failed is worth another try.

    Worth it are 5xx, 408, 425 and 429, of requests that are idempotent (RFC 9110 §9.2.2) or had an
    ``Idempotency-Key``; with ``any_method=True`` of all. ``Retry-After`` is obeyed up to
    ``longest`` seconds; if the service asks for more, there is no other try. Without it the wait
    is drawn from 0 to ``initial`` seconds, doubled with each attempt, up to ``maximum``.

    For stamina (25.2, the first that takes a time from its hook, or newer):
    ``@stamina.retry(on=errorshape.client.backoff)``. For a loop::

        for attempt in range(1, 6):
            try:
                return decode(client.get(url)).json()
            except APIError as error:
                seconds = backoff.seconds(error, attempt)
                if seconds is None:
                    raise
                time.sleep(seconds)
        raise

    Raises :exc:`ValueError` for a negative number of seconds.
    """

    def __init__(
        self,
        *,
        initial: float = 0.1,
        maximum: float = 5.0,
        longest: float = 60.0,
        any_method: bool = False,
    ) -> None:
        for name, value in (("initial", initial), ("maximum", maximum), ("longest", longest)):
            if not value >= 0:
                raise ValueError(f"{name} is {value!r}: it is a number of seconds, from 0.")
        self._initial = initial
        self._maximum = maximum
        self._longest = longest
        self._any_method = any_method

    def __call__(self, exc: Exception) -> bool | float:
        """Tell stamina: no other try, one after its own backoff, or one after so many seconds."""
        if not self._is_worth_it(exc):
            return False
        asked = _asked(exc)
        if asked is None:
            return True
        return asked if asked <= self._longest else False

    def seconds(self, exc: Exception, attempt: int) -> float | None:
        """Return how long to wait after the given attempt, 1 being the first; None to give up."""
        worth = self(exc)
        if worth is False:
            return None
        if worth is True:
            # "Full jitter": clients that failed together do not come back together.
            ceiling = min(self._maximum, self._initial * 2 ** min(attempt - 1, 64))
            return random.uniform(0, ceiling)
        return worth

    def _is_worth_it(self, exc: Exception) -> bool:
        if not isinstance(exc, APIError) or not (exc.status >= 500 or exc.status in _LATER):
            return False
        return self._any_method or exc.idempotent


def _asked(exc: Exception) -> float | None:
    """Return the seconds that the service asked to wait."""
    asked: float | datetime | None = getattr(exc, "retry_after", None)
    if isinstance(asked, datetime):
        return max(0.0, (asked - datetime.now(UTC)).total_seconds())
    return asked


backoff = Backoff()
