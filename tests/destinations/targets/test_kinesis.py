from collections.abc import Iterator
from datetime import timedelta

import pytest

from destinations.forms import target_form
from destinations.outcome import ConfigurationError, RetryableError
from destinations.targets import Context, Target
from destinations.targets._aws_steps import NOT_CHECKED
from destinations.targets.kinesis import Kinesis
from tests.destinations.targets.fake_aws import REQUEST_ID, FakeAws, data_of, identity
from tests.destinations.targets.samples import BY_KEYS, BY_ROLE, DEMO, KEY_SECRETS, make_record, make_records

STREAM_ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/acme-events"


@pytest.fixture
def kinesis(fake_aws: FakeAws) -> Iterator[Kinesis]:
    target = Kinesis({**BY_KEYS, "stream_arn": STREAM_ARN}, KEY_SECRETS, Context("ac_1", aws_url=fake_aws.url))
    yield target
    target.close()


def run_steps(target: Target) -> dict[str, str]:
    return {step.label: step.run().detail for step in target.test_steps(make_record())}


def test_send_puts_each_record_under_its_event_id(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    records = make_records(3)

    result = kinesis.send(records)

    (call,) = fake_aws.calls_of("PutRecords")
    assert call.body["StreamARN"] == STREAM_ARN
    assert [data_of(entry) for entry in call.body["Records"]] == [record.data for record in records]
    assert [entry["PartitionKey"] for entry in call.body["Records"]] == [record.event_id for record in records]
    assert call.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert (result.code, result.request_id, result.rejections) == ("200", REQUEST_ID, ())
    assert result.facts == {"shard": "shardId-000000000000", "sequence": "0"}


def test_send_names_the_records_that_were_not_taken(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    taken = {"ShardId": "shardId-000000000001", "SequenceNumber": "1", "ErrorCode": None, "ErrorMessage": None}
    full = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard 0"}
    failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "Internal service failure."}
    fake_aws.answer("PutRecords", {"FailedRecordCount": 2, "Records": [taken, full, failed]})

    rejections = kinesis.send(make_records(3)).rejections

    assert [(each.index, each.code, each.retryable) for each in rejections] == [
        (1, "ProvisionedThroughputExceededException", True),
        (2, "InternalFailure", True),
    ]
    assert rejections[0].message == "Rate exceeded for shard 0"


def test_send_does_not_know_what_became_of_records_when_the_count_differs(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    fake_aws.answer("PutRecords", {"FailedRecordCount": 0, "Records": [{"ShardId": "a", "SequenceNumber": "1"}]})

    with pytest.raises(RetryableError, match="1 of 2 records") as raised:
        kinesis.send(make_records(2))
    assert raised.value.code == "unknown_answer"


def test_pack_counts_partition_keys(kinesis: Kinesis) -> None:
    records = make_records(12, size=1_000_000)

    sizes = [sum(len(each.data) + len(each.event_id) for each in run) for run in kinesis.pack(records)]

    assert max(sizes) <= 5_000_000
    assert [len(run) for run in kinesis.pack(records)] == [4, 4, 4]
    assert [len(run) for run in kinesis.pack(make_records(1001))] == [500, 500, 1]


def test_steps_pass_against_the_emulator_and_the_record_can_be_read_back(emulated: Context) -> None:
    kinesis = Kinesis(DEMO["kinesis"].config, {}, emulated)
    record = make_record(7, age=timedelta(days=400))

    details = {step.label: step.run().detail for step in kinesis.test_steps(record)}
    newest = kinesis.arrivals(1)[0]
    kinesis.close()

    assert list(details) == ["Configuration", "Assume the role", "Refuse strangers", "Stream", "Write one record"]
    assert "ac_external: granted" in details["Assume the role"]
    assert details["Refuse strangers"] == NOT_CHECKED
    assert "acme-events is ACTIVE, 2 shards" in details["Stream"]
    assert details["Write one record"].startswith("shardId-00000000000")
    assert newest.data == record.data


def test_steps_with_keys_say_whose_they_are(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    assert run_steps(kinesis)["Access key"] == "user/writer of account 111122223333"

    fake_aws.answer("GetCallerIdentity", identity("444455556666"))
    step = kinesis.test_steps(make_record())[1].run()
    assert "is in account 111122223333" in step.warning


def test_stream_that_is_being_made_is_not_ready(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    fake_aws.answer("DescribeStreamSummary", {"StreamDescriptionSummary": {"StreamStatus": "CREATING"}})

    with pytest.raises(ConfigurationError, match="acme-events is CREATING"):
        kinesis.test_steps(make_record())[2].run()


def test_right_to_describe_is_not_needed(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    fake_aws.refuse("DescribeStreamSummary", "AccessDeniedException")

    assert "kinesis:DescribeStreamSummary" in kinesis.test_steps(make_record())[2].run().warning


class TestStrangers:
    """The role is tried without the external ID and with a wrong one."""

    @pytest.fixture
    def target(self, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kinesis]:
        monkeypatch.setattr(Kinesis, "emulated", False)
        target = Kinesis({**BY_ROLE, "stream_arn": STREAM_ARN}, {}, Context("ac_1", aws_url=fake_aws.url))
        yield target
        target.close()

    def test_are_refused(self, fake_aws: FakeAws, target: Kinesis) -> None:
        fake_aws.refuse("AssumeRole", "AccessDenied", 403)
        fake_aws.refuse("AssumeRole", "AccessDenied", 403)

        result = target.test_steps(make_record())[2].run()

        assert (result.warning, "both refused" in result.detail) == ("", True)
        assert [call.body.get("ExternalId") for call in fake_aws.calls] == [None, "not-the-external-id"]

    def test_that_get_in_are_a_warning(self, target: Kinesis) -> None:
        assert "WITHOUT the external ID" in target.test_steps(make_record())[2].run().warning


def test_role_of_another_account_is_a_warning(fake_aws: FakeAws) -> None:
    config = {**BY_ROLE, "stream_arn": STREAM_ARN.replace("111122223333", "444455556666")}
    target = Kinesis(config, {}, Context("ac_1", aws_url=fake_aws.url))

    assert "resource policy" in target.test_steps(make_record())[0].run().warning


def test_stored_arn_that_is_none_blocks_and_does_not_break() -> None:
    target = Kinesis({**BY_ROLE, "stream_arn": "acme"}, {}, Context("ac_1"))

    assert repr(target) == "<Kinesis Kinesis stream acme>"
    with pytest.raises(ConfigurationError, match="acme is not an ARN"):
        target.send([make_record()])


class TestPartitionKey:
    """A field on request; the event ID where a record does not have it."""

    KEYS: tuple[tuple[str, dict[str, object], str], ...] = (
        ("conn.server_name", {"conn": {"server_name": 'api."acme".app/é'}}, 'api."acme".app/é'),
        ("conn.server_name", {"conn": {"server_name": "x" * 300}}, "x" * 256),
        ("conn.server_port", {"conn": {"server_port": 443}}, "443"),
        ("tls.client_cert_verified", {"tls": {"client_cert_verified": True}}, "true"),
        ("event_type", {}, "http_request_complete.v0"),
        ("account_id", {}, "ac_2tXbM4kQpZ8dK"),
        ("conn.server_name", {"conn": {"server_name": ""}}, ""),
        ("conn.server_name", {"conn": {"server_name": None}}, ""),
        ("conn.server_name", {"conn": {}}, ""),
        ("conn.server_name", {"conn": "no object"}, ""),
        ("conn", {"conn": {"server_name": "a"}}, ""),
        ("", {"conn": {"server_name": "a"}}, ""),
    )

    @pytest.mark.parametrize(("field", "data", "key"), KEYS)
    def test_is_the_value_as_text(self, fake_aws: FakeAws, field: str, data: dict[str, object], key: str) -> None:
        config = {**BY_KEYS, "stream_arn": STREAM_ARN, "partition_key": field}
        target = Kinesis(config, KEY_SECRETS, Context("ac_1", aws_url=fake_aws.url))
        record = make_record(object=data)

        target.send([record])
        target.close()

        (call,) = fake_aws.calls_of("PutRecords")
        assert call.body["Records"][0]["PartitionKey"] == (key or record.event_id)
        assert data_of(call.body["Records"][0]) == record.data

    @pytest.mark.parametrize("field", ["conn.server_name", "event_type", ""])
    def test_that_exists_is_taken(self, field: str) -> None:
        form = target_form("kinesis", form_data(partition_key=field))

        assert form.is_valid(), form.errors
        assert Kinesis.resource(form.config())["partition_key"] == field

    @pytest.mark.parametrize("field", ["conn.server_nam", "event_id", "conn", "http.request.headers", "ev.conn"])
    def test_that_no_event_has_is_refused(self, field: str) -> None:
        form = target_form("kinesis", form_data(partition_key=field))

        assert form.errors["partition_key"] == [f"No event type has a field {field}. The catalogue lists them."]


def form_data(**changed: str) -> dict[str, str]:
    data = {**BY_ROLE, "stream_arn": STREAM_ARN, **changed}
    return {f"target-{name}": value for name, value in data.items()}


def test_largest_record_is_what_the_stream_says(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    summary = {"StreamStatus": "ACTIVE", "OpenShardCount": 1, "MaxRecordSizeInKiB": 10_240}
    fake_aws.answer("DescribeStreamSummary", {"StreamDescriptionSummary": summary})

    assert kinesis.largest_record() == kinesis.largest_record() == 10_240 * 1024 - 1024
    assert len(fake_aws.calls_of("DescribeStreamSummary")) == 1


def test_largest_record_is_the_usual_one_where_we_may_not_ask(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    fake_aws.refuse("DescribeStreamSummary", "AccessDeniedException")

    assert kinesis.largest_record() == Kinesis.limits.max_record_bytes


def test_an_entry_without_sequence_number_was_not_taken(fake_aws: FakeAws, kinesis: Kinesis) -> None:
    """Nothing says that the record arrived, so it goes again."""
    taken = {"ShardId": "shardId-000000000001", "SequenceNumber": "1"}
    fake_aws.answer("PutRecords", {"FailedRecordCount": 0, "Records": [taken, {}]})

    (rejection,) = kinesis.send([make_record(0), make_record(1)]).rejections

    assert (rejection.index, rejection.code, rejection.retryable) == (1, "unknown_answer", True)
