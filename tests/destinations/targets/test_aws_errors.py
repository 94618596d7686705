"""Every code of the tables, through a real call."""

from collections.abc import Iterator

import pytest

from destinations.outcome import (
    ConfigurationError,
    DeliveryError,
    RefusedError,
    RetryableError,
    TooLargeError,
)
from destinations.targets import Context
from destinations.targets._aws import AwsTarget
from destinations.targets.cloudwatch_logs import CloudWatchLogs
from destinations.targets.firehose import Firehose
from destinations.targets.kinesis import Kinesis
from tests.destinations.targets.fake_aws import REQUEST_ID, FakeAws
from tests.destinations.targets.samples import BY_KEYS, BY_ROLE, KEY_SECRETS, SECRET, make_record

ACCOUNT = "eu-west-1:111122223333"
OPERATIONS: dict[str, tuple[type[AwsTarget], str, dict[str, str]]] = {
    "kinesis": (Kinesis, "PutRecords", {"stream_arn": f"arn:aws:kinesis:{ACCOUNT}:stream/acme"}),
    "firehose": (
        Firehose,
        "PutRecordBatch",
        {"delivery_stream_arn": f"arn:aws:firehose:{ACCOUNT}:deliverystream/acme"},
    ),
    "logs": (CloudWatchLogs, "PutLogEvents", {"log_group_arn": f"arn:aws:logs:{ACCOUNT}:log-group:/acme"}),
}

RETRY, CONFIG, SPLIT, REFUSED = RetryableError, ConfigurationError, TooLargeError, RefusedError
CASES: list[tuple[str, str, int, str, type[DeliveryError]]] = [
    # Common to all services
    *[("kinesis", code, 400, "Rate exceeded", RETRY) for code in (
        "ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled", "RequestThrottledException",
        "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException",
        "SlowDown", "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete",
    )],
    ("kinesis", "Anything", 429, "", RETRY),
    *[("kinesis", "Anything", status, "", RETRY) for status in (500, 502, 503, 504)],
    ("kinesis", "ExpiredTokenException", 400, "", CONFIG),
    ("kinesis", "RequestExpired", 400, "", RETRY),
    ("kinesis", "InvalidSignatureException", 403, "Signature expired: 1 is now earlier than 2", RETRY),
    ("kinesis", "InvalidSignatureException", 403, "Signature not yet current", RETRY),
    *[("kinesis", code, 403, "does not match", CONFIG) for code in (
        "SignatureDoesNotMatch", "InvalidSignatureException", "UnrecognizedClientException", "InvalidClientTokenId",
        "MissingAuthenticationToken", "IncompleteSignature", "AccessDenied", "AccessDeniedException",
        "OptInRequired", "SubscriptionRequiredException", "SomethingNew",
    )],
    ("kinesis", "RequestEntityTooLargeException", 413, "", SPLIT),
    ("kinesis", "SerializationException", 400, "", REFUSED),
    # Kinesis
    ("kinesis", "ProvisionedThroughputExceededException", 400, "Rate exceeded for shard", RETRY),
    ("kinesis", "KMSThrottlingException", 400, "", RETRY),
    ("kinesis", "InternalFailureException", 500, "", RETRY),
    ("kinesis", "ServiceUnavailable", 503, "", RETRY),
    *[("kinesis", code, 400, "", CONFIG) for code in (
        "ResourceNotFoundException", "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException",
        "KMSNotFoundException", "KMSOptInRequired",
    )],
    ("kinesis", "InvalidArgumentException", 400, "Records size exceeds 10 MB limit", SPLIT),
    ("kinesis", "InvalidArgumentException", 400, "Something is odd", REFUSED),
    ("kinesis", "ValidationException", 400, "Value at 'records.3.member.data' failed to satisfy constraint: "
     "Member must have length less than or equal to 1048576", SPLIT),
    ("kinesis", "ValidationException", 400, "Value at 'records.1.member.partitionKey' failed: "
     "Member must have length less than or equal to 256", REFUSED),
    ("kinesis", "ValidationException", 400, "Value 'x' at 'streamARN' failed to satisfy constraint", CONFIG),
    ("kinesis", "DryRunOperationException", 400, "", REFUSED),
    # Firehose
    ("firehose", "ServiceUnavailableException", 503, "Slow down.", RETRY),
    ("firehose", "InternalFailure", 500, "", RETRY),
    ("firehose", "ResourceNotFoundException", 400, "", CONFIG),
    ("firehose", "InvalidKMSResourceException", 400, "", CONFIG),
    ("firehose", "InvalidSourceException", 400, "", CONFIG),
    ("firehose", "InvalidArgumentException", 400, "This operation is not permitted on KinesisStreamAsSource", CONFIG),
    ("firehose", "InvalidArgumentException", 400, "Records size exceeds 4 MB limit", SPLIT),
    ("firehose", "ValidationException", 400, "Member must have length less than or equal to 1024000", SPLIT),
    ("firehose", "AccessDeniedException", 400, "", CONFIG),
    # CloudWatch Logs
    ("logs", "InvalidParameterException", 400, "must be in chronological order", REFUSED),
    ("logs", "InvalidParameterException", 400, "cannot span more than 24 hours", SPLIT),
    ("logs", "InvalidParameterException", 400, "Upload too large: 1048577 exceeds limit of 1048576", SPLIT),
    ("logs", "InvalidParameterException", 400, "Value at 'logGroupName' failed to satisfy regular expression", CONFIG),
    ("logs", "ServiceUnavailableException", 503, "", RETRY),
    ("logs", "ThrottlingException", 400, "Rate exceeded", RETRY),
    ("logs", "AccessDeniedException", 400, "not authorized to perform: logs:PutLogEvents", CONFIG),
    ("logs", "UnrecognizedClientException", 400, "", CONFIG),
    ("logs", "InvalidSequenceTokenException", 400, "", RETRY),
    ("logs", "OperationAbortedException", 400, "", RETRY),
]  # fmt: skip


@pytest.fixture
def opened(fake_aws: FakeAws) -> Iterator[dict[str, AwsTarget]]:
    context = Context("ac_external", aws_url=fake_aws.url)
    found = {name: kind({**BY_KEYS, **config}, KEY_SECRETS, context) for name, (kind, _, config) in OPERATIONS.items()}
    yield found
    for target in found.values():
        target.close()


@pytest.mark.parametrize(("name", "code", "status", "said", "expected"), CASES)
def test_every_documented_code_has_its_class(  # noqa: PLR0917
    fake_aws: FakeAws,
    opened: dict[str, AwsTarget],
    name: str,
    code: str,
    status: int,
    said: str,
    expected: type[DeliveryError],
) -> None:
    fake_aws.refuse(OPERATIONS[name][1], code, status, said)

    with pytest.raises(DeliveryError) as raised:
        opened[name].send([make_record()])

    error = raised.value
    assert type(error) is expected
    assert (error.code, error.said, error.request_id) == (code, said, REQUEST_ID)
    assert error.message.endswith(".")
    assert expected is not ConfigurationError or error.remedy.endswith(".")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("AccessDenied", 403, ConfigurationError),
        ("ValidationError", 400, RefusedError),
        ("MalformedPolicyDocument", 400, RefusedError),
        ("PackedPolicyTooLarge", 400, RefusedError),
        ("RegionDisabledException", 403, ConfigurationError),
        ("InvalidClientTokenId", 403, ConfigurationError),
        ("SignatureDoesNotMatch", 403, ConfigurationError),
        ("ExpiredTokenException", 400, RetryableError),
        ("Throttling", 400, RetryableError),
        ("InternalFailure", 500, RetryableError),
    ],
)
def test_every_documented_code_of_assume_role_has_its_class(
    fake_aws: FakeAws, code: str, status: int, expected: type[DeliveryError]
) -> None:
    target = Kinesis({**BY_ROLE, **OPERATIONS["kinesis"][2]}, {}, Context("ac_external", aws_url=fake_aws.url))
    fake_aws.refuse("AssumeRole", code, status)

    with pytest.raises(expected) as raised:
        target.send([make_record()])

    assert raised.value.code == code
    assert not fake_aws.calls_of("PutRecords")
    target.close()


def test_a_role_that_asks_too_much_is_a_setting(fake_aws: FakeAws) -> None:
    target = Kinesis({**BY_ROLE, **OPERATIONS["kinesis"][2]}, {}, Context("ac_external", aws_url=fake_aws.url))
    fake_aws.refuse("AssumeRole", "ValidationError", 400, "exceeds the 1 hour session limit for role chaining")

    with pytest.raises(ConfigurationError):
        target.send([make_record()])
    target.close()


def test_a_refused_signature_shows_neither_request_nor_keys(fake_aws: FakeAws, opened: dict[str, AwsTarget]) -> None:
    quoted = "The request signature does not match.\n\nThe Canonical String was 'x-amz-security-token:s3cr3t'"
    fake_aws.refuse("PutRecords", "SignatureDoesNotMatch", 403, f"{BY_KEYS['aws_access_key_id']}: {quoted}")

    with pytest.raises(ConfigurationError) as raised:
        opened["kinesis"].send([make_record()])

    shown = f"{raised.value!r} {raised.value.__dict__}"
    assert "s3cr3t" not in shown
    assert SECRET not in shown
    assert BY_KEYS["aws_access_key_id"] not in shown


def test_the_hint_of_aws_is_passed_on_in_seconds(fake_aws: FakeAws, opened: dict[str, AwsTarget]) -> None:
    fake_aws.refuse("PutRecords", "ThrottlingException", 400, headers={"x-amz-retry-after": "2500"})

    with pytest.raises(RetryableError) as raised:
        opened["kinesis"].send([make_record()])

    assert raised.value.retry_after == 2.5
