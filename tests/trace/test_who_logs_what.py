"""The table "who logs what" of the docs: what it says is what is measured."""

import re
from pathlib import Path

import django
import pytest

from tests.trace import who_logs_what
from tests.trace.who_logs_what import COLUMNS, IMPOSSIBLE, ROWS

DOCS = Path(__file__).parents[2] / "docs" / "who-logs-what.md"

# Each starts a server and takes some seconds: one a kind here, all of them in tox's `servers`.
SOME = (
    ("uvicorn-h11", "django_asgi"),
    ("granian", "django_asgi"),
    ("gunicorn-gthread", "flask"),
)


@pytest.mark.parametrize(("server", "stack"), SOME)
def test_every_line_has_the_right_id(server, stack):
    """The application's and the server's own; and what is malformed has none."""
    with who_logs_what.serving(server, stack) as measurement:
        shares = measurement.run()

    assert not measurement.wrong
    assert shares["application"][1] > 20


@pytest.mark.parametrize("kind", ["h11", "httptools"])
def test_what_fails_before_the_middleware_has_no_id_of_another(kind):
    """Django cannot read the request; uvicorn had begun it in the context of the one before."""
    with who_logs_what.serving(f"uvicorn-{kind}", "django_asgi") as measurement:
        good = measurement.written("good")
        unread = measurement.written("unread").replace(
            b"\r\n\r\n", b"\r\nContent-Type: text/plain; x*=utf-99''%41\r\n\r\n"
        )
        measurement.talk(good + unread, wait=0.5)
        records = measurement.records()

    of_uvicorn = [(r.trace_id, "500" in r.message) for r in records if r.is_of_server]
    assert of_uvicorn == [("good", False), ("-", False), ("-", True)]


@pytest.mark.parametrize("stack", ["django_asgi", "django_asgi_wrapped"])
def test_hypercorns_line_of_a_cut_response(stack):
    """It is the one that Django up to 6.0 keeps the id from, where there is no wrap."""
    with who_logs_what.serving("hypercorn", stack) as measurement:
        measurement.one_by_one()
    missed = [(column, record.trace_id) for column, record in measurement.wrong]

    impossible = django.VERSION < (6, 1) and stack == "django_asgi"
    assert missed == ([("access", "-")] * 2 if impossible else [])


def test_where_it_is_impossible_the_line_names_the_header():
    """hypercorn around a WSGI application, with the format that the docs give."""
    with who_logs_what.serving("hypercorn", "raw_wsgi") as measurement:
        measurement.one_by_one()
    lines = [record.message for column, record in measurement.wrong if column == "access"]

    # The last one of a round of five is cut: hypercorn counts it as no response.
    expected = [f"one-{n}]" if n % 5 != 4 else "-]" for n in range(10)]
    assert [line.partition("[")[2] for line in lines] == expected


def cells():
    """Read the table: server, stack and column, and what the cell says."""
    for line in DOCS.read_text().splitlines():
        parts = [part.strip() for part in line.strip("|").split("|")]
        if tuple(parts[:2]) in ROWS:
            for column, cell in zip(COLUMNS, parts[2:], strict=True):
                yield (*parts[:2], column), cell


def test_the_table_has_every_row():
    """Each server with each stack, as it was measured last."""
    assert {key[:2] for key, _ in cells()} == set(ROWS)


def test_every_cell_is_100_percent_but_for_what_is_impossible():
    """What a server makes impossible is named there, with a recipe."""
    for key, cell in cells():
        assert re.fullmatch(r"none|\d+ % of \d+", cell), (key, cell)
        if key in IMPOSSIBLE:
            assert cell.startswith("0 %")
        else:
            assert cell == "none" or cell.startswith("100 %"), (key, cell)
