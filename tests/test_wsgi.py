"""The WSGI wrap, where an application or a server behaves in a way that most do not."""

import gc
import io

import pytest

import errorshape
from errorshape.wsgi import ErrorShapeMiddleware
from tests.drivers import Request, run_wsgi

ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_X_REQUEST_ID": "mine-1"}
TEXT = [("Content-Type", "text/plain")]


class ServerError(Exception):
    """What a server has raised itself."""


class Body:
    """Counts how often it is closed."""

    def __init__(self):
        self.closed = 0

    def __iter__(self):
        return iter([b"fine"])

    def close(self):
        self.closed += 1


def refuse(status, headers, exc_info=None):
    raise ServerError


def accept(status, headers, exc_info=None):
    return lambda data: None


def returns(result):
    def app(environ, start_response):
        start_response("200 OK", TEXT)
        return result

    return ErrorShapeMiddleware(app)


def test_a_body_that_cannot_be_iterated_is_closed_with_the_answer():
    """PEP 3333 has every iterable closed that the application has returned."""

    class Broken(Body):
        def __iter__(self):
            raise RuntimeError

    body = Broken()

    reply = run_wsgi(returns(body), Request("GET", "/"))

    assert (reply.status, reply.error["code"], body.closed) == (500, "internal_error", 1)


def test_a_file_is_closed_where_the_server_refuses_the_response():
    """The server is given nothing then that it could close."""
    body = Body()

    with pytest.raises(ServerError):
        returns(body)({**ENVIRON, "wsgi.file_wrapper": Body}, refuse)

    assert body.closed == 1


def test_nothing_is_left_behind_where_the_server_refuses_the_answer():
    """The context variable is clear also when the answer to a failure fails."""

    def app(environ, start_response):
        raise ValueError

    with pytest.raises(ServerError):
        ErrorShapeMiddleware(app)(dict(ENVIRON), refuse)

    assert errorshape.trace_id() is None


@pytest.mark.parametrize("exc", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_nothing_is_left_behind_where_the_process_is_to_end(exc):
    """It passes through as it is, and takes no context along."""

    def app(environ, start_response):
        raise exc

    with pytest.raises(exc):
        ErrorShapeMiddleware(app)(dict(ENVIRON), accept)

    assert errorshape.trace_id() is None


def test_a_list_with_a_close_is_closed():
    """A list may be of a class of the application's own."""

    class Closing(list):
        closed = 0

        def close(self):
            self.closed += 1

    body = Closing([b"fine"])

    reply = run_wsgi(returns(body), Request("GET", "/"))

    assert (reply.body, body.closed) == (b"fine", 1)


def test_a_failing_close_does_not_hide_why_it_is_closed():
    """The server gets what it raised itself, not what the application's close() did."""

    class Failing(Body):
        def close(self):
            raise ValueError

    environ = {**ENVIRON, "wsgi.file_wrapper": Failing}

    with pytest.raises(ServerError):
        returns(Failing())(environ, refuse)


def test_a_file_wrapper_that_is_a_function_passes_through():
    """uWSGI's gives the file itself back, and wants that very object."""
    file = io.BytesIO(b"fine")
    environ = {**ENVIRON, "wsgi.file_wrapper": lambda file, size=8192: file}

    assert returns(file)(environ, accept) is file


def test_an_application_that_is_an_object_leaves_no_cycle():
    """PEP 3333 shows applications that keep start_response for as long as they live."""

    class Application:
        def __init__(self, environ, start_response):
            self.start = start_response

            self.chunks = [b"fine"]

        def __iter__(self):
            return self

        def __next__(self):
            if not self.chunks:
                raise StopIteration
            self.start("200 OK", TEXT)
            return self.chunks.pop()

    wrapped = ErrorShapeMiddleware(Application)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            body = wrapped(dict(ENVIRON), accept)
            assert list(body) == [b"fine"]
            body.close()
        del body
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_file_of_an_inner_application_goes_on_unchanged():
    """The wrap further out sees to the end of the request."""
    file = io.BytesIO(b"fine")
    environ = {**ENVIRON, "wsgi.file_wrapper": lambda file, size=8192: file}

    assert ErrorShapeMiddleware(returns(file))(environ, accept) is file


def test_a_file_that_is_an_error_page_gives_way_to_the_shape():
    """What the server is to send is the answer then, not the file."""
    file = io.BytesIO(b"<h1>Not here</h1>")
    environ = {**ENVIRON, "wsgi.file_wrapper": lambda file, size=8192: file}

    def app(environ, start_response):
        start_response("404 Not Found", [("Content-Type", "text/html")])
        return environ["wsgi.file_wrapper"](file)

    body = ErrorShapeMiddleware(app)(environ, accept)

    assert b'"not_found"' in b"".join(body)
    body.close()
    assert file.closed
