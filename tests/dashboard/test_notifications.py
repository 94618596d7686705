"""Notices by mail: of what, when, and how often."""

import re
from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account, OutgoingMail, User
from dashboard.models import Notice
from dashboard.notifications import notify
from delivery.models import Delivery, Tally
from destinations.doctor.causes import find
from destinations.models import Destination
from destinations.outcome import RetryableError
from destinations.services import pause_destination, resume_destination
from subscriptions.models import Subscription
from tests.dashboard.mails import block, subjects
from tests.factories import HTTP, make_destination


def text() -> str:
    newest = OutgoingMail.objects.latest("pk")
    assert newest.content["html"]
    return newest.content["text"]


def hold(subscription: Subscription, since: timedelta, count: int = 1284) -> Delivery:
    return Delivery.objects.create(
        account=subscription.account,
        subscription=subscription,
        revision=1,
        destination=subscription.destinations.get(),
        routed_at=timezone.now() - since,
        count=count,
        bytes=count * 100,
        payload=b"",
    )


def test_a_blocked_destination_is_told_of_once(subscription: Subscription, destination: Destination) -> None:
    hold(subscription, timedelta(hours=1))
    block(destination)

    assert (notify(), notify()) == (1, 0)

    assert subjects() == ["Blocked: Datadog EU (1,284 records held, first loss in 6 d 22 h)"] or subjects() == [
        "Blocked: Datadog EU (1,284 records held, first loss in 6 d 23 h)"
    ]
    for words in (
        "Datadog refused the API key.",
        "The service said: Forbidden",
        "Check the site first",
        "Likely cause: ",
        "Who acts: You. Heals by itself: Once it is mended",
        "/destinations/ed_",
    ):
        assert words in text(), words


def test_remedy_of_a_failure_without_one_is_the_error_tables(
    subscription: Subscription, destination: Destination
) -> None:
    hold(subscription, timedelta(hours=1))
    error = RetryableError("Datadog is asking us to slow down.", code="429")
    destination.note_failure(error, timezone.now() + timedelta(minutes=5), timezone.now())

    notify()

    row = find("datadog", "429")
    assert row is not None
    assert f"What to do: {row.remedy}" in text()
    assert "Who acts: Nobody" in text()


def test_healing_is_told_once(destination: Destination) -> None:
    block(destination)
    notify()
    destination.refresh_from_db()
    destination.note_success(timezone.now())

    assert (notify(), notify()) == (1, 0)

    assert subjects()[-1] == "Healed: Datadog EU"
    assert "Datadog takes records again since" in text()


def test_pausing_a_blocked_destination_is_no_healing(destination: Destination, owner: User) -> None:
    block(destination)
    notify()
    pause_destination(destination=destination, user=owner, actor=SYSTEM)

    assert notify() == 0
    assert Notice.objects.get().ended_at is not None


def test_a_destination_that_flaps_fills_no_mailbox(destination: Destination) -> None:
    begun = timezone.now()
    for minute in range(0, 60, 10):
        with time_machine.travel(begun + timedelta(minutes=minute)):
            block(destination)
            notify()
            destination.refresh_from_db()
            destination.note_success(timezone.now())
            notify()

    assert len(subjects()) == 2
    assert Notice.objects.count() == 6


def test_the_next_episode_is_told_of_again(destination: Destination) -> None:
    block(destination)
    notify()
    destination.refresh_from_db()
    destination.note_success(timezone.now())
    notify()

    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        block(destination)
        assert notify() == 1


def test_falling_behind_is_told_after_a_quarter_of_an_hour(subscription: Subscription) -> None:
    hold(subscription, timedelta(minutes=14), count=312)
    assert notify() == 0

    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        notify()

    assert subjects() == ["Behind: Datadog EU (312 records wait, the oldest for 16 min)"]


@pytest.mark.parametrize("days", [30, 7, 1, -1])
def test_credentials_that_end_are_told_of_once_a_warning(destination: Destination, days: int) -> None:
    today = timezone.localdate()
    Destination.objects.update(credentials_expire_on=today + timedelta(days=days))

    assert (notify(), notify()) == (1, 0)

    assert subjects()[0].startswith("Credentials end: Datadog EU (")
    assert "The credentials of Datadog EU end" in text()
    assert "tested before they take over" in text()


def test_each_warning_of_credentials_is_told_until_they_are_exchanged(destination: Destination) -> None:
    Destination.objects.update(credentials_expire_on=timezone.localdate() + timedelta(days=31))
    assert notify() == 0
    told = []
    for days in (2, 20, 25, 30, 31, 33):
        with time_machine.travel(timezone.now() + timedelta(days=days), tick=False):
            told.append(notify())
    assert told == [1, 0, 1, 1, 0, 1]

    Destination.objects.update(credentials_expire_on=None)
    assert notify() == 0
    assert not Notice.objects.filter(ended_at=None).exists()


def test_what_a_paused_subscription_holds_is_not_behind(subscription: Subscription) -> None:
    hold(subscription, timedelta(hours=2))
    Subscription.objects.update(state=Subscription.State.PAUSED)

    assert notify() == 0


def test_what_a_paused_destination_holds_is_told_before_it_is_lost(
    subscription: Subscription, destination: Destination, owner: User
) -> None:
    hold(subscription, timedelta(days=6, minutes=30), count=1)
    pause_destination(destination=destination, user=owner, actor=SYSTEM)

    notify()

    assert subjects() == ["Records will be lost: Datadog EU (1 record wait, first loss in 23 h 30 min)"] or subjects()[
        0
    ].startswith("Records will be lost: Datadog EU (1 record wait")
    assert "It is paused." in text()


def test_the_loss_is_told_by_the_age_that_the_service_takes_at_most(
    subscription: Subscription, destination: Destination, owner: User, owner_client: Client
) -> None:
    """Datadog takes 18 hours, and this destination refuses what is older."""
    Destination.objects.update(refuses_too_old=True)
    waiting = hold(subscription, timedelta(hours=1), count=2)
    pause_destination(destination=destination, user=owner, actor=SYSTEM)
    assert notify() == 0, "Two thirds of the time are left."
    assert "Records expire" not in owner_client.get("/").content.decode()

    Delivery.objects.filter(pk=waiting.pk).update(routed_at=timezone.now() - timedelta(hours=15))
    notify()

    assert "first loss in 3 h" in subjects()[0] or "first loss in 2 h 59 min" in subjects()[0]
    page = owner_client.get("/").content.decode()
    assert "Records expire" in page
    assert re.search(r"the first is lost in [23]\sh", page)


def test_a_resumed_destination_gets_time_to_catch_up(
    subscription: Subscription, destination: Destination, owner: User
) -> None:
    hold(subscription, timedelta(hours=2))
    pause_destination(destination=destination, user=owner, actor=SYSTEM)
    resume_destination(destination=destination, actor=SYSTEM)

    assert notify() == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert notify() == 1


def test_one_that_heals_with_a_backlog_is_not_called_behind(
    subscription: Subscription, destination: Destination
) -> None:
    hold(subscription, timedelta(hours=2))
    block(destination)
    notify()
    destination.refresh_from_db()
    destination.note_success(timezone.now())

    notify()

    assert subjects()[1:] == ["Healed: Datadog EU (sending 1,284 records)"]


def delivered_on(subscription: Subscription, moment: datetime) -> None:
    Tally.objects.create(
        account=subscription.account,
        minute=moment,
        subscription=subscription,
        revision=1,
        destination=subscription.destinations.get(),
        event_type=HTTP,
        delivered=10,
    )


@pytest.mark.parametrize(("days", "told"), [(4, 1), (1, 0)])
def test_silence_is_told_of_who_usually_delivers(
    subscription: Subscription, destination: Destination, days: int, told: int
) -> None:
    last = timezone.now() - timedelta(hours=26)
    for day in range(days):
        delivered_on(subscription, last - timedelta(days=day))
    Destination.objects.filter(pk=destination.pk).update(last_success_at=last)

    assert notify() == told
    if told:
        assert subjects() == ["Silent: Datadog EU (nothing sent for 1 d 2 h)"]


def test_silence_is_no_trouble_where_nobody_subscribes(subscription: Subscription, destination: Destination) -> None:
    last = timezone.now() - timedelta(hours=26)
    for day in range(4):
        delivered_on(subscription, last - timedelta(days=day))
    Destination.objects.filter(pk=destination.pk).update(last_success_at=last)
    Subscription.objects.update(state=Subscription.State.OFF)

    assert notify() == 0


@pytest.mark.parametrize("change", [{"deleted_at": timezone.now()}])
def test_a_deleted_destination_is_told_of_no_more(destination: Destination, change: dict[str, datetime]) -> None:
    block(destination)
    notify()
    Destination.objects.filter(pk=destination.pk).update(**change)

    assert notify() == 0
    assert Notice.objects.get().ended_at is not None


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_look_at_once_tell_once(destination: Destination) -> None:
    block(destination)
    start = Barrier(2)

    def look() -> None:
        start.wait(5)
        notify()
        connections.close_all()

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(subjects()) == 1


def test_looking_costs_the_same_with_many_healthy_destinations(
    account: Account, owner: User, django_assert_max_num_queries: object
) -> None:
    for _ in range(30):
        make_destination(account)

    with django_assert_max_num_queries(6):  # type: ignore[operator]
        notify()
