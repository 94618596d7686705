"""Signing in: explicit credentials only, roles with the external ID, renewal before they end."""

import time
from collections.abc import Iterator

import pytest

from destinations.outcome import ConfigurationError, RetryableError
from destinations.targets import Context, _aws_session
from destinations.targets._aws import AwsTarget
from destinations.targets._aws_clients import Keys
from destinations.targets._aws_session import AwsSession, Role, client_of
from destinations.targets._base import SEND_DEADLINE_SECONDS
from destinations.targets.kinesis import Kinesis
from tests.destinations.targets.fake_aws import SESSION_TOKEN, FakeAws, assumed
from tests.destinations.targets.samples import BY_KEYS, BY_ROLE, KEY_SECRETS, ROLE_ARN, make_record
from tests.destinations.targets.trickling import trickling

STREAM = {"stream_arn": "arn:aws:kinesis:eu-west-1:111122223333:stream/acme"}
OURS = {"aws_access_key_id": "AKIAOURSOURSOURSOURS", "aws_secret_access_key": "our-secret"}


@pytest.fixture
def by_role(fake_aws: FakeAws) -> Iterator[Kinesis]:
    target = Kinesis({**BY_ROLE, **STREAM}, {}, Context("ac_external", aws_url=fake_aws.url, **OURS))
    yield target
    target.close()


def test_role_is_assumed_once_with_the_external_id(fake_aws: FakeAws, by_role: Kinesis) -> None:
    for _ in range(3):
        by_role.send([make_record()])

    (sign_in,) = fake_aws.calls_of("AssumeRole")
    assert sign_in.body["RoleArn"] == ROLE_ARN
    assert sign_in.body["ExternalId"] == "ac_external"
    assert sign_in.body["DurationSeconds"] == "3600"
    assert "AKIAOURSOURSOURSOURS/" in sign_in.headers["Authorization"]
    last = fake_aws.calls_of("PutRecords")[-1].headers
    assert "ASIAROLEROLEROLEROLE/" in last["Authorization"]
    assert "/eu-west-1/kinesis/" in last["Authorization"]
    assert last["X-Amz-Security-Token"] == SESSION_TOKEN


def test_role_is_renewed_before_it_ends(fake_aws: FakeAws, by_role: Kinesis) -> None:
    fake_aws.answer("AssumeRole", assumed(minutes=10))
    by_role.send([make_record()])
    by_role.send([make_record()])

    assert len(fake_aws.calls_of("AssumeRole")) == 2


def test_role_that_can_not_be_renewed_serves_to_its_end(fake_aws: FakeAws, by_role: Kinesis) -> None:
    fake_aws.answer("AssumeRole", assumed(minutes=10))
    fake_aws.refuse("AssumeRole", "InternalFailure", 500)
    for _ in range(3):
        by_role.send([make_record()])

    assert len(fake_aws.calls_of("AssumeRole")) == 2
    assert len(fake_aws.calls_of("PutRecords")) == 3


def test_expired_token_is_renewed_at_once(fake_aws: FakeAws, by_role: Kinesis) -> None:
    by_role.send([make_record()])
    fake_aws.refuse("PutRecords", "ExpiredTokenException")

    assert not by_role.send([make_record()]).rejections
    assert len(fake_aws.calls_of("AssumeRole")) == 2


def test_token_that_is_expired_twice_is_a_setting(fake_aws: FakeAws, by_role: Kinesis) -> None:
    fake_aws.refuse("PutRecords", "ExpiredTokenException")
    fake_aws.refuse("PutRecords", "ExpiredTokenException")

    with pytest.raises(ConfigurationError):
        by_role.send([make_record()])


def test_without_an_identity_of_ours_no_role_is_assumed() -> None:
    target = Kinesis({**BY_ROLE, **STREAM}, {}, Context("ac_external"))

    with pytest.raises(ConfigurationError, match="no AWS identity"):
        target.send([make_record()])


def test_nothing_of_this_machine_is_used(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMACHINEMACHINE00")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "machine")
    monkeypatch.setenv("AWS_ENDPOINT_URL", fake_aws.url)
    services = ("sts", "kinesis", "logs", "firehose")

    hosts = [client_of(service, "eu-west-1", "", 1).meta.endpoint_url for service in services]

    assert hosts == [f"https://{name}.eu-west-1.amazonaws.com" for name in ("sts", "kinesis", "logs", "firehose")]


def test_sessions_show_no_credentials() -> None:
    session = AwsSession("eu-west-1", Keys("AKIACUSTOMERCUSTOMER", "secret", "token"), Role(ROLE_ARN, "ac_1"))

    assert "AKIACUSTOMER" not in repr(session)
    assert "secret" not in repr(session)


def test_one_quick_repeat_hides_a_fault(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AwsTarget, "attempts", 2)
    target = Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, Context("", aws_url=fake_aws.url))
    fake_aws.refuse("PutRecords", "InternalFailure", 500)

    assert target.send([make_record()]).code == "200"
    target.close()


def test_hanging_service_is_left(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("destinations.targets._aws_session.READ_TIMEOUT_SECONDS", 0.1)
    target = Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, Context("", aws_url=fake_aws.url))
    fake_aws.answer("PutRecords", {}, delay=0.5)

    with pytest.raises(RetryableError, match="did not answer") as raised:
        target.send([make_record()])
    assert raised.value.code == "timeout"
    target.close()


def test_unreachable_service_is_tried_again_and_names_the_region() -> None:
    target = Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, Context("", aws_url="http://127.0.0.1:9"))

    with pytest.raises(RetryableError) as raised:
        target.send([make_record()])
    assert raised.value.code == "unreachable"
    assert "eu-west-1" in raised.value.remedy
    target.close()


def test_proxy_that_answers_in_place_of_aws_is_no_success(fake_aws: FakeAws) -> None:
    target = Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, Context("", aws_url=fake_aws.url))
    fake_aws.answer("PutRecords", {"Records": []}, headers={"x-amzn-RequestId": ""})

    with pytest.raises(RetryableError) as raised:
        target.send([make_record()])
    assert raised.value.code == "unknown_answer"
    target.close()


def test_page_of_a_proxy_is_no_success(fake_aws: FakeAws) -> None:
    target = Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, Context("", aws_url=fake_aws.url))
    fake_aws.answer("PutRecords", "<html>Sign in to the Wi-Fi</html>")

    with pytest.raises(RetryableError):
        target.send([make_record()])
    target.close()


def test_send_is_over_before_its_deadline_whatever_hangs() -> None:
    one = _aws_session.CONNECT_TIMEOUT_SECONDS + _aws_session.READ_TIMEOUT_SECONDS
    sts = _aws_session.CONNECT_TIMEOUT_SECONDS + _aws_session.STS_READ_TIMEOUT_SECONDS

    assert _aws_session.ATTEMPTS * one < SEND_DEADLINE_SECONDS
    assert sts + one < SEND_DEADLINE_SECONDS


def test_destinations_share_a_client_and_never_a_key(fake_aws: FakeAws, by_role: Kinesis) -> None:
    """One signs as its role, the other with its key, whoever sends first or again; a client of its own cost 1.8 MB."""
    context = Context("", aws_url=fake_aws.url)
    by_keys = Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, context)
    client_of.cache_clear()
    for _ in range(3):
        by_role.send([make_record()])
        by_keys.send([make_record()])

    keys = [call.headers["Authorization"].partition("Credential=")[2][:20] for call in fake_aws.calls_of("PutRecords")]
    assert keys == ["ASIAROLEROLEROLEROLE", BY_KEYS["aws_access_key_id"]] * 3
    tokens = [call.headers.get("X-Amz-Security-Token") for call in fake_aws.calls_of("PutRecords")]
    assert tokens == [SESSION_TOKEN, None] * 3
    assert client_of.cache_info().currsize == len({"sts", "kinesis"})
    by_keys.close()


def test_a_shared_client_sends_for_nobody_when_nobody_calls(fake_aws: FakeAws) -> None:
    client = client_of("kinesis", "eu-west-1", fake_aws.url, 1)

    with pytest.raises(RuntimeError, match="whose call"):
        client.put_records(StreamARN=STREAM["stream_arn"], Records=[])
    assert not fake_aws.calls


def test_through_a_proxy_botocore_sends_what_we_signed(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("destinations.targets._aws_clients.is_direct", lambda: False)
    monkeypatch.setattr("destinations.targets._aws_session.is_direct", lambda: False)
    target = Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, Context("", aws_url=fake_aws.url))

    for _ in range(2):
        assert not target.send([make_record()]).rejections

    calls = fake_aws.calls_of("PutRecords")
    assert all(f"Credential={BY_KEYS['aws_access_key_id']}/" in call.headers["Authorization"] for call in calls)
    target.close()


def test_an_answer_that_trickles_in_is_left_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws_session, "READ_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(_aws_session, "CONNECT_TIMEOUT_SECONDS", 0.2)
    started = time.monotonic()

    with trickling(b"HTTP/1.1 200 OK\r\nX-Slow: ") as url, pytest.raises(RetryableError) as raised:
        Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, Context("", aws_url=url)).send([make_record()])

    assert raised.value.code == "timeout"
    assert time.monotonic() - started < 3


def test_an_endless_answer_is_left(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("destinations.targets._aws_clients.MAX_ANSWER_BYTES", 1000)
    target = Kinesis({**BY_KEYS, **STREAM}, KEY_SECRETS, Context("", aws_url=fake_aws.url))
    fake_aws.answer("PutRecords", {"Records": ["x" * 2000]})

    with pytest.raises(RetryableError) as raised:
        target.send([make_record()])
    assert raised.value.code == "connection_lost"
    target.close()
