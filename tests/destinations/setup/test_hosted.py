"""Links that fill a stack in: the hosted template, with the link's values put in, is the kit's own template."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.checks import templates_lie_in_s3
from destinations.setup import Instruction, Options, kit_for
from destinations.setup.hosted import folder, partition_at, templates
from tests.destinations.setup.resolving import parsed, pseudo_parameters, read_link, resolved
from tests.destinations.setup.samples import ACCOUNT, ARNS, KEY, PRINCIPAL, config_for

BIN = Path(sys.executable).parent
PARTITIONS = {
    "aws": ("eu-west-1", PRINCIPAL, "https://acme.s3.eu-west-1.amazonaws.com/kits"),
    "aws-cn": (
        "cn-north-1",
        "arn:aws-cn:iam::999900002222:user/event-delivery",
        "https://acme-cn.s3.cn-north-1.amazonaws.com.cn/kits",
    ),
    "aws-us-gov": (
        "us-gov-west-1",
        "arn:aws-us-gov:iam::999900003333:role/event-delivery",
        "https://acme-gov.s3.us-gov-west-1.amazonaws.com/kits",
    ),
}
# What goes into a kit, each with and without.
CHOICES: dict[str, Any] = {
    "create": True,
    "read_back": True,
    "partition_by_type": True,
    "kms_key_arn": KEY,
    "bucket": "acme-own-bucket",
}
COMBINATIONS = [
    {name: value for (name, value), is_chosen in zip(CHOICES.items(), chosen, strict=True) if is_chosen}
    for chosen in product([False, True], repeat=len(CHOICES))
]


@pytest.fixture
def customer(settings: Settings) -> Account:
    settings.AWS_PRINCIPALS = [principal for _, principal, _ in PARTITIONS.values()]
    settings.CLOUDFORMATION_TEMPLATES_URLS = [url for _, _, url in PARTITIONS.values()]
    return Account(name="Acme", external_id="ac_2tXbM4kQpZ8dK")


def first_step(target: str, config: dict[str, str], account: Account, options: Options) -> tuple[Instruction, str]:
    part = kit_for(target, config, account, options).part("cloudformation")
    return part.instructions[0], part.text


def moved(text: str, partition: str) -> str:
    return text.replace("arn:aws:", f"arn:{partition}:").replace("eu-west-1", PARTITIONS[partition][0])


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("target", ARNS)
def test_link_makes_of_the_hosted_template_what_the_kit_shows(
    customer: Account, target: str, partition: str, tmp_path: Path
) -> None:
    region, _, base = PARTITIONS[partition]
    config = {name: moved(value, partition) for name, value in config_for(target).items()}
    for chosen in COMBINATIONS:
        options = Options(**{**chosen, "kms_key_arn": moved(chosen.get("kms_key_arn", ""), partition)})
        step, text = first_step(target, config, customer, options)
        launch = read_link(step.link)

        assert launch.console.endswith(f"/cloudformation/home?region={region}")
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", launch.stack)
        hosted_at, _, filename = launch.template.rpartition("/")
        assert hosted_at == f"{base}/{folder()}"
        hosted = parsed(templates()[filename].text, tmp_path)
        declared = hosted.pop("Parameters")
        assert set(launch.parameters) == set(declared)
        for name, value in launch.parameters.items():
            assert re.fullmatch(declared[name]["AllowedPattern"], value), (name, value)
        values = {**launch.parameters, **pseudo_parameters(partition, region, ACCOUNT)}
        shown = parsed(text, tmp_path)
        assert {**resolved(hosted, values), "Description": shown["Description"]} == shown


def test_role_of_another_account_and_a_path_of_its_own_go_along(customer: Account, tmp_path: Path) -> None:
    role = "arn:aws:iam::111122223333:role/teams/edge/Writer.of+events"
    step, text = first_step("kinesis", config_for("kinesis", role_arn=role), customer, Options())
    launch = read_link(step.link)

    assert launch.parameters["RolePath"] == "/teams/edge/"
    assert launch.parameters["ResourceAccount"] == ACCOUNT
    assert launch.stack == "event-subscriptions-Writer-of-events"
    hosted = parsed(templates()["kinesis.yaml"].text, tmp_path)
    del hosted["Parameters"]
    values = {**launch.parameters, **pseudo_parameters("aws", "eu-west-1", "111122223333")}
    shown = parsed(text, tmp_path)
    assert {**resolved(hosted, values), "Description": shown["Description"]} == shown


@pytest.mark.parametrize("hosted", [[], ["https://acme-cn.s3.cn-north-1.amazonaws.com.cn/kits"]])
def test_without_hosted_templates_of_the_partition_the_kit_says_so_and_leads_to_the_upload(
    customer: Account, settings: Settings, hosted: list[str]
) -> None:
    settings.CLOUDFORMATION_TEMPLATES_URLS = hosted

    step, _ = first_step("kinesis", config_for("kinesis"), customer, Options())

    assert step.link.endswith("#/stacks/create/template")
    assert "this installation hosts none there: choose Upload a template file" in step.text


def test_link_stands_on_the_page_beside_the_form(owner_client: Client, account: Account, settings: Settings) -> None:
    settings.AWS_PRINCIPALS = [PRINCIPAL]
    settings.CLOUDFORMATION_TEMPLATES_URLS = [PARTITIONS["aws"][2]]
    asked = {"target-stream_arn": ARNS["kinesis"][1], "part": "cloudformation"}

    page = owner_client.get("/destinations/new/kinesis/set-up/", asked).content.decode()

    assert f"&amp;param_ExternalId={account.external_id}&amp;" in page
    assert "CloudFormation, Quick create stack" in page


def test_command_writes_every_template_and_keeps_what_lies_there(tmp_path: Path) -> None:
    older = tmp_path / "0123456789ab" / "kinesis.yaml"
    older.parent.mkdir()
    older.write_text("of the release before")

    out = StringIO()
    call_command("cloudformation_templates", tmp_path, stdout=out)

    written = {path.name: path.read_text() for path in (tmp_path / folder()).iterdir()}
    assert written == {name: template.text for name, template in templates().items()}
    assert older.read_text() == "of the release before"
    assert f"{len(written)} templates are in {tmp_path / folder()}" in out.getvalue()


def test_command_says_where_it_can_not_write(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(CommandError, match="Nothing can be written"):
        call_command("cloudformation_templates", file)


@pytest.mark.parametrize(
    ("url", "partition"),
    [
        ("https://acme.s3.eu-west-1.amazonaws.com/kits", "aws"),
        ("https://acme.s3.amazonaws.com", "aws"),
        ("https://s3.eu-west-1.amazonaws.com/acme/kits", "aws"),
        ("https://acme.s3-eu-west-1.amazonaws.com", "aws"),
        ("https://acme.s3.cn-north-1.amazonaws.com.cn", "aws-cn"),
        ("https://acme.s3-us-gov-west-1.amazonaws.com", "aws-us-gov"),
        ("http://acme.s3.eu-west-1.amazonaws.com", ""),
        ("https://acme.s3.eu-west-1.amazonaws.com.evil.example", ""),
        ("https://templates.acme.example/kits", ""),
        ("s3://acme/kits", ""),
    ],
)
def test_only_addresses_of_s3_are_taken(settings: Settings, url: str, partition: str) -> None:
    settings.CLOUDFORMATION_TEMPLATES_URLS = [url]

    assert partition_at(url) == partition
    assert [error.id for error in templates_lie_in_s3()] == ([] if partition else ["destinations.E003"])


@pytest.mark.slow
def test_hosted_templates_pass_the_linter(tmp_path: Path) -> None:
    call_command("cloudformation_templates", tmp_path, stdout=StringIO())
    files = sorted(tmp_path.rglob("*.yaml"))

    done = subprocess.run([BIN / "cfn-lint", *files], capture_output=True, text=True, check=False)

    assert files
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_commands_of_the_operators_guide_host_the_templates(
    run_script: Callable[..., subprocess.CompletedProcess[str]], client: Callable[[str], Any], tmp_path: Path
) -> None:
    guide = (Path(django_settings.BASE_DIR) / "docs" / "running.md").read_text()
    block = next(text for text in re.findall(r"```console\n(.*?)```", guide, re.DOTALL) if "s3 cp" in text)
    write, copy, export = block.splitlines()
    (policy,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    s3 = client("s3")
    s3.create_bucket(Bucket="acme-templates", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    assert write == ".venv/bin/python manage.py cloudformation_templates var/templates"
    call_command("cloudformation_templates", tmp_path / "templates", stdout=StringIO())
    done = run_script(copy.replace("var/templates", str(tmp_path / "templates")))
    assert done.returncode == 0, done.stderr
    s3.put_bucket_policy(Bucket="acme-templates", Policy=policy)

    keys = {each["Key"] for each in s3.list_objects_v2(Bucket="acme-templates")["Contents"]}
    assert keys == {f"events/{folder()}/{name}" for name in templates()}
    base = export.partition("=")[2]
    assert partition_at(base) == "aws"
    assert base.startswith("https://acme-templates.s3.")
    assert base.endswith("/events")
    assert json.loads(policy)["Statement"][0]["Resource"] == "arn:aws:s3:::acme-templates/events/*"
    for key in keys:
        s3.delete_object(Bucket="acme-templates", Key=key)
    s3.delete_bucket(Bucket="acme-templates")
