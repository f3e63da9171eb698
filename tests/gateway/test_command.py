"""``errorshape gateway`` on the command line."""

from __future__ import annotations

import pytest

from errorshape.cli import main
from errorshape.contract.gateway.command import PROXIES, render
from errorshape.contract.gateway.plan import Address, Plan
from tests.gateway import odd


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_file_is_printed_that_says_what_it_is(proxy, capsys) -> None:
    """The first lines say what made it, what it was tested with and what the proxy cannot do."""
    assert main(["gateway", proxy]) == 0
    out = capsys.readouterr().out
    assert out == render(proxy, Plan())
    head = out.partition("cannot do:")[0]
    assert f"`errorshape gateway {proxy}`" in head
    assert "Tested with" in head
    assert head.count("\n") < 7


def test_options_are_taken(capsys) -> None:
    """Each of them."""
    argv = (
        "gateway nginx --upstream app.internal:9000 --listen [::1]:80 --catalog"
        " tests.gateway.odd:CATALOG --header X-Trace --edge --timeout 5 --max-body 99 --rate 3"
        " --retry-after 0 --log /tmp/access.log"
    )
    assert main(argv.split()) == 0
    plan = Plan(
        upstream=Address("app.internal", 9000),
        listen=Address("[::1]", 80),
        catalog=odd.CATALOG,
        header="X-Trace",
        edge=True,
        timeout=5,
        max_body=99,
        rate=3,
        retry_after=0,
        log="/tmp/access.log",
    )
    assert capsys.readouterr().out == render("nginx", plan)


def test_a_file_is_written(tmp_path, capsys) -> None:
    """--output, and nothing is printed."""
    path = tmp_path / "errorshape.cfg"
    assert main(["gateway", "haproxy", "--output", str(path)]) == 0
    assert path.read_text() == render("haproxy", Plan())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("apache", "invalid choice"),
        ("nginx --upstream 8000", "has no host: write it as HOST:PORT"),
        ("nginx --upstream http://app", "is no address"),
        ("nginx --upstream app:99999", "is no address"),
        ("nginx --listen a;b:80", "is no address"),
        ("nginx --listen app:0", "is no address"),
        ("nginx --header X_Request_Id", "letters, digits and hyphens"),
        ("nginx --header 1d", "letters, digits and hyphens"),
        ("nginx --log a;b", "cannot be written"),
        ("nginx --timeout 0", "no whole number from 1"),
        ("nginx --timeout 1.5", "no whole number from 1"),
        ("nginx --retry-after -1", "no whole number from 0"),
        ("nginx --rate many", "no whole number from 1"),
    ],
)
def test_wrong_arguments_are_named_with_the_remedy(arguments, said, capsys) -> None:
    """Nothing that could be syntax to a proxy gets into its file."""
    with pytest.raises(SystemExit) as exit_:
        main(["gateway", *arguments.split()])
    assert exit_.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("caddy --rate 5", "Caddy limits no rates"),
        ("nginx --catalog nowhere:CATALOG", "There is no module 'nowhere'"),
        ("nginx --output /nowhere/at/all", "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(arguments, said, capsys) -> None:
    """Exit code 2, and no traceback."""
    assert main(["gateway", *arguments.split()]) == 2
    assert said in capsys.readouterr().err
