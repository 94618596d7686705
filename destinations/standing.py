"""How a destination stands: the one word, with its icon and tone, that every page shows for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.utils import timezone

from destinations.models import Destination

IDLE_AFTER = timedelta(days=1)
LAGGING_AFTER = timedelta(minutes=5)


class Health(Protocol):
    """The columns that are read: of a destination, or a row of them alone, as pages that only count need no more."""

    state: str
    state_since: datetime
    consecutive_failures: int
    failing_since: datetime | None
    last_attempt_at: datetime | None


HEALTH = tuple(Health.__annotations__)


@dataclass(frozen=True, slots=True)
class Standing:
    """`tone` and `icon` as templates/components/_pill.html takes them; `since` where it has a beginning."""

    word: str
    tone: str
    icon: str
    since: datetime | None = None

    @property
    def needs_person(self) -> bool:
        return self.tone == "bad"


def standing_of(destination: Health, oldest_waiting: datetime | None = None) -> Standing:
    """`oldest_waiting` is when the oldest record that waits for it was routed."""
    if destination.state == Destination.State.PAUSED:
        return Standing("Paused", "held", "pause-circle", destination.state_since)
    if destination.state == Destination.State.BLOCKED:
        return Standing("Blocked", "bad", "no-symbol", destination.state_since)
    if destination.consecutive_failures:
        return Standing("Retrying", "warn", "arrow-path", destination.failing_since)
    return _standing_of_healthy(destination, oldest_waiting, timezone.now())


def _standing_of_healthy(destination: Health, oldest_waiting: datetime | None, now: datetime) -> Standing:
    if oldest_waiting and now - oldest_waiting > LAGGING_AFTER:
        return Standing("Lagging", "warn", "clock", oldest_waiting)
    if destination.last_attempt_at is None:
        return Standing("Nothing sent yet", "mute", "beaker")
    if now - destination.last_attempt_at > IDLE_AFTER and not oldest_waiting:
        return Standing("Idle", "mute", "minus-circle", destination.last_attempt_at)
    return Standing("Delivering", "ok", "check-circle")
