"""What the layer uses fails as well: the answer is still the contract's, and nothing is hidden."""

import logging
from contextlib import contextmanager

import pytest

import errorshape
from errorshape.core import body
from errorshape.core.translation import only_leaf
from tests.clients import InProcess
from tests.stacks import STACKS, script
from tests.stacks.script import SECRET
from tests.test_contract import assert_shape, own_errors


class OfTheLayersError(Exception):
    """Raised by what the application has given the layer to use."""


def fails(*args, **kwargs):
    raise OfTheLayersError


@pytest.fixture(params=STACKS, ids=str)
def ask(request):
    """Ask a stack that is built with these options; ``plan`` is what its view does."""

    def ask(plan, **options):
        script.plan = plan
        stack = request.param
        return InProcess(stack, stack.build(**options)).get("/planned")

    ask.stack = request.param
    return ask


def crash():
    raise RuntimeError(SECRET)


def tells(reply, *names):
    """Whether each of these exceptions is in some record, with its traceback."""
    tracebacks = "".join(record.traceback for record in own_errors(reply))
    return [name in tracebacks for name in names]


def test_a_hook_that_fails_changes_nothing(ask):
    """The answer goes out, the crash is logged, and so is the failure of the hook."""
    told = []

    reply = ask(crash, on_error=(fails, lambda error, exc, trace_id: told.append(exc)))

    assert_shape(reply, "internal_error")
    assert tells(reply, SECRET, "OfTheLayersError") == [True, True]
    (exc,) = told  # the next hook is called all the same
    assert isinstance(exc, RuntimeError)


class Nameless:
    """A function that fails and cannot even be named."""

    __call__ = __repr__ = __str__ = fails


def test_a_hook_that_cannot_be_named_changes_nothing(ask):
    """What is said of it is not more fragile than what it did."""
    reply = ask(crash, on_error=(Nameless(),))

    assert_shape(reply, "internal_error")
    assert tells(reply, SECRET, "OfTheLayersError") == [True, True]


@pytest.mark.parametrize(
    "generate",
    [fails, lambda: None, lambda: "bad id\r\n", lambda: "x" * 129, Nameless()],
    ids=["raises", "None", "control characters", "too long", "nameless"],
)
def test_a_generator_that_fails_is_replaced(ask, generate):
    """The response has a fresh id, and the fault is logged."""
    reply = ask(crash, generate=generate)

    assert_shape(reply, "internal_error")
    assert any(
        "generate" in r.message or "gave no valid" in r.message or "failed" in r.message
        for r in reply.logged(logging.WARNING)
    )
    assert tells(reply, SECRET) == [True]


@pytest.mark.parametrize(
    "translation",
    [fails, lambda exc: None, lambda exc: "conflict", lambda exc: int],
    ids=["raises", "None", "a string", "a class"],
)
def test_a_translation_that_fails_hides_nothing(ask, translation):
    """What was to be translated is an unexpected failure then; both are logged."""

    class DomainError(Exception):
        pass

    def plan():
        raise DomainError(SECRET)

    reply = ask(plan, translate={DomainError: translation})

    assert_shape(reply, "internal_error")
    assert tells(reply, "DomainError: " + SECRET) == [True]
    assert any("translation of DomainError failed" in r.message for r in own_errors(reply))


@pytest.mark.parametrize(
    "message_for",
    [
        fails,
        Nameless(),
        lambda *args: 7,
        lambda *args: ("a", "b", "c"),
        lambda *args: ("a", "\r\n"),
    ],
    ids=["raises", "nameless", "a number", "three", "no tag"],
)
def test_a_message_that_cannot_be_made_is_the_errors_own(ask, message_for):
    """``message_for`` is asked for its words; where it has none, those of the error go out."""

    def plan():
        raise errorshape.ConflictError("Taken.")

    reply = ask(plan, message_for=message_for)

    assert (reply.status, reply.error["message"]) == (409, "Taken.")
    assert_shape(reply, "conflict")
    assert any("message_for failed" in record.message for record in own_errors(reply))


@pytest.mark.parametrize("name", ["on_error", "generate", "translate", "message_for"])
@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_process_passes_through(ask, name, end):
    """Whatever it meets: hooks, generators and translations are not asked to survive it."""

    def ends(*args):
        raise end

    class DomainError(Exception):
        pass

    def plan():
        raise DomainError(SECRET)

    options = {"on_error": (ends,), "generate": ends, "translate": {DomainError: ends}}
    options["message_for"] = ends
    reply = ask(plan, **{name: options[name]})

    assert isinstance(reply.failure, end)
    assert not reply.body
    assert errorshape.trace_id() is None


class Empty(errorshape.ConflictError):
    """An error that is a collection, with nothing in it."""

    def __len__(self):
        return 0


def test_an_error_is_sent_whatever_its_truth(ask):
    """It is asked what it is, never whether it is true."""

    def plan():
        raise Empty("Taken.")

    reply = ask(plan)

    if ask.stack.name == "django_wsgi_async_views":
        # asgiref asks: what it hands on to the thread that waits is that there is no exception.
        assert_shape(reply, "internal_error")
        return
    assert (reply.status, reply.error["message"]) == (409, "Taken.")
    assert_shape(reply, "conflict")


class Unequal(type):  # noqa: PLW1641 - that is what it is for
    """The metaclass of classes that no dictionary can hold."""

    def __eq__(cls, other):
        return NotImplemented


def unhashable():
    raise Unequal("UnhashableError", (Exception,), {})(SECRET)


def textless_with_a_cause():
    raise RuntimeError(Hostile()) from ValueError(SECRET)


def half_made(module, name):
    """Raise a framework's HTTP exception whose __init__ never ran: it has no status."""
    base = getattr(pytest.importorskip(module), name)
    cls = type("HalfMadeError", (base,), {"__init__": lambda self: None})

    def plan():
        raise cls

    return plan


def foreign():
    """Raise what is called as a framework's HTTP exception is, and is none."""
    cls = type("HTTPError", (Exception,), {"__module__": "falcon.http_error"})
    raise cls(SECRET)


@pytest.mark.parametrize(
    ("plan", "name"),
    [
        (unhashable, "UnhashableError"),
        (textless_with_a_cause, "RuntimeError"),
        (foreign, "HTTPError"),
        (half_made("werkzeug.exceptions", "HTTPException"), None),
        (half_made("starlette.exceptions", "HTTPException"), "HalfMadeError"),
        (half_made("rest_framework.exceptions", "APIException"), "HalfMadeError"),
        (half_made("litestar.exceptions", "HTTPException"), None),
        (half_made("ninja.errors", "HttpError"), "HalfMadeError"),
        (half_made("falcon", "HTTPError"), "HalfMadeError"),
    ],
    ids="unhashable textless foreign werkzeug starlette drf litestar ninja falcon".split(),
)
def test_an_exception_that_cannot_be_understood_is_a_crash(ask, plan, name):
    """It has an answer, and is itself on record, not only what went wrong in looking at it."""
    reply = ask(plan)

    assert reply.status == 500
    assert_shape(reply, reply.error["code"])
    assert name is None or tells(reply, name) == [True]
    failed = [record for record in own_errors(reply) if "translation of" in record.message]
    assert len(failed) <= 1


class Hostile:
    """A lazy string, a mapping and a value, none of which can be had."""

    def __str__(self):
        raise OfTheLayersError(SECRET)

    __repr__ = __bool__ = __len__ = __iter__ = keys = items = __getitem__ = __hash__ = __str__


class OfNoDictionary(metaclass=Unequal):
    """A value whose class no dictionary can hold."""


class HostileText(str):
    """A string by its class only."""

    __slots__ = ()

    def __str__(self):
        raise OfTheLayersError(SECRET)

    __repr__ = __len__ = __iter__ = encode = __str__


@pytest.mark.parametrize(
    "error",
    [
        lambda: errorshape.ConflictError(Hostile()),
        lambda: errorshape.ConflictError(HostileText("taken")),
        lambda: errorshape.ConflictError(OfNoDictionary()),
        lambda: errorshape.ConflictError("Taken.", details={"name": OfNoDictionary()}),
        lambda: errorshape.ConflictError("Taken.", details={"name": Hostile()}),
        lambda: errorshape.ConflictError("Taken.", details={"name": HostileText("taken")}),
        lambda: errorshape.ConflictError("Taken.", details=Hostile()),
        lambda: errorshape.ConflictError("Taken.", headers=Hostile()),
        lambda: errorshape.ConflictError("Taken.", headers={"X-Name": Hostile()}),
        lambda: errorshape.ConflictError("Taken.", headers=[Hostile()]),
    ],
    ids=(
        "message text of-no-dictionary of-no-dictionary-in-details detail detail-text details"
        " headers header pair"
    ).split(),
)
def test_an_error_that_cannot_be_read_is_sent(ask, error):
    """Whatever an error holds: its code and status go out, and nothing of what failed."""

    def plan():
        raise error()

    reply = ask(plan)

    assert reply.status == 409
    assert_shape(reply, "conflict")


@pytest.mark.parametrize("attribute", ["code", "status", "headers", "details", "message"])
def test_an_error_whose_attributes_fail_is_sent(ask, attribute):
    """A property that raises is no reason to send nothing."""
    broken = type("BrokenError", (errorshape.ConflictError,), {attribute: property(fails, fails)})
    error = broken.__new__(broken)
    Exception.__init__(error)
    for name in {"details", "headers"} - {attribute}:
        setattr(error, name, None)

    def plan():
        raise error

    reply = ask(plan)

    assert_shape(reply, reply.error["code"])
    assert reply.status in (409, 500)
    assert any("OfTheLayersError" in r.traceback for r in own_errors(reply))


def test_an_exception_without_a_text_is_a_crash(ask):
    """Its __str__ raises, in errorshape and in every formatter of tracebacks."""

    class MuteError(Exception):
        __str__ = __repr__ = fails

    def plan():
        raise MuteError

    reply = ask(plan)

    assert_shape(reply, "internal_error")
    assert tells(reply, "MuteError") == [True]


class FailingHandler(logging.Handler):
    def emit(self, record):
        raise OfTheLayersError


class FailingFilter(logging.Filter):
    def filter(self, record):
        raise OfTheLayersError


@contextmanager
def logging_fails(how):
    logger = logging.getLogger("errorshape")
    handler, failing, factory = FailingHandler(), FailingFilter(), logging.getLogRecordFactory()

    def failing_factory(name, *args, **kwargs):
        if name == "errorshape":
            raise OfTheLayersError
        return factory(name, *args, **kwargs)

    if how == "handler":
        logger.addHandler(handler)
    elif how == "filter":
        logger.addFilter(failing)
    else:
        logging.setLogRecordFactory(failing_factory)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.removeFilter(failing)
        logging.setLogRecordFactory(factory)


@pytest.mark.parametrize("how", ["handler", "filter", "factory"])
@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (crash, "internal_error"),
        (lambda: (_ for _ in ()).throw(errorshape.ConflictError()), "conflict"),
        (
            lambda: (_ for _ in ()).throw(errorshape.ServiceUnavailableError()),
            "service_unavailable",
        ),
    ],
    ids=["crash", "4xx", "5xx"],
)
def test_logging_that_fails_takes_nothing_with_it(ask, capsys, how, plan, code):
    """The answer goes out, and what could not be logged is on standard error."""
    with logging_fails(how):
        reply = ask(plan)

    assert_shape(reply, code)
    told = capsys.readouterr().err + "".join(r.traceback for r in reply.log_records)
    assert code == "internal_error" or "OfTheLayersError" in told
    assert code != "internal_error" or SECRET in told


@pytest.mark.parametrize("how", ["handler", "filter", "factory"])
def test_logging_that_fails_does_not_hide_why_a_stream_is_cut(ask, capsys, how):
    """The server gets the failure of the stream, not that of the handler."""

    def plan():
        return script.Answer(chunks=(b"first,", RuntimeError(SECRET)))

    with logging_fails(how):
        reply = ask(plan)

    assert (reply.body, reply.complete) == (b"first,", False)
    # Litestar and Quart hand it on in a wrapping of theirs.
    assert isinstance(only_leaf(reply.failure), RuntimeError)
    assert SECRET in str(only_leaf(reply.failure))
    assert SECRET in capsys.readouterr().err


def test_standard_error_that_is_closed_is_no_failure(ask, monkeypatch):
    """There is nobody left to tell: the answer still goes out."""

    class Closed:
        def write(self, text):
            raise ValueError("I/O operation on closed file")

        flush = write

    stack_stderr = Closed()

    def plan():
        monkeypatch.setattr("sys.stderr", stack_stderr)
        raise errorshape.ServiceUnavailableError

    try:
        with logging_fails("handler"):
            reply = ask(plan)
    finally:
        monkeypatch.undo()

    assert_shape(reply, "service_unavailable")


def test_an_encoder_that_fails_is_no_failure(ask, monkeypatch):
    """Even where nothing can be encoded a constant, valid body is sent."""
    monkeypatch.setattr(body, "_encode_any", fails)
    monkeypatch.setattr(body, "_is_plain", fails)

    def plan():
        raise errorshape.ConflictError("x" * 2_000)

    reply = ask(plan)

    assert reply.status == 409
    assert_shape(reply, "internal_error")
