"""Tests that wait for a change to count, or for a record to show, and go on by themselves from where they were."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from accounts.models import Account
from common import wake
from delivery.sweep import sweep
from destinations.models import TestRun
from destinations.outcome import SendResult
from destinations.records import Record
from destinations.targets import Context
from destinations.targets.firehose import Firehose
from destinations.testing import run_test, start_test_run
from tests.destinations.targets.fake_aws import FakeAws
from tests.destinations.targets.samples import BY_KEYS, DEMO, KEY_SECRETS, make_record

AZURE = DEMO["azure_logs_ingestion"]
RULE = "/dataCollectionRules/" + AZURE.config["data_collection_rule_id"]
ADDRESS = f"{RULE}/streams/{AZURE.config['data_collection_stream_name']}"
DENIED = {"error": {"code": "OperationFailed", "message": "The authentication token does not have access."}}

pytestmark = pytest.mark.django_db


@pytest.fixture
def azure(httpserver: HTTPServer, settings: Settings) -> HTTPServer:
    """Gives tokens, and refuses the first request to the rule only."""
    settings.DEMO, settings.DEMO_AZURE_URL = True, httpserver.url_for("").rstrip("/")
    token = f"/{AZURE.config['tenant_id']}/oauth2/v2.0/token"
    httpserver.expect_request(token).respond_with_json({"access_token": "token", "expires_in": 3600})
    httpserver.expect_oneshot_request(ADDRESS).respond_with_json(DENIED, 403)
    httpserver.expect_request(ADDRESS).respond_with_data("", 204)
    return httpserver


def start(account: Account, **given: object) -> TestRun:
    wanted = {"target": AZURE.target, "config": AZURE.config, "secrets": AZURE.secrets, **given}
    return start_test_run(account=account, **wanted)  # type: ignore[arg-type]


def go(run: TestRun) -> TestRun:
    """Run what is due of it, whenever that may be."""
    TestRun.objects.filter(pk=run.pk, state=TestRun.State.WAITING).update(due_at=timezone.now())
    run_test(run.pk)
    run.refresh_from_db()
    return run


def test_role_that_does_not_count_yet_is_tested_again_until_it_does(azure: HTTPServer, account: Account) -> None:
    run = go(start(account))
    assert run.state == TestRun.State.WAITING
    failed = next(step for step in run.steps if step["status"] == "failed")
    assert failed["label"] == "Reach the rule"
    assert "30 minutes" in failed["remedy"]
    assert "az role assignment create" in failed["copy"]
    assert run.secrets == AZURE.secrets

    run = go(run)

    assert run.state == TestRun.State.PASSED
    assert (run.config, run.secrets) == ({}, {})
    assert {step["status"] for step in run.steps} == {"passed"}


def test_nothing_is_repeated_before_its_time(azure: HTTPServer, account: Account) -> None:
    run = go(start(account))
    asked = len(azure.log)

    run_test(run.pk)

    assert len(azure.log) == asked


def test_waiting_ends_when_the_change_should_have_counted(azure: HTTPServer, account: Account) -> None:
    run = start(account)
    TestRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=31))

    run = go(run)

    assert run.state == TestRun.State.FAILED
    assert run.secrets == {}


def test_new_test_of_the_same_replaces_the_one_that_waits(azure: HTTPServer, account: Account) -> None:
    run = go(start(account))

    start(account)

    run.refresh_from_db()
    assert run.state == TestRun.State.FAILED
    assert run.secrets == {}


def test_sweep_wakes_what_is_due(azure: HTTPServer, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    waked: list[int] = []
    monkeypatch.setattr(wake, "test_run", waked.append)
    run = go(start(account))
    waked.clear()
    TestRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    sweep()
    assert waked == []

    TestRun.objects.filter(pk=run.pk).update(due_at=timezone.now())
    sweep()

    assert waked == [run.pk]


def test_page_says_when_it_goes_on(azure: HTTPServer, account: Account, owner_client: Client) -> None:
    run = go(start(account))

    page = owner_client.get(reverse("destinations:test_run", args=[run.pk])).content.decode()

    assert "We test this step again by ourselves" in page
    assert "No worker has taken this test" not in page
    assert "Copy command" in page


@pytest.fixture
def archive(aws_url: str, settings: Settings) -> dict[str, str]:
    settings.DEMO, settings.DEMO_AWS_URL = True, aws_url
    return dict(DEMO["firehose"].config)


def test_record_is_followed_into_the_bucket(archive: dict[str, str], account: Account) -> None:
    run = go(start(account, target="firehose", config=archive, secrets={}))

    found = next(step for step in run.steps if step["label"] == "Read it back")
    assert found["status"] == "passed"
    assert found["detail"].startswith("found in s3://acme-events-archive/")


def test_record_that_is_not_in_the_bucket_yet_is_looked_for_again_but_sent_once(
    archive: dict[str, str], account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    send = Firehose.send

    def count_and_send(target: Firehose, records: Sequence[Record]) -> SendResult:
        sent.append(len(records))
        return send(target, records)

    monkeypatch.setattr("destinations.targets.firehose.stored_lines", lambda *_, **__: iter(()))
    monkeypatch.setattr(Firehose, "send", count_and_send)

    run = go(start(account, target="firehose", config=archive, secrets={}))
    assert run.state == TestRun.State.WAITING
    assert "the stream gathers for" in run.steps[-2]["detail"]
    assert run.due_at is not None
    run = go(run)
    assert len(sent) == 1
    assert run.repeats == 2

    TestRun.objects.filter(pk=run.pk).update(repeats=99)
    run = go(run)

    assert run.state == TestRun.State.WARNED
    assert "was taken but did not show" in run.steps[-2]["said"]


def test_role_that_may_only_write_is_enough(fake_aws: FakeAws, httpserver: HTTPServer) -> None:
    """The bucket answers AccessDenied to whoever may not list it."""
    described = {
        "DeliveryStreamStatus": "ACTIVE",
        "Destinations": [{"ExtendedS3DestinationDescription": {"BucketARN": "arn:aws:s3:::theirs"}}],
    }
    fake_aws.answer("DescribeDeliveryStream", {"DeliveryStreamDescription": described})
    httpserver.expect_request("/theirs").respond_with_data(
        "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", 403, content_type="application/xml"
    )
    config = {**BY_KEYS, "delivery_stream_arn": DEMO["firehose"].config["delivery_stream_arn"]}
    target = Firehose(config, KEY_SECRETS, Context("", aws_url=fake_aws.url))

    found = target.read_back(make_record())
    target.close()

    assert found is not None
    assert found.detail == "Not read back: we may only write there, which is enough."
