"""What people decide about records that wait, and what time decides."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account, AuditEntry
from common.clock import database_now
from delivery import expiry
from delivery.claim import claim
from delivery.drain import drain
from delivery.expiry import expire_held
from delivery.health import health_of
from delivery.held import (
    Leftover,
    NotPossibleError,
    Resume,
    count_waiting,
    delete_destination_with,
    discard_waiting,
    move_waiting,
    resume,
)
from delivery.ledger import Scope, faults
from delivery.models import DeadLetter, Delivery, Tally
from delivery.route import route_account
from delivery.sweep import sweep
from destinations.models import Destination
from destinations.services import delete_destination, pause_destination
from events.publishing import publish
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec, delete_subscription, update_subscription
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import AUDIT, HTTP, make_account, make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(account: Account, destination: Destination, subscription: Subscription) -> list[str]:
    """IDs of six events in three deliveries that wait at a paused destination."""
    pause_destination(destination=destination, user=None, actor=SYSTEM)
    ids: list[str] = []
    for _ in range(3):
        ids += publish([make_event(), make_event()], account=account).event_ids
        route_account(account.pk)
    return ids


def assert_ledger_closes() -> None:
    assert list(faults(Scope())) == []


def test_what_waits_is_counted_with_the_time_of_the_first_loss(
    account: Account, destination: Destination, subscription: Subscription, held: list[str]
) -> None:
    waiting = count_waiting(destination=destination)

    oldest = Delivery.objects.earliest("routed_at").routed_at
    assert (waiting.records, waiting.oldest) == (6, oldest)
    assert waiting.first_loss_at == oldest + timedelta(days=7)
    assert count_waiting(destination=make_destination(account)).oldest is None


def test_resume_in_order(account: Account, destination: Destination, held: list[str], datadog: FakeDatadog) -> None:
    resume(destination=destination, how=Resume.IN_ORDER, actor=SYSTEM)

    drain(destination.pk)

    assert datadog.event_ids == held


def test_resume_newest_first_sends_the_latest_delivery_before_the_others_and_then_in_order_again(
    account: Account, destination: Destination, held: list[str], datadog: FakeDatadog, carry: Carry
) -> None:
    resume(destination=destination, how=Resume.NEWEST_FIRST, actor=SYSTEM)

    carry(account)

    assert datadog.event_ids == [*held[4:], *held[2:4], *held[:2]]
    destination.refresh_from_db()
    assert not destination.newest_first
    assert_ledger_closes()


def test_resume_with_skip_discards_what_was_held_and_sends_what_comes(
    account: Account, destination: Destination, held: list[str], datadog: FakeDatadog, carry: Carry
) -> None:
    assert resume(destination=destination, how=Resume.SKIP, actor=SYSTEM) == 6
    (fresh,) = publish([make_event()], account=account).event_ids
    carry(account)

    assert datadog.event_ids == [fresh]
    assert Delivery.objects.filter(state="discarded").count() == 3
    assert_ledger_closes()


def test_resume_with_move_sends_what_was_held_elsewhere(
    account: Account, destination: Destination, held: list[str], datadog: FakeDatadog, carry: Carry
) -> None:
    other = make_destination(account, description="Other")

    assert resume(destination=destination, how=Resume.MOVE, to=other, actor=SYSTEM) == 6
    carry(account)

    assert sorted(datadog.event_ids) == sorted(held)
    children = Delivery.objects.filter(destination=other)
    assert [(child.origin, child.parent.state) for child in children if child.parent] == [("replay", "moved")] * 3
    assert_ledger_closes()


@pytest.mark.parametrize("which", ["none", "itself", "deleted", "foreign"])
def test_records_are_not_moved_to_nowhere(
    account: Account, destination: Destination, held: list[str], which: str
) -> None:
    gone = make_destination(account)
    Destination.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    gone.refresh_from_db()
    foreign = make_destination(make_account(name="Other"))
    to = {"none": None, "itself": destination, "deleted": gone, "foreign": foreign}[which]

    with pytest.raises(NotPossibleError):
        resume(destination=destination, how=Resume.MOVE, to=to, actor=SYSTEM)

    assert Delivery.objects.waiting().count() == 3
    destination.refresh_from_db()
    assert destination.state == "paused"


def test_only_the_open_records_of_a_delivery_move(
    account: Account, destination: Destination, subscription: Subscription, datadog: FakeDatadog, carry: Carry
) -> None:
    ids = publish([make_event() for _ in range(4)], account=account).event_ids
    datadog.answers = [answer(413), answer(202), answer(503)]
    carry(account)
    other = make_destination(account, description="Other")

    assert move_waiting(destination=destination, to=other, actor=SYSTEM) == 2
    recorded = AuditEntry.objects.get(event_type="waiting_records_moved")
    assert (recorded.object_id, recorded.after) == (destination.pk, {"records": 2, "destination_id": other.pk})
    carry(account)

    assert datadog.event_ids == list(ids)
    parent = Delivery.objects.get(destination=destination)
    assert (parent.state, parent.delivered_count, parent.moved_count) == ("moved", 2, 2)
    assert_ledger_closes()


def test_what_a_worker_is_sending_is_left_to_it(
    account: Account, destination: Destination, subscription: Subscription, datadog: FakeDatadog
) -> None:
    publish([make_event()], account=account)
    route_account(account.pk)

    assert claim(destination.pk).claims
    assert discard_waiting(owner=destination, actor=SYSTEM) == 0
    assert Delivery.objects.get().state == "waiting"


def test_discarding_of_a_subscription_leaves_those_of_others(
    account: Account, destination: Destination, subscription: Subscription, held: list[str]
) -> None:
    make_subscription(account, destination, description="Second")
    publish([make_event()], account=account)
    route_account(account.pk)

    assert discard_waiting(owner=subscription, actor=SYSTEM) == 7
    recorded = AuditEntry.objects.get(event_type="waiting_records_discarded")
    assert (recorded.object_id, recorded.after) == (subscription.pk, {"records": 7, "destination_id": None})
    assert count_waiting(destination=destination).records == 1
    assert_ledger_closes()


@pytest.mark.parametrize(
    ("leftover", "state"), [(Leftover.DISCARD, "discarded"), (Leftover.DEAD_LETTERS, "dead"), (Leftover.MOVE, "moved")]
)
def test_deleting_a_destination_settles_what_waits(
    account: Account,
    destination: Destination,
    subscription: Subscription,
    held: list[str],
    leftover: Leftover,
    state: str,
) -> None:
    other = make_destination(account, description="Other")
    update_subscription(subscription=subscription, actor=SYSTEM, destinations=[other])

    assert delete_destination_with(destination=destination, actor=SYSTEM, leftover=leftover, to=other) == 6

    assert {delivery.state for delivery in Delivery.objects.filter(destination=destination)} == {state}
    assert DeadLetter.objects.count() == (6 if leftover == Leftover.DEAD_LETTERS else 0)
    assert_ledger_closes()


def test_deleting_a_subscription_lets_go_out_what_waits(
    account: Account, destination: Destination, subscription: Subscription, datadog: FakeDatadog, carry: Carry
) -> None:
    update_subscription(subscription=subscription, actor=SYSTEM, state=Subscription.State.PAUSED)
    ids = publish([make_event()], account=account).event_ids
    carry(account)

    delete_subscription(subscription=subscription, actor=SYSTEM)
    carry(account)

    assert datadog.event_ids == list(ids)


def test_records_held_past_the_retention_become_dead_letters_with_notice(
    account: Account, destination: Destination, held: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "STEP_RECORDS", 1)
    young = Delivery.objects.latest("pk")
    Delivery.objects.exclude(pk=young.pk).update(routed_at=timezone.now() - timedelta(days=7, minutes=1))

    sweep()

    letters = DeadLetter.objects.order_by("pk")
    assert [letter.event_id for letter in letters] == held[:4]
    assert {letter.code for letter in letters} == {"expired"}
    assert "7 days" in letters[0].reason
    assert Delivery.objects.waiting().get() == young
    destination.refresh_from_db()
    assert destination.expired_count == 4
    assert destination.last_expired_at is not None


def test_an_account_with_a_longer_retention_keeps_what_it_holds(account: Account, held: list[str]) -> None:
    Account.objects.filter(pk=account.pk).update(payload_retention_days=30)
    make_account(name="Usual")
    Delivery.objects.update(routed_at=timezone.now() - timedelta(days=8))

    assert expire_held() == 0


def test_what_waits_for_a_destination_that_was_deleted_is_not_forgotten(
    account: Account, destination: Destination, subscription: Subscription, held: list[str]
) -> None:
    Delivery.objects.update(lease_token="worker", lease_expires_at=database_now() + timedelta(seconds=20))
    update_subscription(subscription=subscription, actor=SYSTEM, destinations=[])
    delete_destination_with(destination=destination, actor=SYSTEM, leftover=Leftover.DISCARD)
    assert Delivery.objects.waiting().count() == 3, "A worker has them."

    Delivery.objects.update(lease_expires_at=database_now() - timedelta(seconds=1))
    sweep()

    assert DeadLetter.objects.filter(code="deleted").count() == 6
    assert_ledger_closes()


def test_a_discarded_delivery_of_several_types_is_tallied_by_type(account: Account, destination: Destination) -> None:

    make_subscription(account, destination, sources=[SourceSpec(HTTP), SourceSpec(AUDIT)])
    publish([make_event(), make_event(AUDIT), make_event()], account=account)
    route_account(account.pk)

    discard_waiting(owner=destination, actor=SYSTEM)

    discarded = {tally.event_type: tally.discarded for tally in Tally.objects.filter(discarded__gt=0)}
    assert discarded == {HTTP: 2, AUDIT: 1}


def test_the_sweep_takes_nothing_that_is_to_be_moved_from_a_deleted_destination(
    account: Account,
    destination: Destination,
    subscription: Subscription,
    held: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It makes dead letters of what waits for deleted ones, and may come at any moment."""
    other = make_destination(account, description="Other")
    update_subscription(subscription=subscription, actor=SYSTEM, destinations=[other])

    def delete_and_sweep(**given: Any) -> None:
        delete_destination(**given)
        expire_held()

    monkeypatch.setattr("delivery.held.delete_destination", delete_and_sweep)

    assert delete_destination_with(destination=destination, actor=SYSTEM, leftover=Leftover.MOVE, to=other) == 6
    assert not DeadLetter.objects.exists()
    assert_ledger_closes()


def test_a_service_that_takes_no_older_records_loses_them_sooner(destination: Destination, held: list[str]) -> None:
    Destination.objects.filter(pk=destination.pk).update(refuses_too_old=True)
    destination.refresh_from_db()

    oldest = Delivery.objects.earliest("routed_at").routed_at
    assert count_waiting(destination=destination).first_loss_at == oldest + timedelta(hours=18)
    assert health_of(destination).first_loss_at == oldest + timedelta(hours=18)
