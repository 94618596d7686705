import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account, AuditEntry
from delivery import replay as module
from delivery import replay_preview, replay_scope
from delivery.fate import State, fate_of
from delivery.ledger import Scope, faults
from delivery.models import Delivery, Replay
from delivery.replay import cancel_replay, pause_replay, resume_replay, run_replay, start_replay
from delivery.replay_preview import preview
from delivery.replay_scope import ReplayRefusedError, Wanted
from destinations.models import Destination
from events.models import EventBatch
from events.publishing import publish
from subscriptions.models import Source, Subscription
from subscriptions.services import SourceSpec
from tests.carrying import Carry, FakeDatadog
from tests.factories import HTTP, make_account, make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db


def on_port(port: int, **fields: Any) -> dict[str, Any]:
    return make_event(object={"conn": {"server_name": "a.acme.app", "server_port": port}}, **fields)


@pytest.fixture
def subscription(account: Account) -> Subscription:
    return make_subscription(
        account, make_destination(account), sources=[SourceSpec(HTTP, "ev.conn.server_port == 443")]
    )


@pytest.fixture
def other(account: Account) -> Destination:
    return make_destination(account, description="Other")


@pytest.fixture
def past(account: Account, subscription: Subscription, datadog: FakeDatadog, carry: Carry) -> list[str]:
    """IDs of nine events in three batches, two of three matching, all carried; what arrived is forgotten."""
    ids: list[str] = []
    for _ in range(3):
        ids += publish([on_port(443), on_port(80), on_port(443)], account=account).event_ids
        carry(account)
    datadog.arrived.clear()
    return ids


def matching(ids: list[str]) -> list[str]:
    return [event_id for index, event_id in enumerate(ids) if index % 3 != 1]


def wanted(subscription: Subscription, destination: Destination, **changed: Any) -> Wanted:
    start = timezone.now() - timedelta(hours=1)
    return Wanted(subscription, destination, **{"start": start, "end": timezone.now(), **changed})


def steps(replay: Replay, count: int = 1) -> None:
    for _ in range(count):
        Replay.objects.filter(pk=replay.pk).update(next_step_at=timezone.now())
        run_replay(replay.pk)
    replay.refresh_from_db()


def test_a_time_range_goes_to_another_destination_once(
    account: Account,
    subscription: Subscription,
    other: Destination,
    past: list[str],
    datadog: FakeDatadog,
    carry: Carry,
) -> None:
    replay = start_replay(wanted(subscription, other), actor=SYSTEM)

    steps(replay, 3)
    carry(account)

    assert datadog.event_ids == matching(past)
    assert (replay.state, replay.batches_done, replay.scanned, replay.matched) == ("done", 3, 9, 6)
    assert {each.origin for each in Delivery.objects.filter(destination=other)} == {"replay"}
    assert list(faults(Scope())) == []


def test_the_fate_of_a_replayed_event_names_both_destinations(
    account: Account, subscription: Subscription, other: Destination, past: list[str], carry: Carry
) -> None:
    steps(start_replay(wanted(subscription, other), actor=SYSTEM))
    carry(account)

    for event_id, expected in ((past[0], 2), (past[5], 2), (past[8], 2), (past[1], 1)):
        found = fate_of(account, event_id)
        assert found is not None
        states = [fate.state for fate in found.fates]
        assert states == ([State.DELIVERED] * 2 if expected == 2 else [State.FILTERED])


def test_another_filter_replaces_the_subscriptions_own(
    account: Account,
    subscription: Subscription,
    other: Destination,
    past: list[str],
    datadog: FakeDatadog,
    carry: Carry,
) -> None:
    replay = start_replay(wanted(subscription, other, filter="ev.conn.server_port == 80"), actor=SYSTEM)

    steps(replay)
    carry(account)

    assert datadog.event_ids == [past[1], past[4], past[7]]


def test_named_events_go_whatever_the_filter_says(
    account: Account,
    subscription: Subscription,
    other: Destination,
    past: list[str],
    datadog: FakeDatadog,
    carry: Carry,
) -> None:
    replay = start_replay(wanted(subscription, other, event_ids=(past[1], past[8])), actor=SYSTEM)

    steps(replay)
    carry(account)

    assert sorted(datadog.event_ids) == sorted([past[1], past[8]])
    assert replay.state == "done"
    found = fate_of(account, past[8])
    assert found is not None
    assert [fate.state for fate in found.fates] == [State.DELIVERED] * 2


def test_the_preview_says_what_would_happen(
    account: Account, subscription: Subscription, other: Destination, past: list[str]
) -> None:
    first = subscription.destinations.get()
    EventBatch.objects.filter(pk=EventBatch.objects.earliest("pk").pk).update(payload=None)

    seen = preview(wanted(subscription, first, events_per_second=2))

    assert (seen.events, seen.gone, seen.matched, seen.delivered_before) == (6, 3, 4, 6)
    assert (seen.too_old, seen.seconds, seen.is_estimate) == (0, 2.0, False)
    assert seen.bytes > 400
    assert preview(wanted(subscription, other)).delivered_before == 0


def test_the_preview_knows_what_the_target_finds_too_old(
    account: Account, subscription: Subscription, other: Destination
) -> None:
    long_ago = (timezone.now() - timedelta(days=3)).isoformat()
    publish([on_port(443, event_timestamp=long_ago), on_port(443)], account=account)

    assert preview(wanted(subscription, other)).too_old == 1


def test_a_large_preview_is_reckoned_from_a_sample(
    account: Account, subscription: Subscription, other: Destination, past: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_preview, "SAMPLE_BATCHES", 1)

    seen = preview(wanted(subscription, other))

    assert (seen.matched, seen.is_estimate) == (6, True)


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


def test_the_command_previews_starts_and_stops(
    account: Account, subscription: Subscription, other: Destination, past: list[str]
) -> None:
    out = StringIO()

    call_command("replay", subscription.pk, to=other.pk, stdout=out)
    assert "6 match" in out.getvalue()
    assert not Replay.objects.exists()
    call_command("replay", subscription.pk, to=other.pk, yes=True, stdout=out)
    replay = Replay.objects.get()
    call_command("replay", str(replay.pk), "pause", stdout=out)

    assert "is paused" in out.getvalue()
    with pytest.raises(CommandError, match="can't pause"):
        call_command("replay", str(replay.pk), "pause", stdout=out)
    with pytest.raises(CommandError, match="no subscription"):
        call_command("replay", "esb_none", stdout=out)
    entries = AuditEntry.objects.filter(object_id=str(replay.pk)).order_by("pk")
    assert [entry.event_type for entry in entries] == ["replay_started", "replay_paused"]
    assert {entry.actor_id for entry in entries} == {"manage.py replay"}


def test_the_command_speaks_json_and_can_only_tell(
    account: Account, subscription: Subscription, other: Destination, past: list[str]
) -> None:
    def told(*args: str, **options: Any) -> Any:
        out = StringIO()
        call_command("replay", *args, json=True, stdout=out, **options)
        return json.loads(out.getvalue())

    shown = told(subscription.pk, to=other.pk, dry_run=True)
    assert (shown["preview"]["matched"], shown["replay"]) == (6, None)
    replay = told(subscription.pk, to=other.pk, yes=True)["replay"]
    assert told(str(replay["id"]), "cancel", dry_run=True)["replay"]["state"] == "cancelled"

    assert Replay.objects.get().state == "running"
    assert told(str(replay["id"]))["replay"]["state"] == "running"


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
