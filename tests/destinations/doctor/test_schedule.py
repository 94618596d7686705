"""Checks that nobody asked for."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.doctor.schedule import failing_checks, start_due_checks
from destinations.emulators.receivers import Server
from destinations.models import Destination, TestRun
from destinations.outcome import ConfigurationError
from destinations.targets._aws_errors import NOT_ASSUMED
from destinations.testing import run_test
from tests.destinations.setup.samples import config_for
from tests.factories import make_destination

NOW = timezone.now()
LONG_AGO = NOW - timedelta(days=3)
REFUSED = ConfigurationError("Datadog refused the API key at datadoghq.eu (403).", code="403", remedy="Check the site.")


@pytest.fixture
def idle(account: Account, receiver: Server) -> Destination:
    destination = make_destination(account)
    Destination.objects.filter(pk=destination.pk).update(created_at=LONG_AGO)
    destination.refresh_from_db()
    return destination


def the_run() -> TestRun:
    run = TestRun.objects.latest("pk")
    run_test(run.pk)
    run.refresh_from_db()
    return run


def test_idle_destination_is_checked_once_a_day_and_nothing_is_left_there(idle: Destination, receiver: Server) -> None:
    assert start_due_checks(NOW) == 1
    assert start_due_checks(NOW) == 0

    run = the_run()
    assert (run.purpose, run.state) == ("check", "passed")
    assert [step["label"] for step in run.steps] == ["Configuration", "Name and TLS", "Validate the API key", "Limits"]
    assert receiver.store.total == 0
    assert start_due_checks(NOW + timedelta(days=2)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"created_at": NOW},
        {"last_attempt_at": NOW - timedelta(hours=1)},
        {"state": "paused"},
        {"deleted_at": NOW},
    ],
    ids=["new", "busy", "paused", "deleted"],
)
def test_others_are_left_alone(idle: Destination, changed: dict[str, object]) -> None:
    Destination.objects.filter(pk=idle.pk).update(**changed)

    assert start_due_checks(NOW) == 0


def test_destination_that_becomes_blocked_is_checked_at_once_and_only_then(idle: Destination) -> None:
    idle.block(REFUSED, NOW)

    assert start_due_checks(NOW) == 1
    assert start_due_checks(NOW) == 0
    assert TestRun.objects.get().purpose == "blocked"


def test_blocked_destination_that_passes_is_tried_at_once(idle: Destination) -> None:
    idle.block(REFUSED, NOW)
    start_due_checks(NOW)

    assert the_run().state == "passed"
    idle.refresh_from_db()
    assert idle.retry_at is None


def test_failed_check_is_told_until_something_is_delivered(idle: Destination, account: Account) -> None:
    Destination.objects.filter(pk=idle.pk).update(last_attempt_at=None)
    idle.secrets = {"api_key": "wrong-key"}
    idle.save(update_fields=["secrets"])
    start_due_checks(NOW)

    run = the_run()
    assert run.state == "failed"
    assert failing_checks(account) == [run]
    idle.note_success(timezone.now())
    assert failing_checks(account) == []


def test_healthy_destination_has_no_advice(idle: Destination) -> None:
    assert idle.advice is None


def test_blocked_destination_has_advice(idle: Destination) -> None:
    idle.block(REFUSED, NOW)

    assert idle.advice is not None
    assert idle.advice.cause.startswith("The key was revoked")
    assert idle.advice.who == "You"


def test_page_of_a_blocked_destination_offers_what_to_paste(
    account: Account, owner_client: Client, settings: Settings
) -> None:
    settings.AWS_PRINCIPALS = ["arn:aws:iam::999900001111:role/event-delivery"]
    role = "arn:aws:iam::123456789012:role/new-events-writer"
    destination = make_destination(account, target="kinesis", config=config_for("kinesis", role_arn=role), secrets={})
    destination.block(ConfigurationError(NOT_ASSUMED, code="AccessDenied", remedy="Check it."), NOW)

    page = owner_client.get(reverse("delivery:destination", args=[destination.pk])).content.decode()

    assert "AWS gives one answer for five" in page
    assert "Copy trust policy" in page
    assert account.external_id in page
