from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account
from delivery.claim import claim
from delivery.drain import drain
from delivery.held import discard_waiting
from delivery.ledger import Scope, faults
from delivery.load import Load
from delivery.models import Attempt, DeadLetter, Delivery
from delivery.route import route_account
from delivery.services import replay_dead_letters
from delivery.settlement import Sent, Settlement
from delivery.settling import LeaseLostError, write
from destinations.models import Destination
from destinations.services import pause_destination, resume_destination
from events.publishing import publish
from subscriptions.models import Subscription
from subscriptions.services import update_subscription
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import make_event, make_subscription

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("subscription")]


def publish_some(account: Account, count: int = 3) -> list[str]:
    return list(publish([make_event() for _ in range(count)], account=account).event_ids)


def let_retry(destination: Destination) -> None:
    Destination.objects.filter(pk=destination.pk).update(retry_at=None)
    Delivery.objects.update(next_attempt_at=timezone.now())


def assert_ledger_closes() -> None:
    assert list(faults(Scope())) == []


def test_records_arrive_in_order_and_are_settled(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    ids = publish_some(account)

    carry(account)

    assert datadog.event_ids == ids
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.delivered_count, delivery.attempts, delivery.payload) == ("delivered", 3, 1, None)
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.code, attempt.records) == ("delivered", "202", 3)
    assert_ledger_closes()


def test_deliveries_of_many_runs_share_a_request(
    account: Account, destination: Destination, datadog: FakeDatadog
) -> None:
    for _ in range(4):
        publish_some(account, 2)
        route_account(account.pk)

    drain(destination.pk)

    assert [len(request) for request in datadog.requests] == [8]
    assert Attempt.objects.get().parts.count() == 4


def test_a_transient_failure_is_retried_with_the_same_event_ids(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(503)]
    ids = publish_some(account)

    carry(account)

    destination.refresh_from_db()
    assert destination.consecutive_failures == 1
    assert destination.retry_at is not None
    assert Delivery.objects.get().state == "waiting"
    # The jitter may leave it less time than a slow machine takes for the next line.
    Destination.objects.update(retry_at=timezone.now() + timedelta(minutes=1))
    carry(account)
    assert len(datadog.requests) == 1, "It must wait for its next attempt."
    let_retry(destination)
    carry(account)
    assert datadog.event_ids == ids
    destination.refresh_from_db()
    assert destination.consecutive_failures == 0
    assert_ledger_closes()


def test_a_hint_to_wait_is_obeyed(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(429, **{"X-RateLimit-Reset": "120"})]
    publish_some(account)

    carry(account)

    destination.refresh_from_db()
    assert destination.retry_at is not None
    assert destination.retry_at > timezone.now() + timedelta(seconds=100)


def test_a_wrong_key_blocks_and_a_probe_heals(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(403, '{"errors": ["Forbidden"]}')]
    ids = publish_some(account)

    carry(account)

    destination.refresh_from_db()
    assert (destination.state, destination.error_code) == ("blocked", "403")
    assert "403" in destination.error_message or "refused" in destination.error_message
    assert destination.error_remedy
    let_retry(destination)
    carry(account)
    destination.refresh_from_db()
    assert (destination.state, destination.error_code) == ("active", "")
    assert datadog.event_ids == ids
    assert_ledger_closes()


def test_a_request_that_is_too_large_is_halved_until_it_passes(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(413), answer(413)]
    ids = publish_some(account, 8)

    carry(account)

    assert [len(request) for request in datadog.requests] == [8, 4, 2, 2, 4]
    assert datadog.event_ids == ids
    assert_ledger_closes()


def test_the_one_record_that_spoils_a_request_becomes_a_dead_letter(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    ids = publish_some(account, 5)

    def refuse_third(records: list[dict[str, str]]) -> object:
        return answer(400 if ids[2] in [record["event_id"] for record in records] else 202)([])

    datadog.answers = [refuse_third] * 20  # type: ignore[list-item]

    carry(account)

    assert sorted(datadog.event_ids) == [ids[0], ids[1], ids[3], ids[4]]
    assert DeadLetter.objects.get().event_id == ids[2]
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.delivered_count, delivery.dead_count) == ("delivered", 4, 1)
    assert_ledger_closes()


def test_a_record_over_the_targets_limit_is_a_dead_letter_and_is_not_sent(
    account: Account, destination: Destination, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = destination.target_class
    monkeypatch.setattr(target, "limits", target.limits._replace(max_record_bytes=500))
    publish([make_event(), make_event(object={"a": "x" * 600})], account=account)
    route_account(account.pk)

    drain(destination.pk)

    assert len(datadog.arrived) == 1
    assert DeadLetter.objects.get().code == "record_too_large"
    assert_ledger_closes()


def test_a_paused_destination_holds_and_sends_all_when_resumed(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    pause_destination(destination=destination, user=None, actor=SYSTEM)
    ids = publish_some(account)

    carry(account)

    assert datadog.arrived == []
    resume_destination(destination=destination, actor=SYSTEM)
    carry(account)
    assert datadog.event_ids == ids


def test_a_paused_subscription_holds_while_others_to_the_same_destination_go_on(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    paused = make_subscription(account, destination, description="Paused")
    update_subscription(subscription=paused, actor=SYSTEM, state=Subscription.State.PAUSED)
    publish_some(account, 2)

    carry(account)

    assert len(datadog.arrived) == 2
    assert [delivery.subscription for delivery in Delivery.objects.waiting()] == [paused]
    update_subscription(subscription=paused, actor=SYSTEM, state=Subscription.State.ACTIVE)
    carry(account)
    assert len(datadog.arrived) == 4


def test_work_of_a_vanished_worker_is_taken_over_when_its_lease_ends(
    account: Account, destination: Destination, datadog: FakeDatadog
) -> None:
    publish_some(account)
    route_account(account.pk)
    (vanished,) = claim(destination.pk).claims

    drain(destination.pk)
    assert datadog.arrived == [], "The lease still holds."
    Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    drain(destination.pk)

    assert len(datadog.arrived) == 3
    late = Settlement(vanished, Load.of(vanished.deliveries), [Sent(range(3), call=None)])
    with pytest.raises(LeaseLostError):
        write(late)
    assert_ledger_closes()


def test_dead_letters_are_replayed_under_a_delivery_of_their_own(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(400)]
    (event_id,) = publish_some(account, 1)
    carry(account)
    letter = DeadLetter.objects.get()

    (replay,) = replay_dead_letters(dead_letters=[letter], actor=SYSTEM)
    carry(account)

    assert (replay.origin, replay.parent) == ("replay", letter.delivery)
    assert datadog.event_ids == [event_id]
    assert replay_dead_letters(dead_letters=[letter], actor=SYSTEM) == [], "Once is enough."
    assert_ledger_closes()


def test_discarding_gives_up_what_waits_and_the_ledger_says_so(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    pause_destination(destination=destination, user=None, actor=SYSTEM)
    publish_some(account, 4)
    carry(account)

    assert discard_waiting(owner=destination, actor=SYSTEM) == 4

    assert Delivery.objects.get().state == "discarded"
    assert_ledger_closes()


def test_the_ledger_notices_a_delivery_that_lost_a_record(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    publish_some(account)
    carry(account)

    Delivery.objects.update(delivered_count=2)

    assert any("waiting" in fault or "by count" in fault for fault in faults(Scope()))


def test_an_unexpected_error_is_retried_and_blames_nobody(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_some(account)
    monkeypatch.setattr(destination.target_class, "send", lambda *_: 1 / 0)

    carry(account)

    assert Attempt.objects.get().code == "internal_error"
    assert Delivery.objects.get().state == "waiting"
