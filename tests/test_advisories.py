"""What `make check` says of known vulnerabilities."""

import pytest

from tests.advisories import report

CLEAN = {"name": "django", "version": "5.2.8", "vulns": []}
SKIPPED = {"name": "boto3", "skip_reason": "Dependency not found on PyPI"}
VULNERABLE = {"name": "urllib3", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}


def test_a_known_vulnerability_fails_the_check_and_names_the_mended_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([CLEAN, VULNERABLE]) == 1
    assert "urllib3 1.0: PYSEC-1, mended in 1.1." in capsys.readouterr().out


def test_nothing_known_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([CLEAN, SKIPPED]) == 0
    assert capsys.readouterr().out == "pip-audit: 1 of 2 dependencies looked up.\n"


def test_where_nothing_can_be_looked_up_one_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([SKIPPED]) == 0
    assert capsys.readouterr().out == "pip-audit: SKIPPED: PyPI's advisories know none of 1 from here.\n"
