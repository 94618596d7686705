"""The commands of the guides work as they stand there, and what they name exists."""

import re
import shlex
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.setup.choices import choices
from destinations.testing import example_record
from events.catalog import catalog

GUIDES = sorted((Path(django_settings.BASE_DIR) / "docs" / "destinations").glob("*.md"))
COMMAND = re.compile(r"manage\.py (setup_kit .+?)(?: > \S+)?$", re.MULTILINE)


def commands() -> list[list[str]]:
    texts = [guide.read_text().replace("\\\n", " ") for guide in GUIDES]
    return [shlex.split(command) for text in texts for command in COMMAND.findall(text)]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_command_of_a_guide_prints_a_kit(
    command: list[str], account: Account, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.AWS_PRINCIPALS = ["arn:aws:iam::999900001111:role/event-delivery"]

    call_command(*[account.pk if word == "ac_…" else word for word in command])

    assert len(capsys.readouterr().out) > 500


def test_every_choice_has_a_guide_with_a_command() -> None:
    named = {command[1] for command in commands()}

    assert named == {choice.slug for choice in choices()}


def test_fields_that_the_guide_reads_are_in_the_catalogue(account: Account) -> None:
    text = next(guide for guide in GUIDES if guide.name == "reading-records.md").read_text()
    fields = {field.path for field in catalog()["http_request_complete.v0"].fields}
    used = set(re.findall(r"object\.((?:conn|http)[a-z_.]+)", text)) | set(re.findall(r"\$\.([a-z_.]+)", text))

    assert used
    assert used <= fields
    assert example_record(account)
