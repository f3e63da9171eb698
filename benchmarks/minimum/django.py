"""The minimum as a Django middleware: a function around ``get_response``."""

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from errorshape.core.exceptions import APIError

from .identity import KEY, current, encoded, identify

EXPOSE = "access-control-expose-headers"


def minimum(get_response):
    """Return the middleware."""

    def middleware(request):
        meta = request.META
        scope = request.scope if isinstance(request, ASGIRequest) else None
        marks = meta.get(KEY) if scope is None else scope.get(KEY)
        outermost = marks is None
        if outermost:
            trace_id = identify(meta.get("HTTP_X_REQUEST_ID"), meta.get("HTTP_TRACEPARENT"))
            current.set(trace_id)
            marks = {"trace_id": trace_id}
            if scope is not None:
                scope[KEY] = marks
        # Django logs some records after the middleware: they find the id at the request.
        meta[KEY] = marks
        response = get_response(request)
        # What Django's own methods come to, at a tenth of their cost.
        store = response.headers._store
        store["x-request-id"] = "X-Request-Id", marks["trace_id"]
        if (exposed := store.get(EXPOSE)) is not None and "x-request-id" not in exposed[1].lower():
            store[EXPOSE] = exposed[0], f"{exposed[1]}, X-Request-Id"
        if outermost and scope is None:
            close = response.close

            def close_and_leave():
                del response.close
                try:
                    close()
                finally:
                    current.set(None)

            response.close = close_and_leave
        return response

    def process_exception(request, exc):
        if not isinstance(exc, APIError):
            return None
        body = encoded(exc, meta_id(request))
        pairs = {"Content-Length": str(len(body)), "Cache-Control": "no-store"}
        return HttpResponse(body, "application/json", exc.status, headers=pairs)

    middleware.process_exception = process_exception
    return middleware


def meta_id(request):
    """Return the id of a request."""
    return request.META[KEY]["trace_id"]
