"""Events that a broken filter left undecided are decided once it is mended, and the books close all the while."""

from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account
from delivery.fate import State, fate_of
from delivery.ledger import Scope, faults
from delivery.mending import mend_account, undecided_retention
from delivery.models import Delivery, RoutedBatch, Routing, Tally
from delivery.retention import prune
from delivery.route import route_account
from events.models import EventBatch
from events.publishing import publish
from subscriptions.models import Source, Subscription
from subscriptions.services import SourceSpec, delete_subscription, update_subscription
from tests.carrying import Carry, FakeDatadog
from tests.factories import HTTP, PORT_443, TCP, make_destination, make_subscription, on_port

pytestmark = pytest.mark.django_db

ON_443 = SourceSpec(HTTP, PORT_443)


@pytest.fixture
def broken(account: Account) -> Subscription:
    """Takes HTTP requests by a filter that no longer compiles, and every TCP connection."""
    subscription = make_subscription(account, make_destination(account), sources=[ON_443, SourceSpec(TCP)])
    Source.objects.filter(subscription=subscription, event_type=HTTP).update(filter="ev.(")
    account.touch_configuration()
    publish([on_port(443), on_port(80), on_port(443), on_port(22, TCP)], account=account)
    route_account(account.pk)
    return subscription


def tallied() -> tuple[int, int, int]:
    sums = Tally.objects.aggregate(**{name: Sum(name) for name in ("matched", "filtered", "undecided")})
    return sums["matched"], sums["filtered"], sums["undecided"]


def assert_ledger_closes() -> None:
    assert list(faults(Scope())) == []


def test_the_other_sources_of_a_batch_are_decided_at_once(account: Account, broken: Subscription) -> None:
    assert Delivery.objects.get().count == 1
    assert tallied() == (1, 0, 3)
    assert mend_account(account.pk) == 0, "Nothing is mended yet."
    assert RoutedBatch.objects.get().outcome[0]["undecided_types"] == [HTTP]
    assert_ledger_closes()


def test_a_mended_filter_decides_what_waited_for_it(
    account: Account, broken: Subscription, datadog: FakeDatadog, carry: Carry
) -> None:
    update_subscription(subscription=broken, actor=SYSTEM, sources=[ON_443, SourceSpec(TCP)])

    assert mend_account(account.pk) == 3

    carry(account)
    assert [record["object"]["conn"]["server_port"] for record in datadog.arrived] == [22, 443, 443]
    assert tallied() == (3, 1, 0)
    own, later = RoutedBatch.objects.order_by("pk")
    assert not own.is_undecided
    assert (own.outcome[0]["of_types"], own.outcome[0]["revision"]) == (1, 1)
    assert (later.outcome[0]["of_types"], later.outcome[0]["matched"], later.outcome[0]["revision"]) == (3, 2, 2)
    assert mend_account(account.pk) == 0, "Once is enough."
    assert_ledger_closes()


def test_events_of_a_source_that_was_taken_out_are_filtered(account: Account, broken: Subscription) -> None:
    update_subscription(subscription=broken, actor=SYSTEM, sources=[SourceSpec(TCP)])

    assert mend_account(account.pk) == 3

    assert tallied() == (1, 3, 0)
    assert not RoutedBatch.objects.get().is_undecided
    assert_ledger_closes()


def test_events_of_a_deleted_subscription_are_filtered(account: Account, broken: Subscription) -> None:
    delete_subscription(subscription=broken, actor=SYSTEM)

    assert mend_account(account.pk) == 3

    assert tallied() == (1, 3, 0)
    assert_ledger_closes()


def test_a_subscription_that_is_off_keeps_its_undecided_events(account: Account, broken: Subscription) -> None:
    update_subscription(subscription=broken, actor=SYSTEM, state=Subscription.State.OFF)

    assert mend_account(account.pk) == 0

    assert tallied() == (1, 0, 3)
    assert_ledger_closes()


def test_mending_of_another_account_is_nobodys_business(
    account: Account, broken: Subscription, stranger: object
) -> None:
    update_subscription(subscription=broken, actor=SYSTEM, sources=[ON_443, SourceSpec(TCP)])
    other = Account.objects.exclude(pk=account.pk).get()

    assert mend_account(other.pk) == 0

    assert RoutedBatch.objects.get().is_undecided


def age(days: float) -> None:
    then = timezone.now() - timedelta(days=days)
    EventBatch.objects.update(accepted_at=then, routed_at=then)
    Routing.objects.update(routed_at=then)
    Tally.objects.update(minute=then.replace(second=0, microsecond=0))


@pytest.mark.parametrize("state", [Subscription.State.ACTIVE, Subscription.State.OFF])
def test_what_nobody_mends_is_given_up_and_told(account: Account, broken: Subscription, state: str) -> None:
    update_subscription(subscription=broken, actor=SYSTEM, state=Subscription.State(state))
    batch = RoutedBatch.objects.get().event_batch
    age(days=13.9)
    assert mend_account(account.pk) == 0
    assert "payloads" not in prune()

    age(days=14.1)
    assert mend_account(account.pk) == 3

    assert tallied() == (1, 3, 0)
    assert not RoutedBatch.objects.get().is_undecided
    for event_id in (batch.first_event_id, batch.last_event_id):
        found = fate_of(account, event_id)
        assert found is not None
        is_tcp = event_id == batch.last_event_id
        assert found.fates[0].state == (State.WAITING if is_tcp else State.EXPIRED_UNDECIDED)
    assert prune()["payloads"] == 1
    assert mend_account(account.pk) == 0, "Once is enough."
    assert_ledger_closes()


def test_what_can_be_decided_is_decided_however_old_it_is(
    account: Account, broken: Subscription, datadog: FakeDatadog, carry: Carry
) -> None:
    age(days=20)
    update_subscription(subscription=broken, actor=SYSTEM, sources=[ON_443, SourceSpec(TCP)])

    assert mend_account(account.pk) == 3

    assert tallied() == (3, 1, 0)
    assert_ledger_closes()


@pytest.mark.parametrize(("days", "kept"), [(7, 14), (20, 30), (30, 30), (90, 90)])
def test_undecided_events_are_kept_longer_than_others_but_not_for_ever(account: Account, days: int, kept: int) -> None:
    account.payload_retention_days = days

    assert undecided_retention(account) == timedelta(days=kept)
