"""What goes into every proxy's file: messages that are JSON, and syntax to none of them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import errorshape
from errorshape import Catalog
from errorshape.cli import CommandError
from errorshape.contract.gateway.command import PROXIES, render
from errorshape.contract.gateway.plan import STATUSES, Address, Plan, envelope, quoted
from errorshape.core.catalog import class_for_status
from tests.gateway import odd, proxies

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
#: What some proxy could read as its own, but for the apostrophe.
SYNTAX = re.compile(r"""[$%{}`]|\\(?!u[0-9a-f]{4})""")


@given(ANY_TEXT | st.text(st.sampled_from("\"'`\\$%{}#;<>&*!|\n\r\t\0 nrtu0")))
@example(odd.SYNTAX)
@example("\\u0041\\n")
def test_a_message_is_json_without_any_syntax(message) -> None:
    """It reads back as it was; on one line, and with nothing that a proxy or a person stumbles over."""
    written = quoted(message)
    assert json.loads(written) == message
    assert written.isprintable()
    assert not SYNTAX.search(written)
    assert '"' not in written[1:-1]


def test_what_people_write_stays_as_they_wrote_it() -> None:
    """Letters of all scripts, digits, blanks and marks."""
    assert quoted("Der Dienst ist überlastet; 再试一次! Don't worry.") == (
        '"Der Dienst ist überlastet; 再试一次! Don\'t worry."'
    )


@given(
    st.one_of(
        ANY_TEXT,
        st.integers(),
        st.just("\ud800"),
        st.just(""),
        st.text(min_size=900, max_size=1200),
    )
)
def test_every_message_that_a_class_may_have_is_a_valid_body(message) -> None:
    """As the application itself would send it: bounded, never empty, without lone surrogates."""
    entry = type("E", (errorshape.BadGatewayError,), {"message": message})
    written = envelope(Plan(catalog=Catalog(entry)).error(502), "id-1")
    layer = errorshape.ErrorLayer(Catalog(entry), generate=lambda: "id-1")
    assert json.loads(written) == json.loads(layer.respond(entry()).body)


@pytest.mark.parametrize("proxy", PROXIES)
def test_every_row_of_the_table_is_in_every_file(proxy) -> None:
    """So that a proxy's later version, a module or a user's rule finds its error there."""
    text = render(proxy, Plan())
    # HAProxy takes replies for those alone that it can give.
    for status in {413, 414, 429, 431, 502, 503, 504} if proxy == "haproxy" else STATUSES:
        assert f'"{class_for_status(status).code}","message"' in text


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_catalogues_own_messages_are_in_the_file(proxy) -> None:
    """The entry of a standard code is preferred to the standard one."""

    class Busy(errorshape.ServiceUnavailableError):
        message = "Please hold the line."

    assert '"service_unavailable","message":"Please hold the line."' in render(
        proxy, Plan(catalog=Catalog(Busy))
    )


# --- the proxies' own judgement -------------------------------------------------------------------


def judged(proxy: str, file: Path) -> str:
    """Have a proxy check a file; return what it says against it."""
    command = proxies.COMMANDS[proxy](file)
    if proxy == "caddy":
        command[1] = "validate"
    command += {"nginx": ["-t"], "haproxy": ["-c"], "envoy": ["--mode", "validate"]}.get(proxy, [])
    done = subprocess.run(
        command, cwd=file.parent, capture_output=True, text=True, check=False, timeout=30
    )
    said = done.stdout + done.stderr
    # What each writes where it warns: a warning is somebody's work later.
    warned = re.findall(r"(?im)^.*\[?(?:warn|alert|emerg)\b.*$", said) if proxy != "envoy" else []
    return said if done.returncode else "\n".join(warned)


MESSAGES = st.lists(ANY_TEXT, min_size=len(STATUSES), max_size=len(STATUSES))


@pytest.mark.parametrize("proxy", PROXIES)
def test_every_proxy_takes_every_message(proxy, tmp_path_factory) -> None:
    """A whole catalogue of them at a time."""
    standard = {entry.status: entry for entry in reversed(list(errorshape.STANDARD))}

    @settings(max_examples=4, suppress_health_check=list(HealthCheck))
    @given(MESSAGES)
    @example(["%[#{$'\\\"`''"] * len(STATUSES))
    def check(messages) -> None:
        entries = [
            type("E", (standard[status],), {"message": message})
            for status, message in zip(STATUSES, messages, strict=True)
        ]
        file = tmp_path_factory.mktemp(proxy) / f"errorshape.{proxies.SUFFIX[proxy]}"
        plan = Plan(
            catalog=Catalog(*entries), listen=Address("127.0.0.1", 1), log=str(file) + ".log"
        )
        file.write_text(render(proxy, plan if proxy != "haproxy" else Plan(catalog=plan.catalog)))
        assert judged(proxy, file) == ""

    check()


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("edge", [False, True], ids=["inside", "edge"])
def test_every_option_makes_a_file_that_the_proxy_takes(proxy, edge, tmp_path) -> None:
    """Names, IPv6, all addresses, another header, a rate, a log."""
    plan = Plan(
        listen=Address("[::1]", 8443),
        upstream=Address("localhost", 9000),
        header="X-Correlation-Id",
        edge=edge,
        rate=None if proxy == "caddy" else 10,
        log={"haproxy": "127.0.0.1:514", "caddy": "stderr"}.get(proxy, str(tmp_path / "log")),
    )
    for number, each in enumerate(
        [plan, Plan(edge=edge, log=None if proxy != "nginx" else plan.log)]
    ):
        file = tmp_path / str(number) / f"errorshape.{proxies.SUFFIX[proxy]}"
        file.parent.mkdir()
        file.write_text(render(proxy, each))
        assert judged(proxy, file) == ""


def test_caddy_says_that_it_limits_no_rates() -> None:
    """A file that would not do what was asked for is not made."""
    with pytest.raises(CommandError, match="leave --rate out"):
        render("caddy", Plan(rate=5))
