"""What kits hold: the right policies for every partition and option, in files that each language's tools accept."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.setup import Kit, KitError, Options, kit_for
from destinations.setup.policies import trust_policy
from destinations.targets import all_targets
from tests.destinations.setup.samples import ACCOUNT, ARNS, KEY, OPTIONS, PRINCIPAL, config_for

BIN = Path(sys.executable).parent


@pytest.fixture
def customer(settings: Settings) -> Account:
    settings.AWS_PRINCIPALS = [
        PRINCIPAL,
        "arn:aws-cn:iam::999900002222:user/event-delivery",
        "arn:aws-us-gov:iam::999900003333:role/event-delivery",
    ]
    return Account(name="Acme", external_id="ac_2tXbM4kQpZ8dK")


def policies_of(kit: Kit) -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(step.code) for step in kit.part("policies").instructions)


def file_of(kit: Kit, part: str, directory: Path) -> Path:
    path = directory / kit.part(part).filename
    path.write_text(kit.part(part).text)
    return path


def checked(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("target", all_targets())
def test_every_target_has_a_kit(customer: Account, target: str) -> None:
    kit = kit_for(target, config_for(target) if target in ARNS else {}, customer)

    assert kit.title
    assert kit.summary.endswith(".")
    assert all(part.as_text() for part in kit.parts)


@pytest.mark.parametrize("target", ARNS)
def test_trust_policy_names_us_and_the_external_id(customer: Account, target: str) -> None:
    trust, _ = policies_of(kit_for(target, config_for(target), customer))

    assert trust == trust_policy(PRINCIPAL, "ac_2tXbM4kQpZ8dK")


@pytest.mark.parametrize(
    ("target", "actions", "resource"),
    [
        (
            "cloudwatch_logs",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"{ARNS['cloudwatch_logs'][1]}:log-stream:event-subscriptions",
        ),
        ("kinesis", ["kinesis:PutRecords", "kinesis:DescribeStreamSummary"], ARNS["kinesis"][1]),
        ("firehose", ["firehose:PutRecordBatch", "firehose:DescribeDeliveryStream"], ARNS["firehose"][1]),
    ],
)
def test_permissions_are_the_calls_of_the_target_and_no_more(
    customer: Account, target: str, actions: list[str], resource: str
) -> None:
    _, permissions = policies_of(kit_for(target, config_for(target), customer))

    (statement,) = permissions["Statement"]
    assert statement == {"Sid": "WriteEvents", "Effect": "Allow", "Action": actions, "Resource": resource}


def test_key_of_a_stream_is_allowed_for_that_stream_only(customer: Account) -> None:
    _, permissions = policies_of(kit_for("kinesis", config_for("kinesis"), customer, Options(kms_key_arn=KEY)))

    _, encrypt = permissions["Statement"]
    assert (encrypt["Action"], encrypt["Resource"]) == ("kms:GenerateDataKey", KEY)
    assert encrypt["Condition"]["StringEquals"] == {"kms:EncryptionContext:aws:kinesis:arn": ARNS["kinesis"][1]}


def test_key_of_a_log_group_has_a_statement_for_its_own_policy(customer: Account) -> None:
    kit = kit_for("cloudwatch_logs", config_for("cloudwatch_logs"), customer, Options(kms_key_arn=KEY))

    *_, statement = policies_of(kit)
    assert statement["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}
    assert any("key's own policy" in note for note in kit.notes)


@pytest.mark.parametrize(
    "options", [Options(create=True, read_back=True), Options(create=True, partition_by_type=True)]
)
@pytest.mark.parametrize("target", ARNS)
@pytest.mark.parametrize(
    ("region", "principal", "console"),
    [
        ("cn-north-1", "arn:aws-cn:iam::999900002222:user/event-delivery", "cn-north-1.console.amazonaws.cn"),
        (
            "us-gov-west-1",
            "arn:aws-us-gov:iam::999900003333:role/event-delivery",
            "us-gov-west-1.console.amazonaws-us-gov.com",
        ),
    ],
)
def test_every_part_stays_in_its_partition(
    customer: Account, target: str, by_type: bool, region: str, principal: str, console: str
) -> None:
    partition = principal.split(":")[1]
    field, arn = ARNS[target]
    config = {field: arn.replace("arn:aws:", f"arn:{partition}:").replace("eu-west-1", region)}
    key = KEY.replace("arn:aws:", f"arn:{partition}:").replace("eu-west-1", region)
    options = Options(create=True, read_back=True, partition_by_type=by_type, kms_key_arn=key)

    kit = kit_for(target, config, customer, options)

    for part in kit.parts:
        text = part.as_text() + "".join(step.link for step in part.instructions)
        assert "arn:aws:" not in text, part.slug
        assert "eu-west-1" not in text, part.slug
        assert "console.aws.amazon.com" not in text, part.slug
        if part.slug != "policies":
            assert principal in text, part.slug
    assert console in kit.part("console").instructions[0].link


def test_partition_without_an_identity_of_ours_offers_access_keys(customer: Account) -> None:
    config = {"stream_arn": f"arn:aws-iso:kinesis:us-iso-east-1:{ACCOUNT}:stream/acme"}

    with pytest.raises(KitError, match="no AWS identity in the partition aws-iso"):
        kit_for("kinesis", config, customer)
    assert [part.slug for part in kit_for("kinesis", {**config, "auth": "keys"}, customer).parts] == [
        "console",
        "policies",
    ]


def test_kit_for_access_keys_names_no_role(customer: Account) -> None:
    kit = kit_for("kinesis", config_for("kinesis", auth="keys"), customer)

    assert len(policies_of(kit)) == 1
    assert "Create access key" in kit.part("console").as_text()


def test_role_that_is_typed_is_the_one_that_is_made(customer: Account) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/teams/edge/Writer"

    script = kit_for("kinesis", config_for("kinesis", role_arn=role), customer).part("script").text

    assert "ROLE_NAME=Writer\n" in script
    assert "ROLE_PATH=/teams/edge/\n" in script


def test_stream_of_another_account_gets_a_resource_policy(customer: Account) -> None:
    role = "arn:aws:iam::111122223333:role/writer"

    kit = kit_for("kinesis", config_for("kinesis", role_arn=role), customer)

    *_, resource_policy = policies_of(kit)
    assert resource_policy["Statement"][0]["Principal"] == {"AWS": role}
    with pytest.raises(KitError, match="only in one account"):
        kit_for("kinesis", config_for("kinesis", role_arn=role), customer, Options(create=True))


@pytest.mark.parametrize(
    ("config", "options", "words"),
    [
        ({}, {}, "Enter the ARN of the stream"),
        ({"stream_arn": "acme"}, {}, "is not an ARN"),
        ({"stream_arn": ARNS["firehose"][1]}, {}, "choose Firehose"),
        ({"stream_arn": f"{ARNS['kinesis'][1]}'; rm -rf /"}, {}, "does not name a Kinesis stream"),
        ({**config_for("kinesis"), "role_arn": "arn:aws:iam::123456789012:user/x"}, {}, "Users can't be assumed"),
        (config_for("kinesis"), {"kms_key_arn": "alias/mine"}, "not the ARN of a KMS key"),
        (config_for("kinesis"), {"kms_key_arn": KEY.replace("eu-west-1", "eu-west-2")}, "only in its own Region"),
        (config_for("kinesis"), {"bucket": "Not A Bucket"}, "can't name a bucket"),
    ],
)
def test_what_no_kit_can_be_made_of_is_said(
    customer: Account, config: dict[str, str], options: dict[str, str], words: str
) -> None:
    with pytest.raises(KitError, match=words):
        kit_for("kinesis", config, customer, Options(**options))  # type: ignore[arg-type]


def test_datadog_kit_links_to_the_right_site(customer: Account) -> None:
    kit = kit_for("datadog", {"site": "us5.datadoghq.com"}, customer)

    assert "https://us5.datadoghq.com/organization-settings/api-keys" in kit.part("console").as_text()
    assert "api.us5.datadoghq.com" in kit.part("pipeline").instructions[0].code
    assert json.loads(kit.part("pipeline").text)["filter"] == {"query": "source:event-subscriptions"}
    with pytest.raises(KitError, match="not a Datadog site"):
        kit_for("datadog", {"site": "evil.example"}, customer)


def test_azure_kit_declares_the_columns_that_are_sent(customer: Account) -> None:
    script = kit_for("azure_logs_ingestion", {"data_collection_stream_name": "Custom-Acme_CL"}, customer).part("script")

    for column in ("TimeGenerated", "EventId", "EventType", "AccountId", "Event"):
        assert f'"name": "{column}"' in script.text
    assert "STREAM=Custom-Acme_CL\n" in script.text
    with pytest.raises(KitError, match="ends with _CL"):
        kit_for("azure_logs_ingestion", {"data_collection_stream_name": "Microsoft-Syslog"}, customer)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("target", ARNS)
def test_script_passes_shellcheck(customer: Account, target: str, options: Options, tmp_path: Path) -> None:
    script = file_of(kit_for(target, config_for(target), customer, options), "script", tmp_path)

    checked(BIN / "shellcheck", script)


def test_azure_script_passes_shellcheck(customer: Account, tmp_path: Path) -> None:
    checked(BIN / "shellcheck", file_of(kit_for("azure_logs_ingestion", {}, customer), "script", tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("target", ARNS)
def test_cloudformation_passes_its_linter(customer: Account, target: str, tmp_path: Path) -> None:
    templates = []
    for name, options in OPTIONS.items():
        (tmp_path / name).mkdir()
        kit = kit_for(target, config_for(target), customer, options)
        templates.append(file_of(kit, "cloudformation", tmp_path / name))

    checked(BIN / "cfn-lint", *templates)
