"""Kits applied to an emulated AWS from nothing; then a destination with the role that came out gets a test event.

The emulator does not make delivery streams from CloudFormation, so there the test makes it from the template's own
properties. Terraform is in test_terraform.py.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.setup import Options, kit_for
from destinations.setup.hosted import templates
from tests.destinations.setup.applied import (
    assert_a_test_event_arrives,
    delete_stack,
    everything,
    make_delivery_stream,
    make_stack,
)
from tests.destinations.setup.resolving import parsed, pseudo_parameters, read_link, resolved
from tests.destinations.setup.samples import ACCOUNT, ARNS, OPTIONS, PRINCIPAL, config_for

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

CREATED = OPTIONS["created"]


@pytest.fixture
def customer(account: Account, settings: Settings, aws_url: str) -> Account:
    settings.AWS_PRINCIPALS = [PRINCIPAL]
    settings.DEMO, settings.DEMO_AWS_URL = True, aws_url
    return account


@pytest.mark.parametrize("target", ARNS)
def test_script_makes_everything_is_repeatable_and_removes_it_again(
    customer: Account,
    target: str,
    run_script: Callable[..., subprocess.CompletedProcess[str]],
    client: Callable[[str], Any],
) -> None:
    script = kit_for(target, config_for(target), customer, CREATED).part("script").text
    before = everything(client)

    shown = run_script(script, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "would run: aws iam create-role" in shown.stderr
    assert everything(client) == before

    for _ in range(2):
        made = run_script(script)
        assert made.returncode == 0, made.stderr
    role_arn = made.stdout.splitlines()[-1]
    assert_a_test_event_arrives(customer, target, role_arn)

    refused = run_script(script, "--uninstall")
    assert refused.returncode == 1
    assert "Run this again with --yes" in refused.stderr
    removed = run_script(script, "--uninstall", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert everything(client) == before
    assert run_script(script, "--uninstall", "--yes").returncode == 0


def test_script_touches_nothing_that_it_did_not_make(
    customer: Account, run_script: Callable[..., subprocess.CompletedProcess[str]], client: Callable[[str], Any]
) -> None:
    iam = client("iam")
    iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    role_arn = "arn:aws:iam::123456789012:role/theirs"
    config = {"stream_arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/acme-events", "role_arn": role_arn}
    script = kit_for("kinesis", config, customer, Options(create=True)).part("script").text

    refused = run_script(script)
    assert refused.returncode == 1
    assert "this script did not make it" in refused.stderr
    kept = run_script(script, "--uninstall", "--yes")

    assert kept.returncode == 0, kept.stderr
    assert "The stream acme-events stays" in kept.stderr
    assert "The role theirs stays" in kept.stderr
    assert "theirs" in everything(client)["roles"]
    iam.delete_role(RoleName="theirs")


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("arn:aws:kinesis:eu-west-1:999999999999:stream/acme", "signed in to account 123456789012"),
        ("arn:aws:kinesis:eu-west-1:123456789012:stream/missing", "There is no missing in eu-west-1"),
    ],
)
def test_script_checks_what_it_needs_first(
    customer: Account,
    run_script: Callable[..., subprocess.CompletedProcess[str]],
    client: Callable[[str], Any],
    arn: str,
    words: str,
) -> None:
    before = everything(client)

    stopped = run_script(kit_for("kinesis", {"stream_arn": arn}, customer).part("script").text)

    assert stopped.returncode == 1
    assert words in stopped.stderr
    assert stopped.stdout == ""
    assert everything(client) == before


def test_script_says_that_the_cli_is_missing_and_lists_its_options(customer: Account, tmp_path: Path) -> None:
    script = kit_for("kinesis", config_for("kinesis"), customer).part("script").text
    path = tmp_path / "set-up.sh"
    path.write_text(script)
    bash = shutil.which("bash") or ""

    missing = subprocess.run([bash, path], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    listed = subprocess.run([bash, path, "--help"], capture_output=True, text=True, check=False)
    unknown = subprocess.run([bash, path, "--force"], capture_output=True, text=True, check=False)

    assert "The AWS CLI is missing" in missing.stderr
    assert "--uninstall" in listed.stdout
    assert "There is no option --force" in unknown.stderr


@pytest.mark.filterwarnings("ignore:Tried to parse AWS..KinesisFirehose..DeliveryStream")
@pytest.mark.parametrize("target", ARNS)
def test_cloudformation_makes_what_a_test_event_needs(
    customer: Account, target: str, client: Callable[[str], Any], tmp_path: Path
) -> None:
    text = kit_for(target, config_for(target), customer, CREATED).part("cloudformation").text
    before = everything(client)

    role_arn = make_stack(client, "events", ARNS[target][1], TemplateBody=text)
    make_delivery_stream(client, parsed(text, tmp_path)["Resources"])
    assert_a_test_event_arrives(customer, target, role_arn)

    delete_stack(client, "events")
    assert everything(client) == before


@pytest.mark.filterwarnings("ignore:Tried to parse AWS..KinesisFirehose..DeliveryStream")
@pytest.mark.parametrize("target", ARNS)
def test_stack_of_a_launch_link_makes_what_a_test_event_needs(
    customer: Account, settings: Settings, target: str, client: Callable[[str], Any], tmp_path: Path
) -> None:
    settings.CLOUDFORMATION_TEMPLATES_URLS = ["https://s3.amazonaws.com/templates"]
    step, *_ = kit_for(target, config_for(target), customer, CREATED).part("cloudformation").instructions
    launch = read_link(step.link)
    key = launch.template.removeprefix("https://s3.amazonaws.com/templates/")
    text = templates()[key.rpartition("/")[2]].text
    before = everything(client)
    s3 = client("s3")
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="templates", Key=key, Body=text)

    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in launch.parameters.items()]
    role_arn = make_stack(client, launch.stack, ARNS[target][1], TemplateURL=launch.template, Parameters=given)
    values = {**launch.parameters, **pseudo_parameters("aws", "eu-west-1", ACCOUNT)}
    make_delivery_stream(client, resolved(parsed(text, tmp_path)["Resources"], values))
    assert_a_test_event_arrives(customer, target, role_arn)

    delete_stack(client, launch.stack)
    s3.delete_object(Bucket="templates", Key=key)
    s3.delete_bucket(Bucket="templates")
    assert everything(client) == before
