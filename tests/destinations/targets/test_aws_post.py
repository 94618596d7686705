"""Requests that we sign ourselves, after botocore has made the first of their kind."""

from typing import Any

import pytest

from destinations.targets import Context
from destinations.targets._aws import AwsTarget
from destinations.targets.cloudwatch_logs import CloudWatchLogs
from destinations.targets.firehose import Firehose
from destinations.targets.kinesis import Kinesis
from tests.destinations.targets.fake_aws import FakeAws
from tests.destinations.targets.samples import BY_KEYS, KEY_SECRETS, make_record

ARN = "arn:aws:{}:eu-west-1:111122223333:{}"


@pytest.mark.parametrize(
    ("kind", "operation", "place", "signing_name"),
    [
        (CloudWatchLogs, "PutLogEvents", {"log_group_arn": ARN.format("logs", "log-group:/acme")}, "logs"),
        (Kinesis, "PutRecords", {"stream_arn": ARN.format("kinesis", "stream/acme")}, "kinesis"),
        (
            Firehose,
            "PutRecordBatch",
            {"delivery_stream_arn": ARN.format("firehose", "deliverystream/acme")},
            "firehose",
        ),
    ],
)
def test_repeated_request_is_signed_for_the_same_service(
    fake_aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    operation: str,
    place: dict[str, str],
    signing_name: str,
) -> None:
    monkeypatch.setattr(AwsTarget, "attempts", 2)  # only then do we sign the second one
    target = kind({**BY_KEYS, **place}, KEY_SECRETS, Context("ac_1", aws_url=fake_aws.url))

    target.send([make_record(1)])
    target.send([make_record(2)])
    target.close()

    first, repeated = fake_aws.calls_of(operation)
    assert "amz-sdk-invocation-id" not in {name.lower() for name in repeated.headers}, "botocore sent it again"
    for call in (first, repeated):
        assert f"/eu-west-1/{signing_name}/aws4_request" in call.headers["Authorization"]
