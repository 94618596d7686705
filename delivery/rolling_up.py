"""Summing tallies up, so that a page adds few rows: deltas by the quarter after two hours, quarters by the hour after
two days. What is summed for the first time is added to its account's sums in the same transaction, so each record
is counted either there or in a delta.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet, Sum

from accounts.models import Account
from delivery.models import AccountTally, Tally

# Longer than the shortest window of a chart, which shows single minutes.
SUM_DELTAS_AFTER = timedelta(hours=2)
SUM_QUARTERS_AFTER = timedelta(days=2)
MINUTE, QUARTER, HOUR = 1, 15, 60
STEP = 2000
COUNTS = ("matched", "filtered", "undecided", "fan_out", "delivered", "dead", "discarded", "moved")
KEY = ("account_id", "subscription_id", "revision", "destination_id", "origin", "event_type")


def sum_deltas(now: datetime) -> int:
    """Sum deltas of one quarter; returns how many. Inside a transaction."""
    return _sum_up(now - SUM_DELTAS_AFTER, MINUTE, QUARTER)


def sum_quarters(now: datetime) -> int:
    """Sum quarters of one hour; returns how many. Inside a transaction."""
    return _sum_up(now - SUM_QUARTERS_AFTER, QUARTER, HOUR)


def tallies_of(account: Account, start: datetime) -> Sequence[QuerySet[Any]]:
    """Of an account since `start`, which is between two quarters when it lies two hours back: sums, and what is not
    in them yet."""
    return (
        AccountTally.objects.filter(account=account, minute__gte=start),
        Tally.objects.filter(account=account, minute__gte=start, span=MINUTE),
    )


def _sum_up(before: datetime, span: int, wanted: int) -> int:
    """The rows are locked, so that two workers never sum the same ones."""
    old = Tally.objects.filter(span=span, minute__lt=before)
    first = old.order_by("minute").values_list("minute", flat=True).first()
    if first is None:
        return 0
    start = first.replace(minute=first.minute // wanted * wanted if wanted < HOUR else 0, second=0, microsecond=0)
    together = old.filter(minute__gte=start, minute__lt=start + timedelta(minutes=wanted)).order_by("minute", "pk")
    ids = [row.pk for row in together.select_for_update()[:STEP]]
    taken = Tally.objects.filter(pk__in=ids)
    sums = list(taken.order_by().values(*KEY).annotate(**{f"sum_{name}": Sum(name) for name in COUNTS}))
    Tally.objects.bulk_create(
        Tally(
            minute=start,
            span=wanted,
            **{name: row[name] for name in KEY},
            **{name: row[f"sum_{name}"] for name in COUNTS},
        )
        for row in sums
    )
    taken.delete()
    if span == MINUTE:
        _add_to_accounts(start, sums)
    return len(ids)


def _add_to_accounts(start: datetime, sums: Iterable[dict[str, Any]]) -> None:
    by_account: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for row in sums:
        for name in COUNTS:
            by_account[row["account_id"]][name] += row[f"sum_{name}"]
    for account, counts in sorted(by_account.items()):
        AccountTally.objects.get_or_create(account_id=account, minute=start)
        own = AccountTally.objects.filter(account=account, minute=start)
        own.update(**{name: F(name) + number for name, number in counts.items()})
