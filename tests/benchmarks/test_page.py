"""What the page says of real servers is what was measured."""

import pytest

from benchmarks import page


def row(loss, spread, rate=10_000.0):
    return {"requests/s": rate, "p99 ms": 3.0, "loss": loss, "spread": spread}


def said(groups):
    """Return the table and the text on the bounds."""
    return "\n".join(page.section("servers", groups)), "\n".join(page.lost(groups))


@pytest.mark.parametrize(
    ("loss", "spread", "verdict"),
    [
        (1.9, 0.5, "below"),
        (-0.4, 0.5, "below"),
        (2.1, 0.5, "**above**"),
        (18.5, 12.0, "**above**"),
        (2.1, 2.2, "within the noise"),
        (-52.0, 26.0, "within the noise"),
    ],
)
def test_a_loss_is_judged(loss, spread, verdict):
    """By the bound and by its own spread: what varies by more than the bound says nothing about it."""
    table, text = said({"FastAPI on uvicorn": {"bare": row(0, 0), "errorshape": row(loss, spread)}})

    assert table.endswith(f"| {loss:.1f} | {spread:.1f} | {verdict} |\n")
    assert f"  - {verdict}: FastAPI on uvicorn {loss:.1f} % (± {spread:.1f})." in text


def test_what_stands_in_the_way_is_said():
    """The minimum that is above by itself, and what an application takes that does nothing."""
    rows = {"bare": row(0, 0), "minimum": row(10, 1), "errorshape": row(20, 1)}

    text = " ".join(said({"raw ASGI on granian": rows})[1].split())

    assert (
        "by itself, so that no code that does the same can be within: raw ASGI on granian" in text
    )
    assert "takes 100 µs for a request, of which the bound leaves 2.0 µs" in text
    assert "errorshape takes 25 µs." in text


def test_nothing_stands_in_the_way_of_what_is_within():
    """Nor is anything said of a minimum that is."""
    rows = {"bare": row(0, 0), "minimum": row(1, 0.1), "errorshape": row(1.5, 0.1)}

    text = said({"raw ASGI on granian": rows})[1]

    assert text.count("\n  - ") == 1
    assert "  - below: raw ASGI on granian 1.5 %" in text
