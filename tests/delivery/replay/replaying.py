"""What replays are asked for, and their steps, as the workers would take them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from delivery.models import Replay
from delivery.replay import run_replay
from delivery.replay_scope import Wanted
from destinations.models import Destination
from subscriptions.models import Subscription


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
