"""``errorshape diff``: what breaks clients, what does not, and the text for the CHANGELOG."""

from __future__ import annotations

import copy
import json

import msgspec
import pytest

import errorshape
from errorshape import cli
from errorshape.contract.codes import render
from errorshape.contract.diff import as_markdown, changes
from errorshape.contract.reference import Reference, reference
from tests.openapi.shop import CATALOG

OLD = msgspec.to_builtins(reference(CATALOG))


def changed(change) -> list[tuple[str, bool, str]]:
    """Change a copy of the reference and return what the diff says."""
    new = copy.deepcopy(OLD)
    change(new)
    found = changes(msgspec.convert(OLD, Reference), msgspec.convert(new, Reference))
    return [(each.kind, each.breaking, each.text) for each in found]


def entry(made, code="out_of_stock"):
    """Return the entry of a code."""
    return next(each for each in made["codes"] if each["code"] == code)


def field(made, name):
    """Return the schema of a field of the error."""
    return made["body"]["properties"]["error"]["properties"][name]


def test_nothing_changed() -> None:
    """The same catalogue."""
    assert changed(lambda new: None) == []
    assert as_markdown([]) == "No change for clients.\n"


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (
            lambda new: new["codes"].remove(entry(new)),
            "removed",
            "The error code `out_of_stock` (409).",
        ),
        (
            lambda new: entry(new).update(status="410"),
            "changed",
            "The status of `out_of_stock` is 410; it was 409.",
        ),
        (
            lambda new: entry(new, "rate_limited")["headers"].remove("Retry-After"),
            "removed",
            "The header `Retry-After` of `rate_limited`.",
        ),
        (
            lambda new: new["body"]["properties"]["error"]["properties"].pop("details"),
            "removed",
            "The field `error.details`.",
        ),
        (
            lambda new: new["body"]["properties"]["error"]["required"].remove("trace_id"),
            "changed",
            "The field `error.trace_id` may be missing now.",
        ),
        (
            lambda new: field(new, "details").update(type="array"),
            "changed",
            "The type of `error.details` is array; it was object.",
        ),
        (
            lambda new: field(new, "details")["additionalProperties"].update(type="integer"),
            "changed",
            "The type of `error.details.*` is integer; it was string.",
        ),
        (
            lambda new: new["body"].update(type="array"),
            "changed",
            "The type of the body is array; it was object.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_clients(change, kind, text) -> None:
    """What a client relied on is gone or different."""
    assert changed(change) == [(kind, True, text)]


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (
            lambda new: entry(new, "conflict")["headers"].append("Location"),
            "added",
            "The header `Location` of `conflict`.",
        ),
        (
            lambda new: entry(new).update(retry="backoff"),
            "changed",
            "Whether to send a request again after `out_of_stock`: with exponential backoff; it"
            " was: no.",
        ),
        (
            lambda new: entry(new).update(message="All gone"),
            "changed",
            "The message of `out_of_stock`: All gone.",
        ),
        (
            lambda new: entry(new).update(description="Sold!"),
            "changed",
            "The description of `out_of_stock`: Sold!",
        ),
        (
            lambda new: new["body"]["properties"].update(meta={"type": "object"}),
            "added",
            "The field `meta`.",
        ),
        (
            lambda new: new["body"]["properties"]["error"]["properties"].update(x={}),
            "added",
            "The field `error.x`.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_nobody(change, kind, text) -> None:
    """What is new, or for people."""
    assert changed(change) == [(kind, False, text)]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Both catalogues as files: the shop's, and the standard one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.json").write_text(render(CATALOG, "json"))
    (tmp_path / "standard.json").write_text(render(errorshape.STANDARD, "json"))
    return tmp_path


def test_an_added_code_is_no_breach(files, capsys) -> None:
    """From a file to a module; exit code 0."""
    assert cli.main(["diff", "standard.json", "tests.openapi.shop:CATALOG"]) == 0
    assert capsys.readouterr() == (
        "### Added\n\n- The error code `out_of_stock` (409): There is not enough of it.\n",
        "",
    )


def test_a_removed_code_is_a_breach(files, capsys) -> None:
    """Exit code 1, and it stands out in the text."""
    assert cli.main(["diff", "shop.json", "standard.json"]) == 1
    assert capsys.readouterr() == (
        "### Removed\n\n- **Breaking:** The error code `out_of_stock` (409).\n",
        "1 change is breaking.\n",
    )


def test_several_changes_are_grouped_the_breaking_first(files, capsys) -> None:
    """As a CHANGELOG has them."""
    made = json.loads((files / "shop.json").read_text())
    made["codes"].pop(0)
    entry(made).update(status="410", message="All gone.")
    made["codes"].append({**entry(made), "code": "new_one"})
    (files / "new.json").write_text(json.dumps(made))
    assert cli.main(["diff", "shop.json", "new.json"]) == 1
    out, err = capsys.readouterr()
    assert err == "2 changes are breaking.\n"
    headings = [line for line in out.splitlines() if line.startswith("#")]
    assert headings == ["### Added", "### Changed", "### Removed"]
    assert out.index("**Breaking:** The status") < out.index("- The message of `out_of_stock`")


def test_json_is_for_programs(files, capsys) -> None:
    """Kind, weight and text of each change."""
    assert cli.main(["diff", "shop.json", "standard.json", "--format", "json"]) == 1
    text = "The error code `out_of_stock` (409)."
    assert json.loads(capsys.readouterr().out) == {
        "changes": [{"kind": "removed", "breaking": True, "text": text}]
    }


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.json", "{", "a.json is no catalogue in JSON (Input data was truncated)"),
        ("a.json", "[]", "a.json is no catalogue in JSON (Expected object, got array)"),
        ("a.json", '{"format": 9, "body": {}, "codes": []}', "of format 9"),
        ("a.json", None, "There is no file a.json"),
        ("a", "{}", "write it with 'errorshape codes --format json'"),
        ("a.b:C", None, "There is no module 'a'"),
    ],
)
def test_wrong_input_is_one_sentence(name, text, sentence, files, capsys) -> None:
    """Exit code 2 and the remedy."""
    if text is not None:
        (files / name).write_text(text)
    assert cli.main(["diff", name, "shop.json"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert sentence in err
