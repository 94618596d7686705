"""What an event's ID leads to: the batch in whose range of IDs it lies, the event itself, its account, and its time."""

from datetime import UTC, datetime

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import Account
from common.ids import made_at
from events.envelope import Envelope
from events.models import EventBatch
from events.stored import sized_events


def find_batch(account_id: str, event_id: str) -> EventBatch | None:
    """The batch whose range of IDs holds this one, by the index on (account, first event ID)."""
    ranges = EventBatch.objects.filter(account_id=account_id, first_event_id__lte=event_id)
    batch = ranges.order_by("-first_event_id").first()
    return batch if batch is not None and event_id <= batch.last_event_id else None


def find_event(account_id: str, event_id: str) -> Envelope | None:
    """The event itself, while its payload is kept."""
    batch = find_batch(account_id, event_id)
    if batch is None or batch.payload is None:
        return None
    events, _ = sized_events([(batch.encoding, batch.payload)])
    return next((event for event in events if event.event_id == event_id), None)


def accounts_with(event_id: str) -> QuerySet[Account]:
    """The accounts, one as a rule, in one of whose batches this ID lies: one look into the index for each."""
    nearest = EventBatch.objects.filter(account=OuterRef("pk"), first_event_id__lte=event_id)
    last = Subquery(nearest.order_by("-first_event_id").values("last_event_id")[:1])
    return Account.objects.annotate(last=last).filter(last__gte=event_id)


def accepted_at(event_id: str) -> datetime:
    """When an event was accepted, by its ID."""
    return datetime.fromtimestamp(made_at(event_id), UTC)
