"""What a replay sends, step by step, and what becomes of it."""

from collections.abc import Callable

import pytest

from accounts.audit import SYSTEM
from accounts.models import Account
from delivery import replay as module
from delivery.fate import State, fate_of
from delivery.ledger import Scope, faults
from delivery.models import Delivery, Replay
from delivery.replay import pause_replay, resume_replay, start_replay
from destinations.models import Destination
from subscriptions.models import Source, Subscription
from tests.carrying import Carry, FakeDatadog
from tests.delivery.replay.replaying import matching, steps, wanted

pytestmark = pytest.mark.django_db

Replayed = Callable[..., Replay]


def test_a_time_range_goes_to_another_destination_once(
    other: Destination, past: list[str], datadog: FakeDatadog, replayed: Replayed
) -> None:
    replay = replayed()

    assert datadog.event_ids == matching(past)
    assert (replay.state, replay.batches_done, replay.scanned, replay.matched) == ("done", 3, 9, 6)
    assert {each.origin for each in Delivery.objects.filter(destination=other)} == {"replay"}
    assert list(faults(Scope())) == []


def test_the_fate_of_a_replayed_event_names_both_destinations(
    account: Account, past: list[str], replayed: Replayed
) -> None:
    replayed()

    for event_id, expected in ((past[0], 2), (past[5], 2), (past[8], 2), (past[1], 1)):
        found = fate_of(account, event_id)
        assert found is not None
        states = [fate.state for fate in found.fates]
        assert states == ([State.DELIVERED] * 2 if expected == 2 else [State.FILTERED])


def test_another_filter_replaces_the_subscriptions_own(
    past: list[str], datadog: FakeDatadog, replayed: Replayed
) -> None:
    replayed(filter="ev.conn.server_port == 80")

    assert datadog.event_ids == [past[1], past[4], past[7]]


def test_named_events_go_whatever_the_filter_says(
    account: Account, past: list[str], datadog: FakeDatadog, replayed: Replayed
) -> None:
    replay = replayed(event_ids=(past[1], past[8]))

    assert sorted(datadog.event_ids) == sorted([past[1], past[8]])
    assert replay.state == "done"
    found = fate_of(account, past[8])
    assert found is not None
    assert [fate.state for fate in found.fates] == [State.DELIVERED] * 2


def test_named_events_are_taken_in_steps_that_a_worker_has_memory_for(  # noqa: PLR0917 - fixtures
    account: Account,
    subscription: Subscription,
    other: Destination,
    past: list[str],
    datadog: FakeDatadog,
    carry: Carry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand events may lie in as many batches of 5 MiB."""
    monkeypatch.setattr("delivery.replay_scope.STEP_BYTES", 1)
    replay = start_replay(wanted(subscription, other, event_ids=(past[6], past[0], past[4])), actor=SYSTEM)

    steps(replay)
    assert (replay.state, replay.batches_done, replay.matched) == ("running", 1, 1)
    pause_replay(replay=replay, actor=SYSTEM)
    steps(replay)
    resume_replay(replay=replay, actor=SYSTEM)
    steps(replay, 3)
    carry(account)

    assert (replay.state, replay.batches_done, replay.matched) == ("done", 3, 3)
    assert datadog.event_ids == [past[0], past[4], past[6]]
    assert list(faults(Scope())) == []


def test_a_step_taken_by_two_workers_is_written_once(
    account: Account, subscription: Subscription, other: Destination, past: list[str]
) -> None:
    replay = start_replay(wanted(subscription, other), actor=SYSTEM)
    late = Replay.objects.select_related("subscription", "destination").get(pk=replay.pk)
    steps(replay)

    module._step(late)

    assert Delivery.objects.filter(replay=replay).count() == 1


def test_a_subscription_whose_filter_broke_stops_the_replay_with_the_reason(
    account: Account, subscription: Subscription, other: Destination, past: list[str]
) -> None:
    replay = start_replay(wanted(subscription, other), actor=SYSTEM)
    Source.objects.update(filter="ev.(")

    steps(replay)

    assert replay.state == "failed"
    assert "does not suit" in replay.error
