"""Links between files of the repository lead somewhere; Sphinx sees to those inside the manual."""

import re
from urllib.parse import urlsplit

import pytest

from tests.docs import PAGES, ROOT, name_of

FILES = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(<?([^)\s>]+)>?\)")
URL = re.compile(r"https?://[^\s<>)\"'`|\]]+")
FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def prose(path):
    """What a reader sees of a page, without its snippets."""
    return COMMENT.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))


def anchors(path):
    """The anchors that GitHub and MyST give to the headings of a page."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(path), re.MULTILINE)
    named = re.findall(r"^\(([\w-]+)\)=$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        *named,
        *(re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in headings),
    }


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_link_leads_somewhere(path):
    """A relative link to a file that is there, and to a heading that it has."""
    for target in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        # The reference page has anchors that autodoc makes; Sphinx looks at those.
        if anchor and found.suffix == ".md" and not anchor.startswith("errorshape"):
            assert anchor in anchors(found), target


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_address_has_the_form_of_one(path):
    """Nobody is asked: only that scheme, host and characters are right."""
    for url in URL.findall(prose(path)):
        parts = urlsplit(url.rstrip(".,;:"))
        local = parts.hostname in ("127.0.0.1", "localhost")
        assert local or "." in (parts.hostname or ""), url
        assert parts.scheme == "https" or local, url


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_that_is_named_is_there(path):
    """``docs/…``, ``tests/…`` and their like, where the text names them as code."""
    if path.name == "CHANGELOG.md":
        return  # what was there at the time
    for name in re.findall(
        r"`((?:docs|tests|examples|benchmarks|errorshape)/[\w./-]+)`", prose(path)
    ):
        if "…" not in name and "NAME" not in name:
            assert (ROOT / name).exists(), name
