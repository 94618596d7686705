"""What an event's ID tells: its batch, by the range in which the IDs of that lie, its account, and when it came."""

from datetime import UTC, datetime

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import Account
from common.ids import made_at
from events.models import EventBatch


def find_batch(account: Account, event_id: str) -> EventBatch | None:
    """The batch whose range of IDs holds this one, by the index on (account, first event ID)."""
    ranges = EventBatch.objects.filter(account=account, first_event_id__lte=event_id)
    batch = ranges.order_by("-first_event_id").first()
    return batch if batch is not None and event_id <= batch.last_event_id else None


def accounts_with(event_id: str) -> QuerySet[Account]:
    """The accounts, one as a rule, in one of whose batches this ID lies: one look into the index for each."""
    nearest = EventBatch.objects.filter(account=OuterRef("pk"), first_event_id__lte=event_id)
    last = Subquery(nearest.order_by("-first_event_id").values("last_event_id")[:1])
    return Account.objects.annotate(last=last).filter(last__gte=event_id)


def accepted_at(event_id: str) -> datetime:
    """When an event was accepted, by its ID."""
    return datetime.fromtimestamp(made_at(event_id), UTC)
