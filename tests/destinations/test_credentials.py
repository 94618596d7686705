"""Credentials that end, and new ones that take over without a gap."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts.audit import SYSTEM
from accounts.models import Account, AuditEntry, User
from destinations.credentials import expiring, expiry_of
from destinations.emulators.receivers import Server
from destinations.models import Destination, TestRun
from destinations.services import update_destination
from destinations.testing import run_test
from tests.destinations.setup.samples import config_for
from tests.factories import make_destination

NEW_KEY = "fedcba9876543210fedcba9876543210"
OLD_KEY = "0123456789abcdef0123456789abcdef"


def ends_in(destination: Destination, days: int) -> None:
    on = timezone.localdate() + timedelta(days=days)
    Destination.objects.filter(pk=destination.pk).update(credentials_expire_on=on)
    destination.refresh_from_db()


@pytest.mark.parametrize(
    ("days", "threshold", "words"),
    [
        (30, 30, "end in 30 days"),
        (8, 30, "end in 8 days"),
        (7, 7, "end in 7 days"),
        (1, 1, "end tomorrow"),
        (0, 1, "end today"),
        (-1, 0, "ended on"),
    ],
)
def test_warnings_become_more_urgent(destination: Destination, days: int, threshold: int, words: str) -> None:
    ends_in(destination, days)

    warning = expiry_of(destination, timezone.now())

    assert warning is not None
    assert warning.threshold == threshold
    assert words in warning.words


@pytest.mark.parametrize("days", [31, 400])
def test_there_is_no_warning_long_before(destination: Destination, days: int) -> None:
    ends_in(destination, days)

    assert expiry_of(destination, timezone.now()) is None


def test_warnings_of_an_account_cost_one_query_and_are_its_own(
    account: Account, stranger: object, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    foreign = make_destination(Account.objects.exclude(pk=account.pk).get())
    soon, later = make_destination(account), make_destination(account)
    for each, days in ((foreign, 1), (later, 20), (soon, 2)):
        ends_in(each, days)

    with django_assert_num_queries(1):
        found = expiring(account, timezone.now())

    assert [each.destination for each in found] == [soon, later]


def rotate(client: Client, destination: Destination, key: str = NEW_KEY, **given: str) -> TestRun:
    address = reverse("destinations:rotate", args=[destination.pk])
    response = client.post(address, {"target-api_key": key, **given})
    assert response.status_code == 302, response.content.decode()
    run = TestRun.objects.latest("pk")
    assert response["Location"] == reverse("destinations:test_run", args=[run.pk])
    return run


def test_new_credentials_take_over_when_they_pass(
    receiver: Server, destination: Destination, owner_client: Client
) -> None:
    run = rotate(owner_client, destination, **{"new-expires_on": "2030-01-31"})
    destination.refresh_from_db()
    assert destination.secrets == {"api_key": OLD_KEY}

    run_test(run.pk)

    destination.refresh_from_db()
    run.refresh_from_db()
    assert destination.secrets == {"api_key": NEW_KEY}
    assert destination.credentials_expire_on == date(2030, 1, 31)
    assert destination.revision == 2
    assert run.steps[-1]["label"] == "Switch over"
    assert (run.secrets, run.rotation) == ({}, {})
    entry = AuditEntry.objects.latest("pk")
    assert entry.event_type == "event_destination_updated.v0"
    assert NEW_KEY not in str(entry.before) + str(entry.after)


def test_new_credentials_that_fail_leave_the_old_ones(
    receiver: Server, destination: Destination, owner_client: Client
) -> None:
    run = rotate(owner_client, destination, key="wrong" + NEW_KEY[5:])

    run_test(run.pk)

    destination.refresh_from_db()
    run.refresh_from_db()
    assert run.state == "failed"
    assert destination.secrets == {"api_key": OLD_KEY}
    assert destination.revision == 1


def test_change_in_the_meantime_is_not_overwritten(
    receiver: Server, destination: Destination, owner_client: Client
) -> None:
    run = rotate(owner_client, destination)
    update_destination(destination=destination, actor=SYSTEM, secrets={"api_key": "a" * 32})

    run_test(run.pk)

    destination.refresh_from_db()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "changed meanwhile" in run.steps[-1]["detail"]
    assert destination.secrets == {"api_key": "a" * 32}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"target-api_key": ""}, "Enter the API key."),
        ({"target-api_key": "a key with spaces"}, "Copy it again"),
        ({"target-api_key": NEW_KEY, "new-expires_on": "2020-01-01"}, "1 Jan 2020 is over"),
    ],
)
def test_what_can_not_be_tested_is_refused(
    destination: Destination, owner_client: Client, typed: dict[str, str], words: str
) -> None:
    response = owner_client.post(reverse("destinations:rotate", args=[destination.pk]), typed)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert OLD_KEY not in response.content.decode()
    assert not TestRun.objects.exists()


def test_rotation_can_not_move_the_destination(
    receiver: Server, destination: Destination, owner_client: Client
) -> None:
    run = rotate(owner_client, destination, **{"target-site": "us5.datadoghq.com"})

    assert run.config["site"] == "datadoghq.eu"


def test_last_day_is_saved_and_warned_of(destination: Destination, owner_client: Client) -> None:
    soon = timezone.localdate() + timedelta(days=3)
    address = reverse("destinations:save_expiry", args=[destination.pk])

    page = owner_client.post(address, {"expires_on": soon.isoformat()}, follow=True).content.decode()

    assert "end in 3 days" in page
    assert owner_client.post(address, {"expires_on": "2020-01-01"}).status_code == 422


def test_last_day_is_entered_and_taken_away_in_the_trail(
    destination: Destination, owner: User, owner_client: Client
) -> None:
    address = reverse("destinations:save_expiry", args=[destination.pk])

    for typed in ("2031-05-06", "2031-05-06", ""):
        owner_client.post(address, {"expires_on": typed})

    entries = AuditEntry.objects.filter(actor_id=owner.pk, object_id=destination.pk).order_by("pk")
    told = entries.values_list("before__credentials_expire_on", "after__credentials_expire_on")
    assert list(told) == [(None, "2031-05-06"), ("2031-05-06", None)]
    destination.refresh_from_db()
    assert destination.revision == 1


NEW = {"description": "Datadog US", "target-site": "datadoghq.com", "target-api_key": NEW_KEY}


def test_last_day_is_entered_with_a_new_destination(owner_client: Client) -> None:
    address = reverse("destinations:create", args=["datadog"])
    assert 'name="expires_on"' in owner_client.get(address).content.decode()

    assert owner_client.post(address, {**NEW, "expires_on": "2020-01-01"}).status_code == 422
    assert owner_client.post(address, {**NEW, "expires_on": "2031-05-06"}).status_code == 302

    assert Destination.objects.get().credentials_expire_on == date(2031, 5, 6)


def test_last_day_is_changed_with_the_configuration_and_one_that_is_over_stays_in_nobodys_way(
    destination: Destination, owner_client: Client
) -> None:
    ends_in(destination, -3)
    over = destination.credentials_expire_on
    assert over is not None
    address = reverse("destinations:configuration", args=[destination.pk])
    given = {"description": "Renamed", "target-site": "datadoghq.eu", "expires_on": over.isoformat()}

    assert owner_client.post(address, given).status_code == 302
    destination.refresh_from_db()
    assert (destination.description, destination.credentials_expire_on) == ("Renamed", over)

    assert owner_client.post(address, {**given, "expires_on": ""}).status_code == 302
    destination.refresh_from_db()
    assert destination.credentials_expire_on is None


def test_role_has_no_last_day(owner_client: Client) -> None:
    role = "arn:aws:iam::123456789012:role/new-events-writer"
    given = {f"target-{name}": value for name, value in config_for("kinesis", role_arn=role).items()}
    address = reverse("destinations:create", args=["kinesis"])

    assert owner_client.post(address, {**given, "description": "Stream", "expires_on": "2031-05-06"}).status_code == 302

    assert Destination.objects.get().credentials_expire_on is None


def test_role_has_nothing_to_rotate(account: Account, owner_client: Client) -> None:
    destination = make_destination(account, target="kinesis", config=config_for("kinesis"), secrets={})

    page = owner_client.get(reverse("destinations:credentials", args=[destination.pk])).content.decode()

    assert "there is nothing to rotate" in page
    address = reverse("destinations:rotate", args=[destination.pk])
    assert owner_client.post(address, {"target-aws_secret_access_key": "x" * 40}).status_code == 422


def test_access_key_is_rotated_with_its_id(account: Account, owner_client: Client) -> None:
    config = config_for("kinesis", auth="keys", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", role_arn="")
    destination = make_destination(
        account, target="kinesis", config=config, secrets={"aws_secret_access_key": "old" * 13}
    )

    page = owner_client.get(reverse("destinations:credentials", args=[destination.pk])).content.decode()

    assert 'name="target-aws_access_key_id"' in page
    assert 'name="target-stream_arn"' not in page
    assert "AKIAIOSFODNN7EXAMPLE" not in page


@pytest.mark.parametrize("name", ["credentials", "save_expiry", "rotate"])
def test_strangers_and_viewers_are_kept_out(
    destination: Destination, stranger_client: Client, viewer_client: Client, client: Client, name: str
) -> None:
    address = reverse(f"destinations:{name}", args=[destination.pk])
    call = "get" if name == "credentials" else "post"

    assert getattr(stranger_client, call)(address).status_code == 404
    assert getattr(viewer_client, call)(address).status_code == 403
    assert getattr(client, call)(address).status_code == 302
    wrong = "post" if name == "credentials" else "get"
    assert getattr(viewer_client, wrong)(address).status_code == 405
