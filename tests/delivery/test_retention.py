from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import QuerySet, Sum
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account
from delivery import retention, rolling_up, workers
from delivery.fate import State, fate_of
from delivery.ledger import Scope, faults
from delivery.models import (
    AccountTally,
    Attempt,
    AttemptPart,
    DeadLetter,
    Delivery,
    Replay,
    RoutedBatch,
    Routing,
    Tally,
)
from delivery.replay import start_replay
from delivery.replay_scope import Wanted
from delivery.retention import prune
from destinations.models import Destination
from destinations.services import pause_destination
from events.models import EventBatch, PublishRequest
from events.publishing import publish
from subscriptions.models import Subscription
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import make_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def carried(account: Account, subscription: Subscription, datadog: FakeDatadog, carry: Carry) -> list[str]:
    """IDs of five events, of which one was refused."""
    datadog.answers = [answer(400)]
    ids = list(publish([make_event()], account=account).event_ids)
    carry(account)
    ids += publish([make_event() for _ in range(4)], account=account).event_ids
    carry(account)
    return ids


def age(**span: int) -> datetime:
    """Make everything so old; returns the minute that it was routed in."""
    then = timezone.now() - timedelta(**span)
    EventBatch.objects.update(accepted_at=then, routed_at=then)
    Routing.objects.update(routed_at=then)
    Delivery.objects.update(routed_at=then)
    Delivery.objects.exclude(settled_at=None).update(settled_at=then)
    Attempt.objects.update(started_at=then)
    DeadLetter.objects.update(died_at=then)
    Tally.objects.update(minute=then.replace(second=0, microsecond=0))
    return then


def assert_ledger_closes() -> None:
    assert list(faults(Scope())) == []


def test_young_rows_stay(account: Account, carried: list[str]) -> None:
    before = Tally.objects.count()
    age(days=1)

    assert prune() == {"deltas": before}


def test_payloads_go_after_the_accounts_retention_and_the_fate_stays_known(
    account: Account, carried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEP", 1)
    age(days=8)

    assert prune()["payloads"] == 2

    assert not EventBatch.objects.exclude(payload=None).exists()
    found = fate_of(account, carried[2])
    assert found is not None
    assert (found.fates[0].state, found.is_payload_kept) == (State.DELIVERED, False)
    assert_ledger_closes()


def test_large_payloads_go_in_smaller_steps(
    account: Account, carried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction of 500 of some MB would keep publishers from an embedded database."""
    monkeypatch.setattr(retention, "STEP_BYTES", 0)
    age(days=8)

    steps = [retention._payloads(timezone.now()) for _ in range(3)]

    assert steps == [1, 1, 0]
    assert not EventBatch.objects.filter(payload__isnull=False).exists()


def test_a_host_forgets_more_often_while_there_is_more_than_it_came_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers._prune() == workers.PRUNE_INTERVAL_SECONDS

    # Whose turn is next would stay for the tests after this one.
    monkeypatch.setattr(retention._turns, "last", "")
    monkeypatch.setattr(workers, "PRUNE_SECONDS", 0.0)

    assert workers._prune() == workers.PRUNE_AGAIN_SECONDS < workers.PRUNE_INTERVAL_SECONDS


def test_an_account_with_a_longer_retention_keeps_its_payloads(account: Account, carried: list[str]) -> None:
    Account.objects.filter(pk=account.pk).update(payload_retention_days=20)
    age(days=8)

    assert "payloads" not in prune()


def test_what_is_undecided_or_about_to_be_replayed_keeps_its_payload(
    account: Account, subscription: Subscription, destination: Destination, carried: list[str]
) -> None:
    first, second = EventBatch.objects.order_by("pk")
    then = age(days=8)
    RoutedBatch.objects.filter(event_batch=first).update(is_undecided=True)
    start_replay(
        Wanted(subscription, destination, then - timedelta(minutes=1), then + timedelta(minutes=1)), actor=SYSTEM
    )

    for state in (Replay.State.RUNNING, Replay.State.PAUSED, Replay.State.FAILED):
        Replay.objects.update(state=state)
        assert "payloads" not in prune(), "It can go on."

    Replay.objects.update(state=Replay.State.DONE)
    assert prune()["payloads"] == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.payload is None, second.payload is None) == (False, True)


def test_events_that_were_never_routed_are_never_pruned(account: Account) -> None:
    publish([make_event()], account=account)
    EventBatch.objects.update(accepted_at=timezone.now() - timedelta(days=99))

    prune()

    assert EventBatch.objects.get().payload is not None


def test_outcomes_deliveries_attempts_and_dead_letters_go_after_their_time(
    account: Account, carried: list[str]
) -> None:
    age(days=31)
    assert_ledger_closes()

    prune()

    for model in (Routing, RoutedBatch, Delivery, Attempt, AttemptPart, DeadLetter):
        assert not model._default_manager.exists(), model
    found = fate_of(account, carried[0])
    assert found is not None
    assert found.fates[0].state == State.PRUNED
    assert_ledger_closes()


def test_what_still_waits_keeps_its_run(
    account: Account, subscription: Subscription, destination: Destination, carry: Carry
) -> None:
    Account.objects.filter(pk=account.pk).update(payload_retention_days=90)
    pause_destination(destination=destination, user=None, actor=SYSTEM)
    publish([make_event()], account=account)
    carry(account)
    age(days=31)

    prune()

    assert Delivery.objects.waiting().count() == Routing.objects.count() == 1


def test_a_run_with_many_deliveries_goes_in_small_steps(
    account: Account, destination: Destination, held: Callable[..., Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEP", 2)
    routing = Routing.objects.create(account=account, configuration_version=1, batches=0, events=0)
    for _ in range(3):
        held(destination, 1, routing=routing, state=Delivery.State.DELIVERED)
    age(days=31)

    left = []
    while retention.STEPS["outcomes"](timezone.now()):
        left.append((Delivery.objects.count(), Routing.objects.count()))

    assert left == [(1, 1), (0, 1), (0, 0)]


def test_what_has_to_stay_keeps_nothing_else(
    account: Account, carried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much of it there is at the beginning."""
    monkeypatch.setattr(retention, "STEP", 1)
    RoutedBatch.objects.filter(pk=RoutedBatch.objects.earliest("pk").pk).update(is_undecided=True)
    age(days=61)

    pruned = prune()

    assert (Routing.objects.count(), pruned["batches"]) == (1, 1)
    assert RoutedBatch.objects.get().is_undecided
    assert EventBatch.objects.get().payload is not None


def test_the_remains_of_a_batch_go_last(account: Account, carried: list[str]) -> None:
    age(days=61)

    prune()

    assert not EventBatch.objects.exists()
    assert fate_of(account, carried[0]) is None


def sums_of(tallies: QuerySet[Any]) -> dict[str, int]:
    return tallies.aggregate(**{f"sum_{name}": Sum(name, default=0) for name in rolling_up.COUNTS})


def test_tallies_are_summed_by_the_quarter_then_by_the_hour_and_nothing_is_lost(
    account: Account, carried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling_up, "STEP", 1)
    before = sums_of(Tally.objects.all())
    rows = Tally.objects.count()
    for hours, span in ((3, 15), (3 * 24, 60)):
        age(hours=hours)

        prune()

        assert prune() == {}
        assert sums_of(Tally.objects.all()) == before
        assert {tally.span for tally in Tally.objects.all()} == {span}
        assert all(tally.minute.minute % span == 0 for tally in Tally.objects.all())
        assert Tally.objects.count() <= rows
        assert sums_of(AccountTally.objects.all()) == before
        assert_ledger_closes()


def test_an_accounts_sums_and_its_deltas_are_each_record_once(account: Account, carried: list[str]) -> None:
    before = sums_of(Tally.objects.all())
    for hours in (0, 3):
        age(hours=hours)
        prune()

        parts = [sums_of(rows) for rows in rolling_up.tallies_of(account, timezone.now() - timedelta(days=1))]

        assert {name: sum(part[name] for part in parts) for name in before} == before


def test_the_ledger_still_notices_a_loss_in_pruned_time(account: Account, carried: list[str]) -> None:
    age(days=31)
    prune()
    Tally.objects.filter(delivered__gt=0).update(delivered=1)

    assert any("sent on before" in fault for fault in faults(Scope()))


def test_tallies_and_idempotency_keys_end_too(account: Account, carried: list[str]) -> None:
    age(days=401)
    old = timezone.now() - timedelta(hours=25)
    for key, at in (("old", old), ("new", timezone.now())):
        PublishRequest.objects.create(publisher="p", idempotency_key=key, body_hash="x", answer={}, created_at=at)

    call_command("prune")

    assert not Tally.objects.exists()
    assert PublishRequest.objects.get().idempotency_key == "new"


def test_one_kind_that_never_ends_leaves_the_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def endless(_: datetime) -> int:
        done.append("endless")
        return 1

    def other(_: datetime) -> int:
        done.append("other")
        return 0

    monkeypatch.setattr(retention, "STEPS", {"endless": endless, "other": other})
    monkeypatch.setattr(retention, "_turns", retention._Turns())
    prune(seconds=0.05)
    assert "other" not in done

    prune(seconds=0.05)

    assert "other" in done
