"""Starting a replay, its pace, and stopping it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account
from delivery import replay_scope
from delivery.models import Replay
from delivery.replay import cancel_replay, pause_replay, resume_replay, run_replay, start_replay
from delivery.replay_scope import ReplayRefusedError, Wanted
from destinations.models import Destination
from events.models import EventBatch
from subscriptions.models import Subscription
from tests.delivery.replay.replaying import steps, wanted
from tests.factories import make_account, make_destination

pytestmark = pytest.mark.django_db


def refusals(subscription: Subscription, other: Destination) -> list[dict[str, Any]]:
    foreign = make_destination(make_account(name="Other"))
    now = timezone.now()
    return [
        {"destination": foreign},
        {"events_per_second": 0},
        {"filter": "ev.nothing == 1"},
        {"start": now, "end": now},
        {"event_ids": ("ev_x",) * 1001},
        {"start": now - timedelta(days=9), "end": now - timedelta(days=8)},
    ]


@pytest.mark.parametrize("case", range(6))
def test_what_makes_no_sense_is_refused(
    account: Account, subscription: Subscription, other: Destination, past: list[str], case: int
) -> None:
    changed = refusals(subscription, other)[case]
    destination = changed.pop("destination", other)

    with pytest.raises(ReplayRefusedError):
        start_replay(wanted(subscription, destination, **changed), actor=SYSTEM)

    assert not Replay.objects.exists()


@pytest.mark.parametrize(
    ("ended", "waits"), [(timedelta(hours=1), 0.0), (timedelta(0), 2.0), (-timedelta(hours=1), 2.0)]
)
def test_it_waits_for_what_is_being_accepted(
    account: Account, subscription: Subscription, other: Destination, past: list[str], ended: timedelta, waits: float
) -> None:
    """A request that commits late has a lower key than one that a step has passed already."""
    now = timezone.now()
    EventBatch.objects.update(accepted_at=now - timedelta(hours=2))

    replay = start_replay(Wanted(subscription, other, now - timedelta(days=1), now - ended), actor=SYSTEM)

    assert (replay.next_step_at - now).total_seconds() == pytest.approx(waits, abs=1.0)
    named = Wanted(subscription, other, now - timedelta(days=1), now - ended, event_ids=(past[0],))
    assert start_replay(named, actor=SYSTEM).next_step_at - now < timedelta(seconds=1)


def test_it_keeps_to_the_rate_and_can_be_paused_resumed_and_cancelled(
    account: Account, subscription: Subscription, other: Destination, past: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_scope, "STEP_BATCHES", 1)
    replay = start_replay(wanted(subscription, other, events_per_second=1), actor=SYSTEM)

    steps(replay)
    run_replay(replay.pk)

    replay.refresh_from_db()
    assert replay.matched == 2, "The next step is two seconds away."
    assert replay.next_step_at > timezone.now()
    assert pause_replay(replay=replay, actor=SYSTEM)
    steps(replay)
    assert (replay.state, replay.matched) == ("paused", 2)
    assert resume_replay(replay=replay, actor=SYSTEM)
    steps(replay)
    assert replay.matched == 4
    assert cancel_replay(replay=replay, actor=SYSTEM)
    steps(replay)
    assert (replay.state, replay.matched) == ("cancelled", 4)
    assert not resume_replay(replay=replay, actor=SYSTEM)
    assert not pause_replay(replay=replay, actor=SYSTEM)
