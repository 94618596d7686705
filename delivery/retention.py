"""Forgetting by age, a few hundred rows at a time, so that traffic hardly notices.

Payloads of events go as their account says (7 days by default), except those that wait for a mended filter, which
delivery/mending.py gives up at last, or a replay that is not finished; outcomes, deliveries, attempts and dead letters
after 30 days; tallies are summed by delivery/rolling_up.py, and go after 400.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.models import Account
from common.clock import database_now
from delivery.models import AccountTally, Attempt, DeadLetter, Delivery, Replay, RoutedBatch, Routing, Tally
from delivery.rolling_up import sum_deltas, sum_quarters
from destinations.models import TestRun
from events.models import EventBatch, PublishRequest

log = structlog.get_logger(__name__)

STEP = 500
# Of events as they came. SQLite frees those of four large requests, of which half is left as stored, in some 50 ms.
STEP_BYTES = 16 * 1024 * 1024
REQUESTS_KEPT = timedelta(hours=24)

Step = Callable[[datetime], int]


def outcome_horizon(now: datetime) -> datetime:
    """Everything routed since then is still there; the start of an hour, because tallies are summed by it."""
    then = now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)
    return then.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def prune(*, seconds: float = float("inf")) -> dict[str, int]:
    """Forget what is old enough, for about `seconds`; returns the number of rows by kind.

    Begins with the kind after the one that used up the time before, so that each has its turn however much one has.
    """
    deadline = time.monotonic() + seconds
    pruned: dict[str, int] = {}
    for name in _turns.order():
        while time.monotonic() < deadline:
            with transaction.atomic():
                done = STEPS[name](database_now())
            if not done:
                break
            pruned[name] = pruned.get(name, 0) + done
        else:
            _turns.last = name
            break
    if pruned:
        log.info("pruned", **pruned)
    return pruned


class _Turns:
    """Which kind used up the time, empty at first."""

    last = ""

    def order(self) -> Sequence[str]:
        names = list(STEPS)
        first = names.index(self.last) + 1 if self.last in names else 0
        return names[first:] + names[:first]


_turns = _Turns()


def _payloads(now: datetime) -> int:
    pinned = Exists(RoutedBatch.objects.filter(event_batch=OuterRef("pk"), is_undecided=True)) | Exists(
        Replay.objects.filter(
            account=OuterRef("account"),
            # Also one that failed can go on.
            state__in=(Replay.State.RUNNING, Replay.State.PAUSED, Replay.State.FAILED),
            start__lte=OuterRef("accepted_at"),
            end__gt=OuterRef("accepted_at"),
        )
    )
    for days in Account.objects.values_list("payload_retention_days", flat=True).distinct().order_by():
        old = EventBatch.objects.filter(
            account__payload_retention_days=days,
            accepted_at__lt=now - timedelta(days=days),
            payload__isnull=False,
            routed_at__isnull=False,
        )
        ids: list[int] = []
        size = 0
        for pk, length in old.exclude(pinned).order_by("accepted_at").values_list("pk", "bytes")[:STEP]:
            if size > STEP_BYTES:
                break
            ids.append(pk)
            size += length
        if ids:
            return EventBatch.objects.filter(pk__in=ids).update(payload=None)
    return 0


def _first_older(queryset: QuerySet[Model], field: str, before: datetime) -> Iterator[int]:
    """Keys of the oldest rows by key, as far as they are old enough: looks at no more than a step takes."""
    for pk, at in queryset.order_by("pk").values_list("pk", field)[:STEP]:
        if at is not None and at < before:
            yield pk


def _first_done(queryset: QuerySet[Any], field: str, before: datetime, busy: Q | Exists) -> list[int]:
    """The same without busy ones, which are passed over: a filter that nobody mends must not keep the rest."""
    last = 0
    while ids := list(_first_older(queryset.filter(pk__gt=last), field, before)):
        if done := list(queryset.filter(pk__in=ids).exclude(busy).values_list("pk", flat=True)):
            return done
        last = ids[-1]
    return []


def _outcomes(now: datetime) -> int:
    """Runs with all that hangs on them. One that still has something waiting or undecided stays."""
    before = now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)
    busy = Exists(Delivery.objects.waiting().filter(routing=OuterRef("pk"))) | Exists(
        RoutedBatch.objects.filter(routing=OuterRef("pk"), is_undecided=True)
    )
    done = _first_done(Routing.objects.all(), "routed_at", before, busy)
    # A run may have a delivery for each of a thousand destinations.
    for children in (Delivery.objects, RoutedBatch.objects):
        if ids := list(children.filter(routing__in=done).values_list("pk", flat=True)[:STEP]):
            return children.filter(pk__in=ids).delete()[0]
    return Routing.objects.filter(pk__in=done).delete()[0]


def _deliveries(now: datetime) -> int:
    """Those without a run: replayed and moved ones."""
    before = now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)
    old = Delivery.objects.filter(routing=None).exclude(state=Delivery.State.WAITING)
    return Delivery.objects.filter(pk__in=list(_first_older(old, "settled_at", before))).delete()[0]


def _dead_letters(now: datetime) -> int:
    before = now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)
    ids = list(_first_older(DeadLetter.objects.all(), "died_at", before))
    return DeadLetter.objects.filter(pk__in=ids).delete()[0]


def _attempts(now: datetime) -> int:
    before = now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)
    ids = list(_first_older(Attempt.objects.all(), "started_at", before))
    return Attempt.objects.filter(pk__in=ids).delete()[0]


def _batches(now: datetime) -> int:
    """What is left of a batch without payload tells for as long again that there was one."""
    before = now - timedelta(days=2 * settings.OUTCOME_RETENTION_DAYS)
    needed = Q(payload__isnull=False) | Q(routed_at=None)
    ids = _first_done(EventBatch.objects.all(), "accepted_at", before, needed)
    return EventBatch.objects.filter(pk__in=ids).delete()[0]


def _tallies(now: datetime) -> int:
    before = now - timedelta(days=settings.TALLY_RETENTION_DAYS)
    for account in Account.objects.order_by("pk").values_list("pk", flat=True):
        old = Tally.objects.filter(account=account, minute__lt=before).order_by("minute")
        if ids := list(old.values_list("pk", flat=True)[:STEP]):
            AccountTally.objects.filter(account=account, minute__lt=before).delete()
            return Tally.objects.filter(pk__in=ids).delete()[0]
    return 0


def _requests(now: datetime) -> int:
    old = PublishRequest.objects.filter(created_at__lt=now - REQUESTS_KEPT).order_by("created_at")
    return PublishRequest.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:STEP])).delete()[0]


def _test_runs(now: datetime) -> int:
    old = TestRun.objects.filter(Q(finished_at__lt=now - REQUESTS_KEPT)).order_by("pk")
    return TestRun.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:STEP])).delete()[0]


STEPS: dict[str, Step] = {
    "payloads": _payloads,
    "outcomes": _outcomes,
    "deliveries": _deliveries,
    "dead_letters": _dead_letters,
    "attempts": _attempts,
    "batches": _batches,
    "deltas": sum_deltas,
    "quarters": sum_quarters,
    "tallies": _tallies,
    "publish_requests": _requests,
    "test_runs": _test_runs,
}
