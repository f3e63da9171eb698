"""The errors an API can give: one class an error code, the class being the catalogue's entry.

A class is data (``code``, ``status``, ``message``, ``retryable`` and the docstring); an instance
adds what this one failure has to say. Nothing here knows how an error is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

Details = Mapping[str, Any]
Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class APIError(Exception):
    """Any error that an API answers with; subclass it to add a code of your own.

    ``message`` is for people: ``None`` or ``""`` stands for the class's default, and a lazy string
    is made text when the response is encoded. ``details`` maps names (the dot-paths of invalid
    fields) to texts; what is not text is made text. ``headers`` go out with the response.

    Building one never raises for its values: what cannot be sent is cut, replaced or dropped (and
    logged) when it is encoded.
    """

    #: What programs branch on: ``[a-z][a-z0-9_]*``.
    code: str = "internal_error"
    #: The HTTP status, 400 to 599.
    status: int = 500
    #: The default text for people.
    message: Any = "Internal server error."
    #: Whether the same request may succeed later without a change by the caller.
    retryable: bool = False
    # Set on the caller's side, where the error came out of a response.
    #: Whom to ask about it, and what to look for in the service's logs.
    trace_id: str | None = None
    #: Whether the request can be sent again without harm (RFC 9110 §9.2.2).
    idempotent: bool = False

    def __init__(
        self,
        message: Any = None,
        *,
        details: Details | None = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(message)
        if message is not None:
            self.message = message
        self.details = details
        self.headers = headers

    def __str__(self) -> str:
        where = f" [{self.trace_id}]" if self.trace_id else ""
        return f"{self.code}{where}: {self.message}"


class _RetryLaterError(APIError):
    """An error that can say when to try again (RFC 9110 §10.2.3)."""

    retryable = True
    #: Seconds from now (rounded up), a span of time, or a point in time (naive means UTC).
    retry_after: float | timedelta | datetime | None = None

    def __init__(
        self,
        message: Any = None,
        *,
        details: Details | None = None,
        headers: Headers | None = None,
        retry_after: float | timedelta | datetime | None = None,
    ) -> None:
        super().__init__(message, details=details, headers=headers)
        self.retry_after = retry_after


# The ten documented codes.


class ValidationError(APIError):
    """The body or the query parameters failed validation, or the body is malformed."""

    code = "validation_error"
    status = 400
    message = "The request is not valid."


class UnauthorizedError(APIError):
    """The Authorization header is missing or invalid, or the token has expired."""

    code = "unauthorized"
    status = 401
    message = "Authentication is required."
    #: The challenge sent as ``WWW-Authenticate`` (RFC 9110 §11.6.1).
    scheme: str = "Bearer"

    def __init__(
        self,
        message: Any = None,
        *,
        details: Details | None = None,
        headers: Headers | None = None,
        scheme: str = "Bearer",
    ) -> None:
        super().__init__(message, details=details, headers=headers)
        self.scheme = scheme


class InvalidGrantError(APIError):
    """The subject token given to a token exchange is invalid or could not be verified."""

    code = "invalid_grant"
    status = 401
    message = "The subject token is not valid."


class ForbiddenError(APIError):
    """The token is valid, but its scope is insufficient."""

    code = "forbidden"
    status = 403
    message = "You are not allowed to do this."


class MFARequiredError(APIError):
    """The workspace requires enrolment in multi-factor authentication."""

    code = "mfa_required"
    status = 403
    message = "Multi-factor authentication is required."


class SSORequiredError(APIError):
    """The workspace enforces single sign-on."""

    code = "sso_required"
    status = 403
    message = "Single sign-on is required."


class NotFoundError(APIError):
    """There is no such resource, or it is not visible to this token."""

    code = "not_found"
    status = 404
    message = "Not found."


class ConflictError(APIError):
    """The operation conflicts with existing state."""

    code = "conflict"
    status = 409
    message = "The request conflicts with the current state."


class RateLimitedError(_RetryLaterError):
    """Too many requests; try again after the time that ``Retry-After`` gives."""

    code = "rate_limited"
    status = 429
    message = "Too many requests."


class InternalError(APIError):
    """Something unexpected happened; safe to retry with exponential backoff."""

    code = "internal_error"
    status = 500
    message = "Internal server error."
    retryable = True


# The further rows of the status table (RFC 9110 §15.5, §15.6; RFC 6585; RFC 4918; RFC 8470).


class PaymentRequiredError(APIError):
    """Payment is required."""

    code = "payment_required"
    status = 402
    message = "Payment is required."


class MethodNotAllowedError(APIError):
    """The resource does not support this method; ``Allow`` lists those that it does."""

    code = "method_not_allowed"
    status = 405
    message = "This method is not allowed here."


class NotAcceptableError(APIError):
    """No representation fits the request's Accept headers."""

    code = "not_acceptable"
    status = 406
    message = "No acceptable representation."


class RequestTimeoutError(APIError):
    """The request did not arrive in time."""

    code = "request_timeout"
    status = 408
    message = "The request did not arrive in time."
    retryable = True


class GoneError(APIError):
    """The resource existed once and will not come back."""

    code = "gone"
    status = 410
    message = "This resource is gone."


class LengthRequiredError(APIError):
    """The request needs a Content-Length."""

    code = "length_required"
    status = 411
    message = "A Content-Length is required."


class PreconditionFailedError(APIError):
    """A precondition in the request's headers does not hold."""

    code = "precondition_failed"
    status = 412
    message = "A precondition of the request does not hold."


class ContentTooLargeError(APIError):
    """The request's content is larger than the service accepts."""

    code = "content_too_large"
    status = 413
    message = "The request's content is too large."


class URITooLongError(APIError):
    """The request's URI is longer than the service accepts."""

    code = "uri_too_long"
    status = 414
    message = "The request's URI is too long."


class UnsupportedMediaTypeError(APIError):
    """The request's content is in a format that the resource does not support."""

    code = "unsupported_media_type"
    status = 415
    message = "This media type is not supported."


class RangeNotSatisfiableError(APIError):
    """No part of the resource lies in the requested ranges."""

    code = "range_not_satisfiable"
    status = 416
    message = "The requested range cannot be satisfied."


class ExpectationFailedError(APIError):
    """The request's Expect header cannot be met."""

    code = "expectation_failed"
    status = 417
    message = "The request's expectation cannot be met."


class ImATeapotError(APIError):
    """The service is a teapot (RFC 2324)."""

    code = "im_a_teapot"
    status = 418
    message = "I'm a teapot."


class MisdirectedRequestError(APIError):
    """The request reached a server that cannot answer for its authority."""

    code = "misdirected_request"
    status = 421
    message = "The request was misdirected."


class UnprocessableEntityError(APIError):
    """The request is well-formed but semantically invalid."""

    code = "unprocessable_entity"
    status = 422
    message = "The request cannot be processed."


class LockedError(APIError):
    """The resource is locked."""

    code = "locked"
    status = 423
    message = "This resource is locked."


class FailedDependencyError(APIError):
    """The action depended on another one that failed."""

    code = "failed_dependency"
    status = 424
    message = "An action that this one depends on failed."


class TooEarlyError(APIError):
    """The request might be replayed (early data); send it again."""

    code = "too_early"
    status = 425
    message = "The request came too early."
    retryable = True


class UpgradeRequiredError(APIError):
    """The service wants another protocol for this request."""

    code = "upgrade_required"
    status = 426
    message = "Another protocol is required."


class PreconditionRequiredError(APIError):
    """The request must be conditional."""

    code = "precondition_required"
    status = 428
    message = "The request must be conditional."


class RequestHeaderFieldsTooLargeError(APIError):
    """The request's header fields are larger than the service accepts."""

    code = "request_header_fields_too_large"
    status = 431
    message = "The request's header fields are too large."


class UnavailableForLegalReasonsError(APIError):
    """The resource is withheld for legal reasons."""

    code = "unavailable_for_legal_reasons"
    status = 451
    message = "Unavailable for legal reasons."


class NotImplementedAPIError(APIError):
    """The service does not support what the request needs.

    Its name has the ``API`` in it so that it cannot shadow the builtin ``NotImplementedError``.
    """

    code = "not_implemented"
    status = 501
    message = "Not implemented."


class BadGatewayError(APIError):
    """A service behind this one gave an invalid answer."""

    code = "bad_gateway"
    status = 502
    message = "Bad gateway."
    retryable = True


class ServiceUnavailableError(_RetryLaterError):
    """The service cannot answer at the moment."""

    code = "service_unavailable"
    status = 503
    message = "The service is unavailable."


class GatewayTimeoutError(APIError):
    """A service behind this one did not answer in time."""

    code = "gateway_timeout"
    status = 504
    message = "Gateway timeout."
    retryable = True


class HTTPVersionNotSupportedError(APIError):
    """The service does not support this version of HTTP."""

    code = "http_version_not_supported"
    status = 505
    message = "This HTTP version is not supported."


class ClientError(APIError):
    """Any other 4xx status; the status itself is kept."""

    code = "client_error"
    status = 400
    message = "The request cannot be answered."


class ServerError(APIError):
    """Any other 5xx status; the status itself is kept."""

    code = "server_error"
    status = 500
    message = "The server could not answer the request."
    retryable = True
