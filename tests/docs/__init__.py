"""The manual, README.md and CONTRIBUTING.md: their snippets run, their links lead somewhere."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What people read, and what is held to be true.
PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING"))]
)


def name_of(page: Path) -> str:
    """Return the path of a page in the repository: the name of its tests."""
    return page.relative_to(ROOT).as_posix()
