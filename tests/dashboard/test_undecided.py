"""Events whose filter does not compile any more are on the overview, with the time that is left to mend it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account
from delivery.mending import mend_account
from delivery.models import Routing, Tally
from delivery.rolling_up import sum_deltas
from delivery.route import route_account
from events.publishing import publish
from subscriptions.models import Source, Subscription
from subscriptions.services import SourceSpec, update_subscription
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
