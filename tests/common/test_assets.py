"""What every page loads stays small, as it is written: nothing is minified to fit."""

from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"
LONGEST_LINE = 220


@pytest.mark.parametrize(("pattern", "most"), [("*.css", 40_000), ("*.js", 15_000)])
def test_own_files_are_small_together(pattern: str, most: int) -> None:
    files = list(STATIC.rglob(pattern))

    assert files
    assert sum(path.stat().st_size for path in files) < most


@pytest.mark.parametrize("path", [*STATIC.rglob("*.css"), *STATIC.rglob("*.js")], ids=lambda path: str(path.name))
def test_they_are_small_because_little_stands_in_them(path: Path) -> None:
    """Lines that somebody can read, not a minified file."""
    assert max(map(len, path.read_text().splitlines())) <= LONGEST_LINE
