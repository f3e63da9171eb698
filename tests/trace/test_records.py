"""Log records with a trace id: whatever formats, copies, sends or makes them."""

import copy
import io
import json
import logging
import logging.config
import logging.handlers
import pickle
import queue
import socket
import struct
import subprocess
import sys
import threading

import pytest
from pythonjsonlogger.json import JsonFormatter

import errorshape
from errorshape.trace import records
from errorshape.trace.context import ENDED_A_REQUEST, Trace, current
from errorshape.trace.records import TraceRecord, install

ID = "order-7"


@pytest.fixture(autouse=True)
def _installed():
    """Each test begins with our factory and in a request, and leaves nothing behind."""
    factory, before = logging.getLogRecordFactory(), current.get()
    logging.setLogRecordFactory(logging.LogRecord)
    install()
    current.set(ID)
    yield
    current.set(before)
    logging.setLogRecordFactory(factory)


@pytest.fixture
def logger():
    logger = logging.Logger("app", logging.DEBUG)  # noqa: LOG001 - one that nobody else has
    logger.written = io.StringIO()
    return logger


def written(logger, formatter, handler=None):
    """Have the logger write through this formatter; what is written is ``logger.written``."""
    handler = handler or logging.StreamHandler(logger.written)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    return logger


@pytest.mark.parametrize(
    "formatter",
    [
        logging.Formatter("%(trace_id)s %(levelno)s %(message)s"),
        logging.Formatter("{trace_id} {levelno} {message}", style="{"),
        logging.Formatter("$trace_id $levelno $message", style="$"),
        logging.Formatter("%(trace_id)s %(levelno)s %(message)s", defaults={"trace_id": "-"}),
    ],
    ids=["percent", "brace", "dollar", "defaults"],
)
def test_every_style_of_format_has_it(logger, formatter):
    """As any attribute of a record, with or without a default, next to all the others."""
    written(logger, formatter).info("hello %s", "you")

    assert logger.written.getvalue() == f"{ID} 20 hello you\n"


@pytest.mark.parametrize("message", ["text", "%d %s", {"a": 1}, 7, None, ValueError("x")])
def test_every_kind_of_message_has_it(logger, message):
    """Also one that is no string, of which a formatter may never ask for the text."""
    seen = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(dict(record.__dict__))
    logger.addHandler(handler)
    logger.info(message)

    assert seen[0]["trace_id"] == ID
    assert seen[0]["levelno"] == logging.INFO
    assert not [key for key in seen[0] if "errorshape" in key]


@pytest.mark.parametrize("message", ["hello", {"event": "hello"}])
def test_python_json_logger_writes_it(logger, message):
    """Among the extras, without its being named; of a dictionary, too."""
    written(logger, JsonFormatter("%(levelname)s %(message)s")).info(message)
    line = json.loads(logger.written.getvalue())

    assert line["trace_id"] == ID
    assert not [key for key in line if "errorshape" in key]


def test_dict_config_needs_no_filter():
    """The formatter alone names it."""
    stream = io.StringIO()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"short": {"format": "[%(trace_id)s] %(message)s"}},
            "handlers": {
                "s": {"class": "logging.StreamHandler", "stream": stream, "formatter": "short"}
            },
            "loggers": {"configured": {"handlers": ["s"], "level": "INFO", "propagate": False}},
        }
    )
    logging.getLogger("configured").info("hello")

    assert stream.getvalue() == f"[{ID}] hello\n"


def test_outside_of_a_request_it_is_a_dash(logger):
    """So that a format with it always has something to write."""
    current.set(None)
    written(logger, logging.Formatter("%(trace_id)s")).info("hello")

    assert logger.written.getvalue() == "-\n"


def test_a_trace_is_written_as_its_id(logger):
    """The rest of what a request passes on is for its calls."""
    current.set(Trace(ID, "00-" + "1" * 32 + "-" + "1" * 16 + "-00"))
    written(logger, logging.Formatter("%(trace_id)s")).info("hello")

    assert logger.written.getvalue() == f"{ID}\n"


@pytest.mark.parametrize("value", ["mine", None, 7])
def test_the_applications_extra_stays(logger, value):
    """``extra`` may name what the record is about to have, and wins."""
    written(logger, JsonFormatter("%(trace_id)s")).info("hello", extra={"trace_id": value, "a": 1})
    line = json.loads(logger.written.getvalue())

    assert line == {"trace_id": value, "a": 1}


def test_an_adapters_extra_stays(logger):
    """As by ``LoggerAdapter``."""
    written(logger, logging.Formatter("%(trace_id)s"))
    logging.LoggerAdapter(logger, {"trace_id": "mine"}).info("hello")

    assert logger.written.getvalue() == "mine\n"


def test_a_filter_sees_and_sets_it(logger):
    """A filter of the logger comes before any handler; of what it sets nothing is lost."""
    seen = []

    def look(record):
        seen.append((record.trace_id, record.levelno))
        record.trace_id, record.levelno = "mine", logging.ERROR
        return True

    logger.addFilter(look)
    written(logger, logging.Formatter("%(trace_id)s %(levelno)s")).info("hello")

    assert seen == [(ID, logging.INFO)]
    assert logger.written.getvalue() == f"mine {logging.ERROR}\n"


def test_a_queue_hands_it_to_another_thread(logger):
    """The id is that of where the record was made, not of where it is written."""
    records = queue.Queue()
    stream = logging.StreamHandler(logger.written)
    stream.setFormatter(logging.Formatter("%(trace_id)s %(message)s"))
    listener = logging.handlers.QueueListener(records, stream, respect_handler_level=True)
    logger.addHandler(logging.handlers.QueueHandler(records))
    listener.start()
    logger.info("hello")
    current.set("another")
    listener.stop()

    assert logger.written.getvalue() == f"{ID} hello\n"


def test_memory_hands_it_on_later(logger):
    """Records that wait keep the id that they were made with."""
    stream = logging.StreamHandler(logger.written)
    stream.setFormatter(logging.Formatter("%(trace_id)s"))
    memory = logging.handlers.MemoryHandler(10, target=stream)
    logger.addHandler(memory)
    logger.info("hello")
    current.set("another")
    memory.flush()
    memory.close()

    assert logger.written.getvalue() == f"{ID}\n"


def test_a_socket_sends_it(logger):
    """``SocketHandler`` pickles what the record has, and ``makeLogRecord`` takes it as it comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        handler = logging.handlers.SocketHandler(*server.getsockname())
        logger.addHandler(handler)
        logger.info("hello")
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as received:
            (length,) = struct.unpack(">L", received.read(4))
            fields = pickle.loads(received.read(length))
        handler.close()
    current.set("another")

    assert fields["trace_id"] == ID
    assert not [key for key in fields if "errorshape" in key]
    assert logging.makeLogRecord(fields).trace_id == ID


def test_a_record_of_a_process_without_it_is_made_here():
    """What ``makeLogRecord`` gets without an id is a record of the request that makes it."""
    record = logging.makeLogRecord({"msg": "hello", "levelno": 30})

    assert (record.levelno, record.trace_id, record.getMessage()) == (30, ID, "hello")


def test_a_level_set_before_anybody_looks_is_kept():
    """As by a factory around ours."""
    record = made()
    record.levelno = logging.ERROR

    assert (record.levelno, record.__dict__["levelno"]) == (logging.ERROR, logging.ERROR)


def made(*args, **kwargs):
    """Make a record as a logger does, before anybody has looked at it."""
    return logging.getLogger("app").makeRecord(
        "app", 20, "f", 1, "hello", (), None, *args, **kwargs
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_record_is_a_plain_one(protocol):
    """So that a process without errorshape reads it; whoever has looked at it before."""
    again = pickle.loads(pickle.dumps(made(), protocol))

    assert type(again) is logging.LogRecord
    assert (again.trace_id, again.levelno, again.getMessage()) == (ID, 20, "hello")
    assert not [key for key in again.__dict__ if "errorshape" in key]


def test_a_pickled_record_is_read_without_errorshape():
    """As by a process that only collects logs."""
    code = (
        "import pickle, sys; record = pickle.load(sys.stdin.buffer)\n"
        "print(record.trace_id, record.getMessage(), 'errorshape' in sys.modules)"
    )
    sent = pickle.dumps(made())
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)

    assert done.stdout.decode().split() == [ID, "hello", "False"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_has_the_same_id(copied):
    """Handlers copy records to change them."""
    record = made(extra={"a": 1})
    current.set("another")
    again = copied(record)

    assert (again.trace_id, again.levelno, again.a) == (ID, 20, 1)


# --- other factories ------------------------------------------------------------------------------


class Foreign(logging.LogRecord):
    """The record of somebody else."""

    def shout(self):
        return self.getMessage().upper()


class Slotted(logging.LogRecord):
    """A record with a slot."""

    __slots__ = ("seat",)

    def __init__(self, *args):
        super().__init__(*args)
        self.seat = "12A"


class Final(logging.LogRecord):
    """A record whose class is not to be subclassed."""

    def __init_subclass__(cls):
        raise TypeError("final")


def plain_function(*args, **kwargs):
    record = logging.LogRecord(*args, **kwargs)
    record.host = "here"
    return record


@pytest.mark.parametrize("foreign", [plain_function, Foreign], ids=["function", "class"])
def test_a_factory_before_ours_still_makes_the_records(logger, foreign):
    """Its records are traced, keep what they have and can do, and take an ``extra``."""
    logging.setLogRecordFactory(foreign)
    install()
    install()
    seen = []
    handler = logging.Handler()
    handler.emit = seen.append
    logger.addHandler(handler)
    logger.info("hello")
    logger.info("hello", extra={"trace_id": "mine"})

    assert [record.__dict__["trace_id"] for record in seen] == [ID, "mine"]
    if foreign is Foreign:
        assert [record.shout() for record in seen] == ["HELLO"] * 2
        assert all(isinstance(record, Foreign) for record in seen)
        assert type(pickle.loads(pickle.dumps(seen[0]))) is Foreign
    else:
        assert seen[0].host == "here"


def test_the_slots_of_a_record_stay():
    """Also when it is pickled, as what it was."""
    logging.setLogRecordFactory(Slotted)
    install()
    record = made(extra={"trace_id": "mine"})
    again = pickle.loads(pickle.dumps(record))

    assert (record.seat, record.trace_id) == (again.seat, again.trace_id) == ("12A", "mine")
    assert type(again) is Slotted


def test_records_that_cannot_be_ours_have_the_id_all_the_same(logger):
    """Only an ``extra`` of this name is then refused by the standard library."""
    logging.setLogRecordFactory(Final)
    install()
    written(logger, logging.Formatter("%(trace_id)s %(levelno)s")).info("hello")

    assert logger.written.getvalue() == f"{ID} 20\n"


def test_a_factory_after_ours_gets_our_records(logger):
    """It may look at them before the application's ``extra`` has come."""
    ours = logging.getLogRecordFactory()
    seen = []

    def factory(*args, **kwargs):
        record = ours(*args, **kwargs)
        seen.append(record.name)
        return record

    logging.setLogRecordFactory(factory)
    install()
    written(logger, logging.Formatter("%(trace_id)s")).info("hello", extra={"trace_id": "mine"})

    assert seen == ["app"]
    assert logger.written.getvalue() == "mine\n"


def test_installing_twice_changes_nothing():
    """Adapters, the AppConfig and ``bind_trace_id`` all do it."""
    before = logging.getLogRecordFactory()
    errorshape.trace.install()

    assert logging.getLogRecordFactory() is before is TraceRecord


# --- records about a request that is over ----------------------------------------------------


def test_what_is_logged_of_an_exception_knows_the_request_it_has_ended(logger):
    """A WSGI server logs it when it has closed the response, and with it left the request."""
    current.set(None)
    written(logger, logging.Formatter("%(trace_id)s %(message)s"))
    logger.handlers[0].formatter.formatException = lambda exc_info: ""
    exc = ValueError()
    exc.__dict__[ENDED_A_REQUEST] = ID
    try:
        raise exc
    except ValueError:
        logger.info("no traceback")
        logger.exception("with traceback")
    logger.error("later", exc_info=exc)
    logger.info("the next")
    logger.error("of another", exc_info=KeyError())
    lines = [line for line in logger.written.getvalue().splitlines() if line]

    assert lines == [
        f"{ID} no traceback",
        f"{ID} with traceback",
        f"{ID} later",
        "- the next",
        "- of another",
    ]


class Asked:
    """A request as Django hands it to its loggers."""

    def __init__(self, meta):
        self.META = meta


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Asked({"errorshape.marks": {"trace_id": ID}}), ID),
        (Asked({}), "-"),
        (Asked(None), "-"),
        ("a socket", "-"),
    ],
)
def test_djangos_request_tells_its_id(request_, expected):
    """Django logs some failures after the middleware has returned."""
    current.set(None)

    assert made(extra={"request": request_}).trace_id == expected


@pytest.mark.parametrize(
    "function", ["handle_events", "handle_remote_protocol_error", "on_headers_complete"]
)
def test_uvicorns_words_on_the_next_request_are_not_of_this_one(function):
    """It reads on inside the end of a response (h11), in the context of its request."""
    record = logging.getLogger("uvicorn.error").makeRecord(
        "uvicorn.error", 30, "f", 1, "Invalid HTTP request received.", (), None, function
    )

    assert record.trace_id == "-"
    assert made(func=function).trace_id == ID


class Cycle:
    """As uvicorn has one for each request."""

    def __init__(self, scope):
        self.scope = scope

    def log(self, name):
        seen = []
        handler = logging.Handler()
        handler.emit = lambda record: seen.append(record.trace_id)
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        try:
            logger.error("of a request")
        finally:
            logger.removeHandler(handler)
        return seen[0]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [({"errorshape": {"trace_id": "its own"}}, "its own"), ({}, "-"), (None, ID)],
    ids=["seen by the middleware", "not seen by it", "of no request"],
)
@pytest.mark.parametrize("name", ["uvicorn.error", "uvicorn.access"])
def test_what_uvicorn_logs_is_asked_for_by_the_scope(monkeypatch, name, scope, expected):
    """Where an adapter inside of it could not take the id of the request before away."""
    monkeypatch.setattr(records, "ask_scopes", True)

    assert Cycle(scope).log(name) == expected
    assert Cycle(scope).log("app") == ID


def test_nobody_asks_for_the_scope_where_the_wrap_is(monkeypatch):
    """There the context is right, and a frame costs more than a look at it."""
    monkeypatch.setattr(records, "ask_scopes", False)

    assert Cycle({}).log("uvicorn.access") == ID


def test_a_record_that_uvicorn_did_not_make_keeps_its_id(monkeypatch):
    """One that is made over from another process, for one."""
    monkeypatch.setattr(records, "ask_scopes", True)
    record = logging.getLogger("uvicorn.access").makeRecord(
        "uvicorn.access", 20, "/nowhere.py", 1, "GET / 200", (), None, "send"
    )

    assert record.trace_id == ID


def test_no_thread_sees_the_id_of_another(logger):
    """Records made side by side have each their own."""
    written(logger, logging.Formatter("%(trace_id)s %(message)s"))

    def work(name):
        current.set(name)
        for _ in range(50):
            logger.info(name)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = logger.written.getvalue().splitlines()

    assert len(lines) == 400
    assert all(line.split()[0] == line.split()[1] for line in lines)
