"""``errorshape codes``: the reference of a catalogue in every format, written and checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

import errorshape
from errorshape import cli
from errorshape.contract.codes import FORMATS, render

EXAMPLES = Path(__file__).parent.parent / "examples"

OWN = '''
import errorshape

class TaxError(errorshape.APIError):
    """Taxes | *fees* <b>of</b> [x] are ``due`` to :class:`~shop.Office`.

    Nobody outside needs to know more.
    """

    code = "tax"
    status = 499

class SilentError(errorshape.APIError):
    code = "silent"
    status = 409
    message = "Says nothing."

    def __init__(self, needed):
        super().__init__()

CATALOG = errorshape.Catalog(TaxError, SilentError)
EMPTY = errorshape.Catalog()
number = 7

def make():
    return CATALOG

def fail():
    raise ValueError("no\\nluck.")

def fail_at_length():
    raise ValueError("x" * 1000)
'''


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A module ``shop_errors`` in the current directory, its catalogue odd on purpose."""
    (tmp_path / "shop_errors.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != ""])
    yield tmp_path
    for name in ("shop_errors", "shop_broken", "shop_needy", "shop_exits"):
        sys.modules.pop(name, None)


def run(capsys, *argv: str) -> tuple[int, str, str]:
    """Run a command; its exit code, output and complaints."""
    exit_code = cli.main(argv)
    return exit_code, *capsys.readouterr()


# --- what it says --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_every_code_is_in_every_format(form) -> None:
    """Code, status and description of each entry are there."""
    text = render(errorshape.STANDARD, form)
    for entry in errorshape.STANDARD:
        assert entry.code in text
        assert str(entry.status) in text
    assert "does not support this method" in text


def test_the_default_is_the_standard_catalogue_as_a_table(capsys) -> None:
    """Without arguments one sees the standard codes, uncoloured where it is no terminal."""
    exit_code, out, err = run(capsys, "codes")
    assert (exit_code, err) == (0, "")
    assert re.search(r"not_found +404 +There is no such resource", out)
    assert "\x1b" not in out


def test_the_table_fits_a_narrow_terminal(capsys, monkeypatch) -> None:
    """On 60 columns the retry column goes, and no line is wrapped by the terminal."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = run(capsys, "codes")[1]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert plain != out
    assert max(map(len, plain.splitlines())) <= 60


def test_a_fields_table_of_the_body_is_the_structs_own_schema() -> None:
    """JSON has the schema of what goes over the wire."""
    body = msgspec.json.decode(render(errorshape.STANDARD, "json"))["body"]
    error = body["properties"]["error"]
    assert error["required"] == ["code", "message", "trace_id"]
    assert error["properties"]["code"]["pattern"] == "^[a-z][a-z0-9_]*$"
    assert "$ref" not in json.dumps(body)


def test_the_markdown_of_descriptions_is_escaped(shop, capsys) -> None:
    """A description is text, but for its code; only its first paragraph is public."""
    out = run(capsys, "codes", "shop_errors:CATALOG", "--format", "markdown")[1]
    assert r"Taxes \| \*fees\* \<b\>of\</b\> \[x\] are `due` to `shop.Office`." in out
    assert "Nobody outside" not in out
    assert "| `499` |  | [`tax`](#tax) |" in out
    assert "Says nothing." in out


def test_the_worked_examples_are_what_errorshape_sends() -> None:
    """The shape is shown by a real response."""
    text = render(errorshape.STANDARD, "markdown", trace_header="X-Trace")
    assert "HTTP/1.1 404 Not Found\nX-Trace: 7f3a1b2c" in text
    sample = re.search(r"400 Bad Request\n.*?\n\n(\{.*?)\n```", text, re.DOTALL)
    assert sample
    details = json.loads(sample[1])["error"]["details"]
    assert details["connector.config.api_key"] == "Expected `str` of length >= 8"


def test_a_catalogue_without_validation_has_no_section_about_it(shop, capsys) -> None:
    """Only what the catalogue promises is described."""
    out = run(capsys, "codes", "shop_errors:CATALOG", "--format", "markdown")[1]
    assert "## Validation errors" not in out
    assert "worth another try" not in out
    assert '"code": "tax"' in out


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_catalogue_has_a_reference(form, shop, capsys) -> None:
    """Nothing to say is no failure."""
    assert run(capsys, "codes", "shop_errors:EMPTY", "--format", form)[0] == 0


def test_the_python_sample_runs() -> None:
    """What the page tells people to do works: one retry after the time that the service gave."""
    text = render(errorshape.STANDARD, "markdown")
    sample = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert sample

    class Response:
        def __init__(self, status_code, code=None):
            self.status_code = status_code
            self.headers = {"Retry-After": "0"}
            self.json = lambda: {"error": {"code": code, "trace_id": "t1", "message": "No."}}

    class Client:
        def __init__(self, *responses):
            self.left = list(responses)

        def send(self, request):
            return self.left.pop(0)

    names: dict = {}
    exec(sample[1], names)
    done = Response(200)
    assert names["send"](Client(Response(429, "rate_limited"), done), None) is done
    with pytest.raises(RuntimeError, match=r"not_found \[t1\]: No\."):
        names["send"](Client(Response(404, "not_found")), None)
    with pytest.raises(RuntimeError, match="rate_limited"):
        names["send"](Client(Response(429, "rate_limited")), None, tries=1)


# --- the HTML page -------------------------------------------------------------------------------


class Page(HTMLParser):
    """Collects what the tests ask of a page, and that its elements are closed in order."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labels: set[str] = set()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        attributes = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        self.ids += filter(None, [attributes.get("id")])
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        self.labels |= {
            attributes[name] for name in ("for", "aria-labelledby") if name in attributes
        }

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def html_page() -> Page:
    """The page of the standard catalogue."""
    return Page(render(errorshape.STANDARD, "html", title="Errors <of> us"))


def test_html_has_an_anchor_for_each_code_and_no_dead_link(html_page) -> None:
    """Ids are unique, links stay on the page, and every one leads somewhere."""
    assert len(set(html_page.ids)) == len(html_page.ids)
    assert {entry.code for entry in errorshape.STANDARD} <= set(html_page.ids)
    links = [link for link in html_page.links if link != "data:,"]
    assert {link.removeprefix("#") for link in links} <= set(html_page.ids)


def test_html_is_well_formed_and_labelled(html_page) -> None:
    """Elements nest, labels have what they label, and there is one first heading."""
    assert html_page.open == []
    assert html_page.labels <= set(html_page.ids)
    assert html_page.headings.count("h1") == 1


def test_html_is_self_contained() -> None:
    """No request goes anywhere, and the text of others is escaped."""
    text = render(errorshape.STANDARD, "html", title="Errors <of> us")
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|@import|url\(", text)
    assert "<title>Errors &lt;of&gt; us</title>" in text
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 40rem"):
        assert rule in text


# --- --output and --check ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".md", ".html", ".json", ".txt"])
def test_what_was_written_is_up_to_date(suffix, shop, capsys) -> None:
    """``--output`` and ``--check`` take the format from the file's name."""
    file = f"errors{suffix}"
    assert run(capsys, "codes", "--output", file) == (0, "", "")
    assert run(capsys, "codes", "--check", file) == (0, f"{file} is up to date.\n", "")


def test_a_stale_page_is_a_breach_with_a_diff(shop, capsys) -> None:
    """Exit code 1, the difference, and the command that mends it."""
    run(capsys, "codes", "shop_errors:CATALOG", "--output", "errors.md")
    page = shop / "errors.md"
    page.write_text(page.read_text().replace("Says nothing.", "Says much."))
    exit_code, out, err = run(capsys, "codes", "shop_errors:CATALOG", "--check", "errors.md")
    assert exit_code == 1
    assert re.search(r"^-.*Says much\.", out, re.MULTILINE)
    assert re.search(r"^\+.*Says nothing\.", out, re.MULTILINE)
    mend = "errorshape codes shop_errors:CATALOG --output errors.md"
    assert err == f"errors.md is stale: write it again with '{mend}'.\n"


def test_the_page_of_the_examples_is_up_to_date(capsys, monkeypatch) -> None:
    """What a reader of the examples sees is what their catalogue says."""
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    assert run(capsys, "codes", "errors:CATALOG", "--check", "errors.md")[0] == 0


# --- wrong input: one sentence with the remedy, exit code 2 --------------------------------------


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["shop_errors"], "write it as package.module:name"),
        (["shop_errors:"], "write it as package.module:name"),
        (["shop_nowhere:CATALOG"], "There is no module 'shop_nowhere'"),
        (["shop_errors.deeper:CATALOG"], "There is no module 'shop_errors.deeper'"),
        (["shop_errors:CATALOGUE"], "did you mean 'CATALOG'?"),
        (["shop_errors:zzz"], "name one of its attributes."),
        (["shop_errors:number"], "is an int, not a catalogue"),
        (["shop_errors:TaxError"], "is a type, not a catalogue"),
        (["shop_errors:fail()"], "fails: ValueError: no luck."),
        (["shop_errors:fail_at_length()"], "xxx…. Call it in Python"),
        (["shop_broken:CATALOG"], "does not import: SyntaxError"),
        (["shop_needy:CATALOG"], "needs the module 'absent_one'"),
        (["shop_exits:CATALOG"], "does not import: SystemExit"),
        (["--check", "nowhere.md"], "There is no file nowhere.md"),
        (["--check", "binary.md"], "it is not UTF-8"),
        (["--check", "."], "--format"),
        (["--check", ".", "--format", "json"], "cannot be read (Is a directory)"),
        (["--output", "no/where.md"], "cannot be written (No such file or directory)"),
        (["--output", "errors.doc"], "add --format table|markdown|html|json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_is_one_sentence(argv, sentence, shop, capsys) -> None:
    """What the user can mend ends with the remedy and exit code 2, never with a traceback."""
    (shop / "shop_broken.py").write_text("def")
    (shop / "shop_needy.py").write_text("import absent_one")
    (shop / "shop_exits.py").write_text("raise SystemExit")
    (shop / "binary.md").write_bytes(b"\xff")
    exit_code, out, err = run(capsys, "codes", *argv)
    assert (exit_code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_a_factory_can_be_called(shop, capsys) -> None:
    """``module:make()`` is what the function returns."""
    out = run(capsys, "codes", "shop_errors:make()", "--format", "json")[1]
    assert [entry["code"] for entry in json.loads(out)["codes"]] == ["tax", "silent"]


def test_a_reader_of_the_table_that_has_gone_is_no_failure() -> None:
    """``errorshape codes | head`` ends quietly, with the exit code of SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "errorshape", "codes"]
    done = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_module_of_the_current_directory_is_found(shop) -> None:
    """As with ``python -m``, also by the script, whose own directory is another."""
    script = str(Path(sys.executable).parent / "errorshape")
    argv = [script, "codes", "shop_errors:CATALOG", "--format", "json"]
    assert subprocess.run(argv, capture_output=True, check=False, cwd=shop).returncode == 0


def test_json_needs_no_package(monkeypatch, capsys) -> None:
    """Only the table wants rich, and says so."""
    monkeypatch.setitem(sys.modules, "rich", None)
    assert run(capsys, "codes", "--format", "json")[0] == 0
    assert run(capsys, "codes") == (2, "", "The table needs rich: pip install 'errorshape[cli]'\n")
