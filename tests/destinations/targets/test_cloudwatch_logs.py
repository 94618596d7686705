import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from destinations.outcome import ConfigurationError, RetryableError, TooLargeError
from destinations.records import Records
from destinations.targets import Context
from destinations.targets._window import Window
from destinations.targets.cloudwatch_logs import DAY_MS, LOG_STREAM, NEWEST, OLDEST, CloudWatchLogs
from tests.destinations.targets.fake_aws import FakeAws
from tests.destinations.targets.samples import BY_KEYS, DEMO, KEY_SECRETS, make_record, make_records

GROUP_ARN = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme/events"
CONFIG = {**BY_KEYS, "log_group_arn": GROUP_ARN}


@pytest.fixture
def logs(fake_aws: FakeAws) -> Iterator[CloudWatchLogs]:
    target = CloudWatchLogs(CONFIG, KEY_SECRETS, Context("ac_1", aws_url=fake_aws.url))
    yield target
    target.close()


def test_send_sorts_by_time_and_leaves_the_records_as_they_are(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    records = [make_record(i, age=timedelta(seconds=age)) for i, age in enumerate([5, 60, 1])]

    result = logs.send(records)

    (call,) = fake_aws.calls_of("PutLogEvents")
    assert (call.body["logGroupName"], call.body["logStreamName"]) == ("/acme/events", LOG_STREAM)
    assert [event["message"].encode() for event in call.body["logEvents"]] == [records[i].data for i in (1, 0, 2)]
    assert [event["timestamp"] for event in call.body["logEvents"]] == sorted(each.timestamp_ms for each in records)
    assert result.rejections == ()


@pytest.mark.parametrize("age", [timedelta(days=15), timedelta(hours=-3)])
def test_send_stamps_what_is_outside_the_window_with_the_present(
    fake_aws: FakeAws, logs: CloudWatchLogs, age: timedelta
) -> None:
    record, now = make_record(1, age=age), make_record(2)

    logs.send([record])

    event = fake_aws.calls_of("PutLogEvents")[0].body["logEvents"][0]
    assert event["timestamp"] == pytest.approx(now.timestamp_ms, abs=60_000)
    assert event["message"].encode() == record.data


def test_send_reads_the_ranges_of_rejected_events_in_the_order_sent(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    records = [make_record(i, age=timedelta(minutes=i)) for i in range(5)]
    info = {"expiredLogEventEndIndex": 1, "tooOldLogEventEndIndex": 2, "tooNewLogEventStartIndex": 4}
    fake_aws.answer("PutLogEvents", {"rejectedLogEventsInfo": info})

    rejections = logs.send(records).rejections

    assert [(each.index, each.code, each.retryable) for each in rejections] == [
        (4, "expired", False),
        (3, "too_old", False),
        (0, "too_new", True),
    ]


def test_send_reads_ranges_that_are_null_as_absent(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    fake_aws.answer("PutLogEvents", {"rejectedLogEventsInfo": {"expiredLogEventEndIndex": None}})

    assert logs.send(make_records(2)).rejections == ()


def test_send_makes_the_missing_log_stream_and_repeats(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    fake_aws.refuse("PutLogEvents", "ResourceNotFoundException", message="The specified log stream does not exist.")

    assert logs.send([make_record()]).code == "200"
    assert [call.operation for call in fake_aws.calls] == ["PutLogEvents", "CreateLogStream", "PutLogEvents"]


def test_send_finds_the_missing_log_group_by_making_the_stream(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    fake_aws.refuse("PutLogEvents", "ResourceNotFoundException")
    fake_aws.refuse("CreateLogStream", "ResourceNotFoundException", message="The specified log group does not exist.")

    with pytest.raises(ConfigurationError, match="The log group /acme/events was not found in eu-west-1"):
        logs.send([make_record()])


def test_send_passes_on_what_fails_after_the_stream_was_made(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    fake_aws.refuse("PutLogEvents", "ResourceNotFoundException")
    fake_aws.refuse("CreateLogStream", "ResourceAlreadyExistsException")
    fake_aws.refuse("PutLogEvents", "ThrottlingException")

    with pytest.raises(RetryableError):
        logs.send([make_record()])


def test_records_that_were_taken_before_are_a_success(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    fake_aws.refuse("PutLogEvents", "DataAlreadyAcceptedException")

    assert logs.send([make_record()]).rejections == ()


def test_send_refuses_a_span_of_a_day_by_itself(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    with pytest.raises(TooLargeError, match="24 hours"):
        logs.send([make_record(1, age=timedelta(days=2)), make_record(2)])
    assert not fake_aws.calls


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-5 * 3600, 20 * 86_400), st.integers(0, 200_000)), max_size=60), st.randoms())
def test_pack_keeps_every_request_within_a_day_and_a_megabyte(
    wanted: list[tuple[int, int]], chance: random.Random
) -> None:
    records = [make_record(i, age=timedelta(seconds=age), size=size) for i, (age, size) in enumerate(wanted)]
    chance.shuffle(records)
    target = CloudWatchLogs(CONFIG, KEY_SECRETS, Context(""))

    runs = list(target.pack(Records([record.data for record in records])))

    assert sorted(each.data for run in runs for each in run) == sorted(each.data for each in records)
    window = Window.at_present(oldest=OLDEST, newest=NEWEST)
    for run in runs:
        stamps = [window.stamp(each.timestamp_ms) for each in run]
        assert stamps == sorted(stamps)
        assert stamps[-1] - stamps[0] < DAY_MS
        assert sum(len(each.data) + 26 for each in run) <= 1_048_576


def test_pack_takes_ten_thousand_events(logs: CloudWatchLogs) -> None:
    small = [record._replace(data=b"{}") for record in make_records(10_001)]

    assert sorted(len(run) for run in logs.pack(small)) == [1, 10_000]


def test_steps_pass_against_the_emulator_and_the_record_can_be_read_back(emulated: Context) -> None:
    target = CloudWatchLogs(DEMO["cloudwatch_logs"].config, {}, emulated)
    record = make_record(3)

    details = {step.label: step.run().detail for step in target.test_steps(record)}
    target.send([make_record(1, age=timedelta(hours=1)), make_record(2, age=timedelta(hours=2))])
    arrivals = target.arrivals(2)
    target.close()

    assert details["Log stream"].startswith("event-subscriptions ")
    assert details["Write one record"].startswith("log stream event-subscriptions")
    assert len(arrivals) == 2
    assert arrivals[0].data == record.data


def test_nothing_has_arrived_before_the_first_send(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    fake_aws.refuse("GetLogEvents", "ResourceNotFoundException")

    assert logs.arrivals(5) == []


def test_record_that_the_group_does_not_keep_fails_the_test(fake_aws: FakeAws, logs: CloudWatchLogs) -> None:
    fake_aws.answer("PutLogEvents", {"rejectedLogEventsInfo": {"expiredLogEventEndIndex": 1}})

    with pytest.raises(ConfigurationError, match="did not keep the record"):
        logs.test_steps(make_record())[-1].run()
