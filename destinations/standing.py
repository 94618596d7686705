"""How a destination stands: the one word, with its icon and tone, that every page shows for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from django.utils import timezone

from destinations.models import Destination

IDLE_AFTER = timedelta(days=1)
LAGGING_AFTER = timedelta(minutes=5)


class Health(Protocol):
    """The columns that a look depends on: of a destination, or a row of them alone where many are only counted."""

    @property
    def state(self) -> str: ...
    @property
    def consecutive_failures(self) -> int: ...
    @property
    def last_attempt_at(self) -> datetime | None: ...


class Look(NamedTuple):
    """As templates/components/_pill.html takes them."""

    word: str
    tone: str
    icon: str


PAUSED = Look("Paused", "held", "pause-circle")
BLOCKED = Look("Blocked", "bad", "no-symbol")
RETRYING = Look("Retrying", "warn", "arrow-path")
LAGGING = Look("Lagging", "warn", "clock")
NOTHING_SENT = Look("Nothing sent yet", "mute", "beaker")
IDLE = Look("Idle", "mute", "minus-circle")
DELIVERING = Look("Delivering", "ok", "check-circle")


@dataclass(frozen=True, slots=True)
class Standing:
    """A look; `since` where it has a beginning."""

    word: str
    tone: str
    icon: str
    since: datetime | None = None

    @property
    def needs_person(self) -> bool:
        return self.tone == "bad"


def look_of(health: Health, oldest_waiting: datetime | None, now: datetime) -> Look:
    """`oldest_waiting` is when the oldest record that waits for it was routed."""
    if health.state != Destination.State.ACTIVE:
        return PAUSED if health.state == Destination.State.PAUSED else BLOCKED
    if health.consecutive_failures:
        return RETRYING
    if oldest_waiting and now - oldest_waiting > LAGGING_AFTER:
        return LAGGING
    if health.last_attempt_at is None:
        return NOTHING_SENT
    is_idle = now - health.last_attempt_at > IDLE_AFTER and not oldest_waiting
    return IDLE if is_idle else DELIVERING


def standing_of(destination: Destination, oldest_waiting: datetime | None = None) -> Standing:
    """`oldest_waiting` as above."""
    look = look_of(destination, oldest_waiting, timezone.now())
    since = {
        PAUSED: destination.state_since,
        BLOCKED: destination.state_since,
        RETRYING: destination.failing_since,
        LAGGING: oldest_waiting,
        IDLE: destination.last_attempt_at,
    }
    return Standing(*look, since.get(look))
