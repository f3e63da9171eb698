"""The minimum as a Django middleware: a function around ``get_response``."""

from django.http import HttpResponse

from errorshape.core.exceptions import APIError

from .identity import KEY, current, encoded, identify


def minimum(get_response):
    """Return the middleware."""

    def middleware(request):
        meta = request.META
        scope = getattr(request, "scope", None)
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
        headers = response.headers
        headers["X-Request-Id"] = marks["trace_id"]
        exposed = headers.get("Access-Control-Expose-Headers")
        if exposed is not None and "x-request-id" not in exposed.lower():
            headers["Access-Control-Expose-Headers"] = f"{exposed}, X-Request-Id"
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
