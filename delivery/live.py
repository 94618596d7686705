"""The newest accepted events of an account, for the live page: a bounded look back, whatever is stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from delivery.decide import batch_events
from events.envelope import Envelope
from events.filters import Filter, FilterEvaluationError
from events.models import EventBatch

SHOWN = 50
# Batches hold up to 10,000 events: the look back ends after so many of either.
BATCHES_READ = 200
EVENTS_READ = 10_000
STEP = 20
EXCERPT_BYTES = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, and when it was accepted."""

    event: Envelope
    accepted_at: datetime

    @property
    def size(self) -> int:
        return len(bytes(self.event.object))

    @property
    def excerpt(self) -> str:
        """The beginning of its object, as it was sent."""
        return bytes(self.event.object)[:EXCERPT_BYTES].decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Tail:
    """What was found, newest first; `looked_at` events were read for it. `is_whole` when nothing older is stored."""

    events: list[Seen]
    looked_at: int
    is_whole: bool


def latest_events(account: Account, event_type: str = "", wanted: Filter | None = None) -> Tail:
    """The newest SHOWN events of a type (all when empty) that pass a filter."""
    events: list[Seen] = []
    looked_at = 0
    for batch in _batches(account, event_type):
        for event in reversed(batch_events(batch)):
            if event_type and event.event_type != event_type:
                continue
            looked_at += 1
            if wanted is None or _passes(wanted, event):
                events.append(Seen(event, batch.accepted_at))
            if len(events) >= SHOWN or looked_at >= EVENTS_READ:
                return Tail(events, looked_at, is_whole=False)
    return Tail(events, looked_at, is_whole=True)


def _batches(account: Account, event_type: str) -> Iterator[EventBatch]:
    """Newest first, those with the type; payloads a few at a time."""
    kept = EventBatch.objects.filter(account=account).exclude(payload=None).order_by("-accepted_at", "-pk")
    found = kept.values_list("pk", "types")[:BATCHES_READ]
    keys = [pk for pk, types in found if not event_type or event_type in types]
    for start in range(0, len(keys), STEP):
        chunk = keys[start : start + STEP]
        batches = EventBatch.objects.in_bulk(chunk)
        yield from (batches[pk] for pk in chunk if pk in batches)


def _passes(wanted: Filter, event: Envelope) -> bool:
    try:
        return wanted.matches(bytes(event.object))
    except FilterEvaluationError:
        return False
