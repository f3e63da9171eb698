"""atheris over what parses the bytes of strangers: tox's ``fuzz`` environment runs it.

``python -m tests.faults.fuzz [libFuzzer options]``
"""

import sys

import atheris

with atheris.instrument_imports(include=["errorshape"]):
    import errorshape
    from errorshape.asgi import ErrorShapeMiddleware as ASGIMiddleware
    from errorshape.core import body as wire
    from errorshape.trace.ids import is_trace_id
    from errorshape.wsgi import ErrorShapeMiddleware as WSGIMiddleware


async def _no_app(scope, receive, send):
    pass


LAYER = errorshape.ErrorLayer(reshape="all")
ASGI = ASGIMiddleware(_no_app, LAYER)
WSGI = WSGIMiddleware(lambda environ, start_response: [], LAYER)


def one(data):
    """Headers in, an id out; a header and a body of an error in, the contract's body out."""
    provider = atheris.FuzzedDataProvider(data)
    first, second, third = (provider.ConsumeBytes(200) for _ in range(3))
    pairs = [(b"x-request-id", first), (b"traceparent", second), (b"tracestate", third)]
    texts = [value.decode("latin-1") for _, value in pairs]
    environ = dict(
        zip(("HTTP_X_REQUEST_ID", "HTTP_TRACEPARENT", "HTTP_TRACESTATE"), texts, strict=True)
    )
    for trace in (ASGI.identify(pairs), WSGI.identify(environ)):
        assert is_trace_id(getattr(trace, "id", trace))
    content_type = provider.PickValueInList(["application/json", "", "text/html", texts[0]])
    response = LAYER.reshape(
        500, [("Content-Type", content_type), ("X-Odd", texts[1])], provider.ConsumeBytes(20_000),
        trace_id="fuzz",
    )  # fmt: skip
    assert response is None or wire.decode(response.body) is not None


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
