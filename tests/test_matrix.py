"""The coverage matrix, held against real servers; ``ERRORSHAPE_MATRIX=full`` for all of it."""

import os
from pathlib import Path

import pytest

from tests.clients import OverServer
from tests.matrix import COLUMNS, REPRESENTATIVE, SERVERS
from tests.matrix.__main__ import PAGE, table
from tests.matrix.cases import CASES
from tests.matrix.impossible import REASONS, reason

FULL = os.environ.get("ERRORSHAPE_MATRIX") == "full"
CELLS = [
    (stack, server)
    for stack in COLUMNS
    for server in SERVERS[stack.protocol]
    if FULL or (stack.name, server) in REPRESENTATIVE
]


class Column:
    """A stack on a server, as the parameter of a test."""

    def __init__(self, stack, server):
        self.stack, self.server = stack, server
        self.requires = stack.requires

    def __str__(self):
        return f"{self.stack}@{self.server}"


@pytest.fixture(scope="module", params=[Column(*cell) for cell in CELLS], ids=str)
def client(request, tmp_path_factory):
    """One stack on one real server; the next one starts when this one has ended."""
    column = request.param
    log = tmp_path_factory.mktemp("matrix") / "log"
    environment = {"ERRORSHAPE_MATRIX_ABOVE": "1"}
    client = OverServer.started(column.stack, column.server, log, threads=8, env=environment)
    yield client
    client.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cell(client, case):
    """The failure has the shape, or is listed as impossible and is what the list says."""
    why = reason(case.name, client.stack, client.server)
    if why is None:
        case.check(client)
    elif why.instead is not None:
        why.instead(client)
        with pytest.raises(AssertionError):
            case.check(client)


def test_the_page_is_current():
    """docs/coverage-matrix.md is what ``python -m tests.matrix`` writes."""
    assert Path(PAGE).read_text(encoding="utf-8") == table()


def test_every_reason_is_used():
    """No excuse stays when its cell is shaped."""
    cells = [(c.name, s, server) for c in CASES for s in COLUMNS for server in SERVERS[s.protocol]]
    used = {id(reason(*cell)) for cell in cells}
    assert {id(why) for why in REASONS} <= used


def test_every_adapter_is_represented():
    """The default run has every framework and every server once."""
    names = {name for name, _ in REPRESENTATIVE}
    frameworks = {stack.framework for stack in COLUMNS if stack.name in names}
    assert frameworks | {"raw"} == {stack.framework for stack in COLUMNS}
    assert {server for _, server in REPRESENTATIVE} == {
        s for some in SERVERS.values() for s in some
    }
