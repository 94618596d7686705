"""The commands of the guides work as they stand there, from nothing to nothing; every other block is tested too."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, load_command_class
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.setup import kit_for
from destinations.setup.choices import choices
from tests.destinations.setup import fake_az
from tests.destinations.setup.applied import everything
from tests.destinations.setup.guides import GUIDES, Block, blocks
from tests.destinations.setup.samples import ACCOUNT, PRINCIPAL, config_for

# Queries are in test_reading_records.py; console blocks run here.
TESTED = {"console", "sql", "insights", "kusto"}
MANAGE = [".venv/bin/python", "manage.py"]
# The emulators' demo resources have names that begin with acme.
STAND_FOR = {"111122223333": ACCOUNT, "acme": "guide"}
PLACEHOLDERS = {"GROUP": fake_az.GROUP, "WORKSPACE": fake_az.WORKSPACE}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
RunScript = Callable[..., subprocess.CompletedProcess[str]]


def name_of(block: Block) -> str:
    return f"{block.guide}-{' '.join(block.lines[0].split()[4:])}"


def test_every_block_has_a_language_that_is_tested() -> None:
    assert {block.language for block in blocks()} == TESTED


def test_every_choice_has_a_guide_with_a_command() -> None:
    lines = [shlex.split(line) for block in blocks("console") for line in block.lines]
    named = {words[3] for words in lines if words[:3] == [*MANAGE, "setup_kit"]}

    assert named == {choice.slug for choice in choices()}


def test_address_for_the_pipeline_is_the_kits() -> None:
    kit = kit_for("datadog", {"site": "datadoghq.eu"}, Account())
    guide = next(guide for guide in GUIDES if guide.name == "datadog.md").read_text()

    address = next(word for word in kit.part("pipeline").instructions[0].code.split() if word.startswith("https"))
    assert f"`{address}`" in guide


def test_every_option_that_a_guide_names_is_there(account: Account, settings: Settings) -> None:
    settings.AWS_PRINCIPALS = [PRINCIPAL]
    parser = load_command_class("destinations", "setup_kit").create_parser("manage.py", "setup_kit")
    known = set(parser._option_string_actions)
    for target, config in (("kinesis", config_for("kinesis")), ("azure_logs_ingestion", {})):
        known |= set(OPTION.findall(kit_for(target, config, account).part("script").text))

    named = {option for guide in GUIDES for option in OPTION.findall(guide.read_text())}
    assert {"--uninstall", "--new-secret", "--partition-by-type"} <= named <= known


class Shell:
    """What the guides' reader types into, with the emulated AWS and a small Azure behind it."""

    def __init__(self, directory: Path, account: Account, run_script: RunScript) -> None:
        self.directory, self.account, self.run_script = directory, account, run_script

    def run(self, line: str) -> str:
        """What the command prints; ends the test where it fails."""
        words = [self._meant(word) for word in shlex.split(line)]
        if words[:2] == MANAGE:
            return self._manage(words[2:])
        program, file, *options = words
        assert program == "bash"
        done = self.run_script((self.directory / file).read_text(), *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def roles(self) -> list[object]:
        """Those that are assigned in the small Azure."""
        file = self.directory / "azure.json"
        return json.loads(file.read_text())["roles"] if file.exists() else []

    def _meant(self, word: str) -> str:
        if word == "ac_…":
            return self.account.pk
        for said, meant in STAND_FOR.items():
            word = word.replace(said, meant)
        return PLACEHOLDERS.get(word, word)

    def _manage(self, words: list[str]) -> str:
        given, _, file = " ".join(map(shlex.quote, words)).partition(" '>' ")
        printed = StringIO()
        call_command(*shlex.split(given), stdout=printed)
        if file:
            (self.directory / shlex.split(file)[0]).write_text(printed.getvalue())
        return printed.getvalue()


@pytest.fixture
def shell(account: Account, settings: Settings, tmp_path: Path, run_script: RunScript) -> Shell:
    settings.AWS_PRINCIPALS = [PRINCIPAL]
    fake_az.install(tmp_path / "bin")
    return Shell(tmp_path, account, run_script)


def make_own_delivery_stream(client: Callable[[str], Any]) -> None:
    """What this guide starts from."""
    role, bucket = f"arn:aws:iam::{ACCOUNT}:role/firehose", "arn:aws:s3:::guide"
    client("firehose").create_delivery_stream(
        DeliveryStreamName="guide-events", ExtendedS3DestinationConfiguration={"RoleARN": role, "BucketARN": bucket}
    )


def runs_of(block: Block) -> list[str]:
    return [line for line in block.lines if line.startswith("bash ")]


@pytest.mark.parametrize("block", [each for each in blocks("console") if not runs_of(each)], ids=name_of)
def test_command_of_a_guide_prints_a_kit(shell: Shell, block: Block) -> None:
    (line,) = block.lines

    printed = shell.run(line)

    assert len(printed) > 500
    assert not line.endswith(".json") or json.loads(printed)


@pytest.mark.slow
@pytest.mark.parametrize("block", [each for each in blocks("console") if runs_of(each)], ids=name_of)
def test_commands_of_a_guide_make_what_they_say_and_can_be_taken_back(
    shell: Shell, block: Block, client: Callable[[str], Any]
) -> None:
    if block.guide == "firehose.md":
        make_own_delivery_stream(client)
    before = everything(client)

    *_, printed = [shell.run(line) for line in block.lines]

    if "azure" in block.guide:
        assert shell.roles
        assert "Client secret" in printed
    else:
        role_arn = printed.splitlines()[-1]
        assert role_arn.partition("role/")[2] in everything(client)["roles"]
    last = runs_of(block)[-1]
    shell.run(f"{last} --uninstall" if "azure" in block.guide else f"{last} --uninstall --yes")
    assert everything(client) == before
    for name in before["delivery streams"] & {"guide-events"}:
        client("firehose").delete_delivery_stream(DeliveryStreamName=name)
    assert not shell.roles
