"""The words of the AWS kits: steps in the console, the policies to paste, and what else has to be so."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from destinations.setup import policies
from destinations.setup.kit import Instruction
from destinations.setup.rendering import as_json

if TYPE_CHECKING:
    from destinations.setup.facts import Facts

BUFFER_SECONDS = 300
BUFFER_MIB = 5
# Dynamic partitioning takes no smaller buffer.
PARTITIONED_BUFFER_MIB = 64


def created_words(facts: "Facts") -> str:
    if facts.makes_bucket:
        return f"; makes the delivery stream, its bucket {facts.bucket} and Firehose's own role too"
    return f"; makes the {facts.kind.noun} too"


def notes(facts: "Facts") -> tuple[str, ...]:
    return tuple(_notes(facts))


def _notes(facts: "Facts") -> Iterator[str]:
    if facts.role.account != facts.arn.account and not facts.by_keys:
        yield (
            f"The role is in account {facts.role.account}, the {facts.kind.noun} in {facts.arn.account}: "
            "the stream needs the resource policy under Policies as well."
        )
    if facts.slug == "cloudwatch_logs" and facts.options.kms_key_arn:
        yield "Your KMS key's own policy must let CloudWatch Logs encrypt: the statement stands under Policies."
    if facts.slug == "firehose" and not facts.options.create:
        yield "The delivery stream's source must be Direct PUT. Leave its delimiter off: each record ends with one."
    if facts.slug == "firehose" and facts.options.read_back and not facts.bucket:
        yield "To follow test events into the bucket, name the bucket: the role may then read what lies under events/."
    if facts.options.partition_by_type:
        yield (
            "Partitioning by event type costs extra at AWS, can't be switched off later, and its objects take about "
            "1.5 times the buffer interval to appear."
        )


def s3_destination(facts: "Facts") -> dict[str, Any]:
    """The S3 half of a delivery stream, as the API takes it."""
    partitioned = facts.options.partition_by_type
    found: dict[str, Any] = {
        "RoleARN": f"arn:{facts.arn.partition}:iam::{facts.arn.account}:role/{facts.delivery_role_name}",
        "BucketARN": f"arn:{facts.arn.partition}:s3:::{facts.bucket}",
        "Prefix": facts.prefix,
        "ErrorOutputPrefix": facts.error_prefix,
        "BufferingHints": {
            "IntervalInSeconds": BUFFER_SECONDS,
            "SizeInMBs": PARTITIONED_BUFFER_MIB if partitioned else BUFFER_MIB,
        },
        "CompressionFormat": "GZIP",
    }
    if facts.options.kms_key_arn:
        found["EncryptionConfiguration"] = {"KMSEncryptionConfig": {"AWSKMSKeyARN": facts.options.kms_key_arn}}
    if partitioned:
        found["DynamicPartitioningConfiguration"] = {"Enabled": True}
        parameters = {"MetadataExtractionQuery": "{event_type: .event_type}", "JsonParsingEngine": "JQ-1.6"}
        entries = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
        processor = {"Type": "MetadataExtraction", "Parameters": entries}
        found["ProcessingConfiguration"] = {"Enabled": True, "Processors": [processor]}
    return found


def console_steps(facts: "Facts") -> Iterator[Instruction]:
    yield from _resource_steps(facts)
    iam = f"{facts.console}/iam/home"
    yield Instruction(
        "Open IAM, Roles, Create role. Choose Custom trust policy, and paste this trust policy.",
        code=as_json(facts.trust),
        link=f"{iam}#/roles/create?trustedEntityType=CUSTOM_TRUST_POLICY",
        link_words="IAM, Create role",
        copy_words="Copy trust policy",
    )
    yield Instruction(f"Choose no permissions yet. Name the role {facts.role_name}, and create it.")
    yield Instruction(
        "On the role's page choose Add permissions, Create inline policy, JSON, and paste this.",
        code=as_json(facts.permissions),
        link=f"{iam}#/roles/details/{facts.role_name}",
        link_words="The role's page",
        copy_words="Copy permissions",
    )
    yield Instruction("Copy the role's ARN into the form, and send a test event.", code=str(facts.role))


def _resource_steps(facts: "Facts") -> Iterator[Instruction]:
    if not facts.options.create:
        return
    pages = {
        "cloudwatch_logs": ("cloudwatch", "CloudWatch, Log groups, Create log group"),
        "kinesis": ("kinesis", "Kinesis, Data streams, Create data stream (On-demand)"),
        "firehose": ("firehose", "Firehose, Create Firehose stream: source Direct PUT, destination Amazon S3"),
    }
    service, words = pages[facts.slug]
    also = ""
    if facts.makes_bucket:
        also = (
            f" Make or choose the bucket {facts.bucket}, with the prefix {facts.prefix} and the error prefix "
            f"{facts.error_prefix}, and leave New line delimiter off."
        )
    yield Instruction(
        f"In {facts.arn.region}, open {words}. Name it {facts.name}.{also}",
        link=f"{facts.console}/{service}/home?region={facts.arn.region}",
        link_words=words.partition(",")[0],
    )


def key_steps(facts: "Facts") -> Iterator[Instruction]:
    yield from _resource_steps(facts)
    yield Instruction(
        "Open IAM, Users, Create user. Give it no console access and no groups.",
        link=f"{facts.console}/iam/home#/users/create",
        link_words="IAM, Create user",
    )
    yield Instruction(
        "On the user's page choose Add permissions, Create inline policy, JSON, and paste this.",
        code=as_json(facts.permissions),
        copy_words="Copy permissions",
    )
    yield Instruction(
        "Under Security credentials choose Create access key, for a third-party service, and copy both halves into "
        "the form. Rotate the key at least once a year."
    )


def policy_steps(facts: "Facts") -> Iterator[Instruction]:
    if not facts.by_keys:
        yield Instruction("The role's trust policy.", code=as_json(facts.trust), copy_words="Copy trust policy")
    whose = "user" if facts.by_keys else "role"
    yield Instruction(f"The {whose}'s permissions.", code=as_json(facts.permissions), copy_words="Copy permissions")
    if facts.slug == "kinesis" and facts.role.account != facts.arn.account and not facts.by_keys:
        code = as_json(policies.stream_policy(facts.arn, str(facts.role)))
        yield Instruction("The stream's resource policy.", code=code, copy_words="Copy resource policy")
    if facts.slug == "cloudwatch_logs" and facts.options.kms_key_arn:
        code = as_json(policies.logs_key_statement(facts.arn))
        yield Instruction("A statement for the KMS key's policy.", code=code, copy_words="Copy statement")
