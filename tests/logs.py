"""Log records as a handler writes them: formatted with ``%(trace_id)s``, and read back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

_FIELD, _END = "\x1f", "\x1e\n"
_FORMAT = _FIELD.join(("%(name)s", "%(levelno)s", "%(trace_id)s", "%(message)s", ""))

#: Loggers of servers: their records carry the trace id, but what they say is theirs.
SERVERS = ("server", "uvicorn", "hypercorn", "granian", "_granian", "gunicorn", "waitress", "asyncio")


class Record(NamedTuple):
    """One record as it was written; a record that could not be formatted has no trace id."""

    logger: str
    level: int
    trace_id: str | None
    message: str
    traceback: str = ""

    @property
    def is_of_server(self) -> bool:
        """Whether the server wrote it, not the application, the framework or errorshape."""
        return self.logger.partition(".")[0] in SERVERS


class _Collector(logging.Handler):
    """Formats each record at once, as a handler that writes does, and keeps what came out."""

    def __init__(self, records: list[Record]) -> None:
        super().__init__()
        self.records = records
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.records += parse(self.format(record) + _END)
        except (KeyError, ValueError):
            failed = Record(record.name, record.levelno, None, str(record.msg))
            self.records.append(failed)


def parse(text: str) -> list[Record]:
    """Read records back from what a handler has written."""
    return [_record(written) for written in text.split(_END) if written]


def _record(written: str) -> Record:
    logger, level, trace_id, message, traceback = written.split(_FIELD)
    return Record(logger, int(level), trace_id, message, traceback.strip())


@contextmanager
def captured() -> Iterator[list[Record]]:
    """Collect every record of this process, of whatever logger and level."""
    records: list[Record] = []
    with _handling(_Collector(records)):
        yield records


def write_to(path: str) -> None:
    """Write every record of this process to a file, from here on."""
    handler = logging.FileHandler(path, mode="w", encoding="utf-8", errors="backslashreplace")
    handler.terminator = _END
    handler.setFormatter(logging.Formatter(_FORMAT))
    _prepare_root()
    logging.getLogger().addHandler(handler)


@contextmanager
def _handling(handler: logging.Handler) -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    _prepare_root()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _prepare_root() -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    # It tells which selector an event loop uses, for each loop.
    logging.getLogger("asyncio").setLevel(logging.INFO)
