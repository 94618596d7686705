from collections.abc import Iterator
from typing import Any

import pytest

from destinations.outcome import ConfigurationError, RetryableError
from destinations.targets import Context
from destinations.targets.firehose import Firehose
from tests.destinations.targets.fake_aws import REQUEST_ID, FakeAws, data_of, identity
from tests.destinations.targets.samples import BY_KEYS, DEMO, KEY_SECRETS, make_record, make_records

ARN = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/acme-archive"
FOUR_MIB = 4 * 1024 * 1024


@pytest.fixture
def firehose(fake_aws: FakeAws) -> Iterator[Firehose]:
    config = {**BY_KEYS, "delivery_stream_arn": ARN}
    target = Firehose(config, KEY_SECRETS, Context("ac_1", aws_url=fake_aws.url))
    yield target
    target.close()


def described(**changed: Any) -> dict[str, Any]:
    stream = {"DeliveryStreamStatus": "ACTIVE", "DeliveryStreamType": "DirectPut", "Destinations": [{}], **changed}
    return {"DeliveryStreamDescription": stream}


def test_send_ends_each_record_with_a_line_feed(fake_aws: FakeAws, firehose: Firehose) -> None:
    records = make_records(3)

    result = firehose.send(records)

    (call,) = fake_aws.calls_of("PutRecordBatch")
    assert call.body["DeliveryStreamName"] == "acme-archive"
    assert [data_of(entry) for entry in call.body["Records"]] == [record.data + b"\n" for record in records]
    assert (result.request_id, result.facts) == (REQUEST_ID, {"record": "record-0"})


def test_send_names_the_records_that_were_not_taken(fake_aws: FakeAws, firehose: Firehose) -> None:
    failed = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
    fake_aws.answer("PutRecordBatch", {"FailedPutCount": 1, "RequestResponses": [{"RecordId": "a"}, failed]})

    (rejection,) = firehose.send(make_records(2)).rejections

    assert (rejection.index, rejection.code, rejection.retryable) == (1, "ServiceUnavailableException", True)


def test_send_does_not_know_what_became_of_records_when_the_count_differs(
    fake_aws: FakeAws, firehose: Firehose
) -> None:
    fake_aws.answer("PutRecordBatch", {"FailedPutCount": 0, "RequestResponses": []})

    with pytest.raises(RetryableError, match="0 of 2 records"):
        firehose.send(make_records(2))


@pytest.mark.parametrize("size", [1, 700, 1000, 6001, 1_023_999])
def test_pack_counts_the_growth_by_base64(fake_aws: FakeAws, firehose: Firehose, size: int) -> None:
    for run in firehose.pack(make_records(10 if size > 10_000 else 600, size=size)):
        firehose.send(run)

    for call in fake_aws.calls_of("PutRecordBatch"):
        assert len(call.body["Records"]) <= 500
        assert sum(len(entry["Data"]) for entry in call.body["Records"]) <= FOUR_MIB


def test_steps_pass_against_the_emulator_and_the_object_in_s3_can_be_read_back(emulated: Context) -> None:
    target = Firehose(DEMO["firehose"].config, {}, emulated)
    records, tested = make_records(3), make_record(9)

    details = {step.label: step.run().detail for step in target.test_steps(tested)}
    target.send(records)
    arrivals = target.arrivals(100)
    target.close()

    assert details["Delivery stream"] == "acme-events-archive is ACTIVE, its source is Direct PUT"
    assert {record.data for record in [*records, tested]} <= {arrival.data for arrival in arrivals}
    assert arrivals[0].where.startswith("s3://acme-events-archive/")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"DeliveryStreamStatus": "CREATING"}, "is CREATING"),
        ({"DeliveryStreamType": "KinesisStreamAsSource"}, "reads from another source"),
    ],
)
def test_stream_that_takes_no_records_fails_the_test(
    fake_aws: FakeAws, firehose: Firehose, changed: dict[str, str], said: str
) -> None:
    fake_aws.answer("DescribeDeliveryStream", described(**changed))

    with pytest.raises(ConfigurationError, match=said):
        firehose.test_steps(make_record())[2].run()


def test_stream_that_appends_a_delimiter_is_a_warning(fake_aws: FakeAws, firehose: Firehose) -> None:
    processing = {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}
    destination = {"ExtendedS3DestinationDescription": {"ProcessingConfiguration": processing}}
    fake_aws.answer("DescribeDeliveryStream", described(Destinations=[destination]))

    assert "empty lines" in firehose.test_steps(make_record())[2].run().warning


def test_right_to_describe_is_not_needed(fake_aws: FakeAws, firehose: Firehose) -> None:
    fake_aws.refuse("DescribeDeliveryStream", "AccessDeniedException")

    assert "firehose:DescribeDeliveryStream" in firehose.test_steps(make_record())[2].run().warning


def test_key_of_another_account_would_reach_another_stream(fake_aws: FakeAws, firehose: Firehose) -> None:
    fake_aws.answer("GetCallerIdentity", identity("444455556666"))

    with pytest.raises(ConfigurationError, match="The key belongs to account 444455556666"):
        firehose.test_steps(make_record())[1].run()


def test_record_that_is_not_taken_fails_the_test(fake_aws: FakeAws, firehose: Firehose) -> None:
    failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "Internal."}
    fake_aws.answer("PutRecordBatch", {"FailedPutCount": 1, "RequestResponses": [failed]})

    with pytest.raises(RetryableError) as raised:
        firehose.test_steps(make_record())[-1].run()
    assert raised.value.said == "Internal."


def test_an_entry_without_record_id_was_not_taken(fake_aws: FakeAws, firehose: Firehose) -> None:
    """Nothing says that the record arrived, so it goes again."""
    fake_aws.answer("PutRecordBatch", {"FailedPutCount": 0, "RequestResponses": [{}, {"RecordId": "a"}]})

    (rejection,) = firehose.send([make_record(0), make_record(1)]).rejections

    assert (rejection.index, rejection.code, rejection.retryable) == (0, "unknown_answer", True)
