"""The minimum as a Django middleware: a function around ``get_response``."""

from .identity import KEY, current, identify


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
        try:
            response = get_response(request)
        except Exception:
            raise
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

    return middleware
