"""Terraform: the same as CloudFormation makes; and applied to the emulated AWS, where Terraform and its provider are.

The provider comes from no registry that the tests use: TEST_TERRAFORM_PLUGINS names a directory that holds it, as
`terraform init -plugin-dir` takes it. Version 3.39 spells three things as it did before 5.0; see OLDER_SPELLING.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load as load_template
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.setup import Options, kit_for
from tests.destinations.setup.applied import assert_a_test_event_arrives, empty_bucket, everything
from tests.destinations.setup.samples import ARNS, OPTIONS, PRINCIPAL, config_for

PLUGINS = os.environ.get("TEST_TERRAFORM_PLUGINS", "")
TERRAFORM = shutil.which("terraform")
POLICY = re.compile(r"<<-JSON\n(.*?)\n  JSON", re.DOTALL)
ARGUMENT = re.compile(r'^\s*(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"$', re.MULTILINE)
OLDER_SPELLING = {
    "buffering_interval": "buffer_interval",
    "buffering_size": "buffer_size",
    '  stream_mode_details {\n    stream_mode = "ON_DEMAND"\n  }\n': "  shard_count = 1\n",
}
PROVIDER = """
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "demo"
  secret_key                  = "demo"
  s3_force_path_style         = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
%s
  }
}
"""
SERVICES = ("cloudwatchlogs", "firehose", "iam", "kinesis", "s3", "sts")


@pytest.fixture
def customer(settings: Settings) -> Account:
    settings.AWS_PRINCIPALS = [PRINCIPAL]
    return Account(name="Acme", external_id="ac_2tXbM4kQpZ8dK")


def strings_in(value: Any) -> Iterator[str]:
    """The keys and texts of a value, in any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *strings_in(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings_in(inner)
    elif isinstance(value, str):
        yield value


def policies_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "Statement" in value:
            yield value
        for inner in value.values():
            yield from policies_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from policies_in(inner)


def ordered(policies: list[Any]) -> list[str]:
    return sorted(json.dumps(policy, sort_keys=True) for policy in policies)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("target", ARNS)
def test_terraform_makes_what_cloudformation_makes(
    customer: Account, target: str, options: Options, tmp_path: Path
) -> None:
    """The same policies, word for word, and no name, key, prefix or format that the template does not have."""
    kit = kit_for(target, config_for(target), customer, options)
    template = tmp_path / "template.yaml"
    template.write_text(kit.part("cloudformation").text)
    resources = json.loads(json.dumps(load_template(str(template))["Resources"]))
    text = kit.part("terraform").text

    assert ordered([json.loads(found) for found in POLICY.findall(text)]) == ordered(list(policies_in(resources)))
    known = {*strings_in(resources), "extended_s3", "Copy this into the destination's form"}
    given = {json.loads(f'"{value}"').replace("$${", "${") for _, value in ARGUMENT.findall(text)}
    assert {value for value in given if value not in known} == set()
    makes = {"role only": 0, "firehose": 4}.get(target if options.create else "role only", 1)
    assert len(re.findall(r"^resource ", text, re.MULTILINE)) == 2 + makes + (target == "firehose" and options.create)


@pytest.mark.skipif(TERRAFORM is None, reason="Terraform is not installed.")
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("target", ARNS)
def test_terraform_is_well_formed(customer: Account, target: str, options: Options, tmp_path: Path) -> None:
    part = kit_for(target, config_for(target), customer, options).part("terraform")
    (tmp_path / part.filename).write_text(part.text)

    done = subprocess.run(
        [str(TERRAFORM), "fmt", "-check", "-diff", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def terraform(tmp_path: Path) -> Callable[..., str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}

    def run(*words: str) -> str:
        done = subprocess.run(
            [str(TERRAFORM), *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def emulated(account: Account, settings: Settings, aws_url: str) -> Account:
    settings.AWS_PRINCIPALS = [PRINCIPAL]
    settings.DEMO, settings.DEMO_AWS_URL = True, aws_url
    return account


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.skipif(
    not (PLUGINS and TERRAFORM),
    reason="Terraform is missing, or TEST_TERRAFORM_PLUGINS names no directory with its AWS provider.",
)
@pytest.mark.parametrize("target", ARNS)
def test_terraform_makes_what_a_test_event_needs_and_destroys_it(
    emulated: Account,
    aws_url: str,
    target: str,
    tmp_path: Path,
    terraform: Callable[..., str],
    client: Callable[[str], Any],
) -> None:
    part = kit_for(target, config_for(target), emulated, OPTIONS["created"]).part("terraform")
    text = part.text
    for new, old in OLDER_SPELLING.items():
        text = text.replace(new, old)
    (tmp_path / part.filename).write_text(text)
    endpoints = "\n".join(f'    {name} = "{aws_url}"' for name in SERVICES)
    (tmp_path / "provider.tf").write_text(PROVIDER % endpoints)
    before = everything(client)

    terraform("init", "-backend=false", f"-plugin-dir={PLUGINS}")
    terraform("validate")
    terraform("apply", "-auto-approve")
    role_arn = terraform("output", "-raw", "event_subscriptions_role_arn").strip()
    assert_a_test_event_arrives(emulated, target, role_arn)
    empty_bucket(client)
    terraform("destroy", "-auto-approve")

    assert everything(client) == before
