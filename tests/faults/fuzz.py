"""atheris over what parses the bytes of strangers: tox's ``fuzz`` environment runs it.

``python -m tests.faults.fuzz [libFuzzer options]``. It begins with what is right and mutates that:
from nothing it would hardly ever come past the first character of a header.
"""

import sys
import tempfile
from pathlib import Path

import atheris

# What the regular expressions want is told to the fuzzer, which cannot see into them.
atheris.enabled_hooks.add("RegEx")

with atheris.instrument_imports(include=["errorshape"]):
    import errorshape
    from errorshape.asgi import ErrorShapeMiddleware as ASGIMiddleware
    from errorshape.core import body as wire
    from errorshape.core.headers import sendable
    from errorshape.trace.ids import is_trace_id
    from errorshape.trace.w3c import parse_traceparent
    from errorshape.wsgi import ErrorShapeMiddleware as WSGIMiddleware


async def _no_app(scope, receive, send):
    pass


LAYER = errorshape.ErrorLayer(reshape="all")
ASGI = ASGIMiddleware(_no_app, LAYER)
WSGI = WSGIMiddleware(lambda environ, start_response: [], LAYER)

#: Between the parts of an input: id, traceparent, tracestate, header name, media type, body.
_BETWEEN = b"\0\0"
_TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_UUID = b"7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"
_BODY = b'{"error":{"code":"not_found","message":"No.","trace_id":"fuzz","details":{"a.b":"c"}}}'
_SEEDS = (
    (_UUID, _TRACEPARENT, b"vendor=1,other@sys=2", b"X-Odd", b"application/json", _BODY),
    (b"a", b"cc" + _TRACEPARENT[2:] + b"-more", b"", b"", b"application/problem+json", b"{}"),
    (b"", b"", b"", b"Retry-After", b"text/html; charset=utf-8", b"<h1>broken</h1>"),
    (b"x" * 128, _TRACEPARENT.upper(), b"a=" * 40, b"Set-Cookie", b"", b" [1, 2"),
)


def one(data):
    """Headers in, an id out; a header and a body of an error in, the contract's body out."""
    parts = [*data.split(_BETWEEN, 5), *[b""] * 5]
    pairs = [(b"x-request-id", parts[0]), (b"traceparent", parts[1]), (b"tracestate", parts[2])]
    texts = [part.decode("latin-1") for part in parts]
    names = ("HTTP_X_REQUEST_ID", "HTTP_TRACEPARENT", "HTTP_TRACESTATE")
    for trace in (ASGI.identify(pairs), WSGI.identify(dict(zip(names, texts, strict=False)))):
        assert is_trace_id(getattr(trace, "id", trace))
    trace_hex = parse_traceparent(texts[1])
    assert trace_hex is None or (is_trace_id(trace_hex) and trace_hex in texts[1].lower())
    for name, value in sendable([(texts[3], texts[2])], 416, "X-Request-Id", lambda why: None):
        assert not set(name + value) & {"\r", "\n", "\0"}
    headers = [("Content-Type", texts[4]), ("X-Odd", texts[1])]
    response = LAYER.reshape(500, headers, parts[5][:20_000], trace_id="fuzz")
    assert response is None or wire.decode(response.body) is not None


def main(arguments):
    """Fuzz with the seeds, and with the corpora that the arguments name."""
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(_SEEDS):
            Path(corpus, str(number)).write_bytes(_BETWEEN.join(seed))
        atheris.Setup([*arguments, corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
