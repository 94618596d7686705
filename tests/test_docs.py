"""What the documents say is so."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from destinations.targets import all_targets

ROOT = Path(settings.BASE_DIR)
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_setting_stands_in_the_example_and_nothing_else() -> None:
    read = set(re.findall(r'env\.read\(\s*"([A-Z_]+)"', (ROOT / "config" / "settings.py").read_text()))
    listed = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert listed == read


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_links_and_paths_in_documents_exist(document: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_commands_in_documents_exist(document: Path) -> None:
    commands = get_commands()
    for name in re.findall(r"manage\.py ([a-z_]+)", document.read_text()):
        assert name in commands, name


def test_every_target_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for target in all_targets().values():
        assert target.label.split()[0] in readme, target.label


def test_make_targets_in_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for document in DOCS:
        for name in re.findall(r"`make ([a-z]+)", document.read_text()):
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), f"{document.name}: make {name}"


def test_every_protection_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`(tests/[\w/.]+)::(\w+)`", text)
    assert named
    for path, name in named:
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{name}"
    threats = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| might", "|---"))]
    for threat in threats:
        assert "::test_" in threat.split(" | ")[-1], threat
