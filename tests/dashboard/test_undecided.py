"""Events whose filter does not compile any more: on the overview and by mail, with the time left to mend it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account, OutgoingMail, User
from dashboard.models import Notice
from dashboard.notifications import notify
from delivery.mending import mend_account
from delivery.models import Routing, Tally
from delivery.rolling_up import sum_deltas
from delivery.route import route_account
from events.publishing import publish
from subscriptions.models import Source, Subscription
from subscriptions.services import SourceSpec, update_subscription
from tests.dashboard.mails import subjects
from tests.factories import HTTP, make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(account: Account) -> Subscription:
    """An event of two days ago and two of now are undecided."""
    subscription = make_subscription(account, make_destination(account), sources=[SourceSpec(HTTP)])
    Source.objects.filter(subscription=subscription).update(filter="ev.(")
    account.touch_configuration()
    publish([make_event()], account=account)
    route_account(account.pk)
    then = timezone.now().replace(second=0, microsecond=0) - timedelta(days=2)
    Tally.objects.update(minute=then)
    Routing.objects.update(routed_at=then)
    publish([make_event(), make_event()], account=account)
    route_account(account.pk)
    return subscription


def overview(client: Client) -> str:
    return client.get("/").content.decode()


def test_what_is_undecided_is_told_with_the_time_that_is_left(owner_client: Client, broken: Subscription) -> None:
    page = overview(owner_client)

    assert "3 events are held until it is mended, the first for another 1" in page
    assert "Mend the filter" in page


def test_tallies_that_are_summed_tell_the_same(owner_client: Client, broken: Subscription) -> None:
    while sum_deltas(timezone.now() + timedelta(days=1)):
        pass

    assert "3 events are held until it is mended, the first for another 1" in overview(owner_client)


def test_once_it_is_mended_nothing_is_told(owner_client: Client, account: Account, broken: Subscription) -> None:
    update_subscription(subscription=broken, actor=SYSTEM, sources=[SourceSpec(HTTP)])
    mend_account(account.pk)

    assert "A filter no longer compiles" not in overview(owner_client)


def test_it_is_mailed_once_with_what_is_held_and_what_to_do(owner: User, broken: Subscription) -> None:
    assert (notify(), notify()) == (1, 0)

    (subject,) = subjects()
    assert subject.startswith(f"Filter error: {broken.name} (3 events held, first loss in 1")
    mail = OutgoingMail.objects.get()
    assert mail.to == owner.email
    for words in (
        "A filter of this subscription no longer compiles.",
        "None is lost; the first will be given up in 1",
        "What to do: Mend the filter and save.",
        f"Subscription: {broken.name}",
        f"/subscriptions/{broken.pk}/edit/",
    ):
        assert words in mail.content["text"], words
    assert "Open the subscription" in mail.content["html"]


def test_once_it_is_mended_the_next_time_is_told_again(owner: User, account: Account, broken: Subscription) -> None:
    notify()
    update_subscription(subscription=broken, actor=SYSTEM, sources=[SourceSpec(HTTP)])
    mend_account(account.pk)

    assert notify() == 0
    assert Notice.objects.get().ended_at is not None

    Notice.objects.update(began_at=timezone.now() - timedelta(hours=2))
    Source.objects.filter(subscription=broken).update(filter="ev.(")
    account.touch_configuration()
    publish([make_event()], account=account)
    route_account(account.pk)
    assert notify() == 1


def test_a_suspended_account_is_not_told(owner: User, account: Account, broken: Subscription) -> None:
    account.suspended_at = timezone.now()
    account.save()

    assert notify() == 0
