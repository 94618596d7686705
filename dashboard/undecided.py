"""Events that wait for a filter to be mended: of which subscriptions, how many, and how long they are kept for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum
from django.db.models.functions import TruncHour

from accounts.models import Account
from delivery.mending import undecided_retention
from delivery.models import RoutedBatch, Tally
from subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class Undecided:
    """`oldest` is true to the hour; the first events are given up at `first_loss_at`."""

    subscription: Subscription
    events: int
    oldest: datetime
    first_loss_at: datetime


def undecided_of(account: Account) -> Iterator[Undecided]:
    """By the hour, since tallies are summed by it: what was mended is taken off where it was counted."""
    rows = Tally.objects.filter(account=account).exclude(undecided=0).annotate(hour=TruncHour("minute"))
    held: dict[str, tuple[int, datetime]] = {}
    sums = rows.values("subscription", "hour").annotate(total=Sum("undecided")).filter(total__gt=0).order_by("-hour")
    for pk, hour, total in sums.values_list("subscription", "hour", "total"):
        held[pk] = held.get(pk, (0, hour))[0] + total, hour
    if not held:
        return
    kept_for = undecided_retention(account)
    for subscription in Subscription.objects.light().existing().filter(account=account, pk__in=list(held)):
        events, oldest = held[subscription.pk]
        yield Undecided(subscription, events, oldest, oldest + kept_for)


def undecided_everywhere() -> Iterator[Undecided]:
    """Of every account that is not suspended."""
    waiting = RoutedBatch.objects.filter(is_undecided=True).values("routing__account")
    for account in Account.objects.filter(suspended_at=None, pk__in=waiting):
        yield from undecided_of(account)
