"""Policies of AWS with the least that each target's calls need.

Which resource a call is checked against: docs.aws.amazon.com/service-authorization/latest/reference (read 2026-11).
PutLogEvents and CreateLogStream are checked against the log stream, not the group; whoever writes to an encrypted
Kinesis stream needs GenerateDataKey, to an encrypted log group or delivery stream nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from destinations.targets._arn import Arn, split_arn
from destinations.targets.cloudwatch_logs import LOG_STREAM

# The last is what a CloudFormation template says, which is for every partition.
SUFFIXES = {"aws-cn": "amazonaws.com.cn", "${AWS::Partition}": "${AWS::URLSuffix}"}

Policy = dict[str, Any]
Statement = dict[str, Any]


def suffix_of(arn: Arn) -> str:
    return SUFFIXES.get(arn.partition, "amazonaws.com")


def document(statements: Sequence[Statement]) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(sid: str, actions: str | Sequence[str], resources: str | Sequence[str], **condition: Any) -> Statement:
    found: Statement = {"Sid": sid, "Effect": "Allow"}
    found["Action"] = actions if isinstance(actions, str) else list(actions)
    found["Resource"] = resources if isinstance(resources, str) else list(resources)
    return found | ({"Condition": condition} if condition else {})


def trust_policy(principal: str, external_id: str) -> Policy:
    """Lets us, and only with the account's external ID, become the role."""
    return document(
        [
            {
                "Sid": "EventSubscriptionsMayAssume",
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
            }
        ]
    )


def firehose_trust_policy(account: str) -> Policy:
    """Lets Firehose become the role, for delivery streams of this account only: it gives the account as external ID."""
    return document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "firehose.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": account}},
            }
        ]
    )


def logs_write(arn: Arn, kms_key: str = "") -> list[Statement]:
    stream = f"{arn}:log-stream:{LOG_STREAM}"
    return [statement("WriteEvents", ("logs:CreateLogStream", "logs:PutLogEvents"), stream)]


def logs_read(arn: Arn, bucket: str = "") -> list[Statement]:
    return [statement("SeeTestEvents", "logs:GetLogEvents", f"{arn}:log-stream:{LOG_STREAM}")]


def kinesis_write(arn: Arn, kms_key: str = "") -> list[Statement]:
    found = [statement("WriteEvents", ("kinesis:PutRecords", "kinesis:DescribeStreamSummary"), str(arn))]
    return found + ([encrypt_for(arn, kms_key)] if kms_key else [])


def encrypt_for(arn: Arn, kms_key: str) -> Statement:
    """The use of a customer's key on a Kinesis stream, and on nothing else."""
    only_for = {"kms:EncryptionContext:aws:kinesis:arn": str(arn)}
    return statement("EncryptEvents", "kms:GenerateDataKey", kms_key, StringEquals=only_for)


def kinesis_read(arn: Arn, bucket: str = "") -> list[Statement]:
    return [statement("SeeTestEvents", ("kinesis:GetShardIterator", "kinesis:GetRecords"), str(arn))]


def firehose_write(arn: Arn, kms_key: str = "") -> list[Statement]:
    return [statement("WriteEvents", ("firehose:PutRecordBatch", "firehose:DescribeDeliveryStream"), str(arn))]


def firehose_read(arn: Arn, bucket: str = "") -> list[Statement]:
    """Whose bucket it is stands in the stream's description; a name that is not known yet can't be allowed."""
    if not bucket:
        return []
    return [
        statement("FindTestEvents", "s3:ListBucket", f"arn:{arn.partition}:s3:::{bucket}"),
        statement("SeeTestEvents", "s3:GetObject", f"arn:{arn.partition}:s3:::{bucket}/events/*"),
    ]


def deliver_to_bucket(arn: Arn, bucket: str, kms_key: str = "") -> list[Statement]:
    """What Firehose itself needs to store objects."""
    bucket_arn = f"arn:{arn.partition}:s3:::{bucket}"
    on_objects = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject")
    on_bucket = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
    found = [
        statement("StoreObjects", on_objects, f"{bucket_arn}/*"),
        statement("SeeBucket", on_bucket, bucket_arn),
    ]
    if kms_key:
        through_s3 = {"kms:ViaService": f"s3.{arn.region}.{suffix_of(arn)}"}
        found.append(
            statement("EncryptObjects", ("kms:Decrypt", "kms:GenerateDataKey"), kms_key, StringEquals=through_s3)
        )
    return found


def logs_key_statement(arn: Arn) -> Statement:
    """For the key policy of a log group's own key: CloudWatch Logs encrypts with it, for this group only."""
    return {
        "Sid": "LetCloudWatchLogsEncrypt",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{arn.region}.{suffix_of(arn)}"},
        "Action": ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Resource": "*",
        "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": str(arn)}},
    }


def stream_policy(arn: Arn, role_arn: str) -> Policy:
    """The resource policy of a Kinesis stream that a role of another account writes to."""
    allowed = statement("EventsOfAnotherAccount", ("kinesis:PutRecords", "kinesis:DescribeStreamSummary"), str(arn))
    return document([allowed | {"Principal": {"AWS": role_arn}}])


def write_statements(config: Mapping[str, str], kms_key: str = "") -> list[Statement]:
    """What the configuration's target needs, found by its ARN; empty when there is no ARN."""
    for field, make in WRITE.items():
        if arn := split_arn(config.get(field, "")):
            return make(arn, kms_key)
    return []


WRITE = {"log_group_arn": logs_write, "stream_arn": kinesis_write, "delivery_stream_arn": firehose_write}
