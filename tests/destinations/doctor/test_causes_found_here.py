"""The rows of the error table that no service answers with, and what is so of the table as a whole."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from accounts.models import Account
from delivery.models import Delivery
from destinations.doctor.causes import HEALING, WHO_ACTS, Cause, all_causes, filled, find
from destinations.doctor.document import TITLES, troubleshooting
from destinations.doctor.network import check_addresses
from destinations.outcome import Outcome
from destinations.targets import _aws_errors
from tests.certificates import untrusted_context
from tests.destinations.doctor.explained import assert_explained, failure_of, rows_of
from tests.destinations.doctor.found_here import WAYS
from tests.destinations.doctor.ways import Rig, Way, datadog
from tests.destinations.targets.fake_aws import FakeAws

ROOT = Path(django_settings.BASE_DIR)


@pytest.fixture
def rig(
    fake_aws: FakeAws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    account: Account,
    held: Callable[..., Delivery],
) -> Rig:
    return Rig(fake_aws, tmp_path, monkeypatch, settings, account, held)


def no_way(rig: Rig) -> None:
    pytest.fail("Nothing in found_here.py brings this row about.")


@pytest.mark.parametrize(
    ("cause", "way"),
    [
        pytest.param(cause, way, id=f"{cause.code}-{way.__name__}")
        for cause in rows_of("here")
        for way in WAYS.get(cause.code, [no_way])
    ],
)
def test_what_is_found_here(rig: Rig, cause: Cause, way: Way) -> None:
    target, config, error = way(rig)

    assert error.code == cause.code
    assert_explained(cause, target, dict(config), error)


def test_every_way_is_to_a_row() -> None:
    assert set(WAYS) == {cause.code for cause in rows_of("here")}


def test_every_code_that_targets_and_tests_give_stands_in_the_table() -> None:
    given: set[str] = set()
    for path in [*(ROOT / "destinations").rglob("*.py"), *(ROOT / "delivery").glob("*.py")]:
        if path.name != "services.py" and "emulators" not in path.parts:
            given |= set(re.findall(r'(?:Error|kill)\([^)]*?code="(\w+)"', path.read_text(), re.DOTALL))

    assert len(given) > 10
    assert given <= {cause.code for cause in rows_of("here")}


def codes_of_aws() -> list[str]:
    """All that the targets tell apart."""
    return sorted({code for name, codes in vars(_aws_errors).items() if name.endswith("_CODES") for code in codes})


@pytest.mark.parametrize("code", codes_of_aws())
def test_every_code_of_aws_that_is_told_apart_stands_in_the_table(code: str) -> None:
    assert any(find(target, code) for target in ("cloudwatch_logs", "kinesis", "firehose"))


def test_doctor_sees_the_certificate_before_anything_is_sent(tmp_path: Path) -> None:
    with HTTPServer(ssl_context=untrusted_context(tmp_path)) as server:
        target = datadog(server.url_for("").rstrip("/"))
        error = failure_of(target, lambda: check_addresses(target.addresses()))

        assert not server.log
    assert "certificate" in error.said


def test_every_row_is_complete_and_stands_in_the_document() -> None:
    document = troubleshooting()

    for cause in all_causes():
        assert cause.service in TITLES
        assert cause.outcome in set(Outcome)
        assert cause.who in WHO_ACTS
        assert cause.heals in HEALING
        assert cause.cause.endswith(".")
        assert filled(cause.remedy, {}).endswith(".")
        assert filled(cause.remedy, {}) in document


def test_document_is_made_from_the_table() -> None:
    written = (ROOT / "docs" / "troubleshooting.md").read_text()

    assert written == troubleshooting(), "Run manage.py error_table > docs/troubleshooting.md"
