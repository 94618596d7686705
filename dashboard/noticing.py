"""Which destinations and subscriptions are in trouble that people should be told of, as the database is now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.models import Account
from dashboard.models import Notice
from dashboard.undecided import Undecided, undecided_everywhere
from delivery.health import WAITING, waiting_for
from delivery.models import Delivery, Tally
from destinations.credentials import ending_soon, expiry_of
from destinations.models import Destination, warned_before
from subscriptions.models import Subscription

Kind = Notice.Kind

LAG = timedelta(minutes=15)
SILENCE = timedelta(hours=24)
# Silent is who delivered on at least three of the seven days before the last delivery, not who seldom does.
REGULAR_DAYS, REGULAR_WITHIN = 3, timedelta(days=7)
LOSS_WARNING = timedelta(hours=24)
# By the warning that is reached; 0 when the day is over.
OF_CREDENTIALS = {30: Kind.ENDS_IN_30, 7: Kind.ENDS_IN_7, 1: Kind.ENDS_IN_1, 0: Kind.ENDED}


@dataclass(frozen=True, slots=True)
class Finding:
    """A destination, what troubles it, and the figures of the moment; times are None where nothing waits."""

    kind: Kind
    destination: Destination
    waiting: int = 0
    oldest_waiting: datetime | None = None
    first_loss_at: datetime | None = None

    @property
    def about(self) -> dict[str, Destination | Subscription]:
        """As fields of a Notice."""
        return {"destination": self.destination}

    @property
    def account(self) -> Account:
        return self.destination.account


@dataclass(frozen=True, slots=True)
class FilterFinding:
    """A subscription of which a filter no longer compiles, so that its events wait for a mended one."""

    undecided: Undecided
    kind: Kind = Kind.UNDECIDED

    @property
    def about(self) -> dict[str, Destination | Subscription]:
        return {"subscription": self.undecided.subscription}

    @property
    def account(self) -> Account:
        return self.undecided.subscription.account


@dataclass(frozen=True, slots=True)
class Backlog:
    waiting: int = 0
    oldest: datetime | None = None
    # Of what is not held by a paused subscription.
    oldest_moving: datetime | None = None


def findings(now: datetime) -> list[Finding | FilterFinding]:
    """Every trouble there is, of every account that is not suspended."""
    return [*_of_destinations(now), *map(FilterFinding, undecided_everywhere())]


def _of_destinations(now: datetime) -> list[Finding]:
    waiting = backlogs()
    found: list[Finding] = []
    destinations = Destination.objects.existing().filter(account__suspended_at=None).select_related("account")
    # One whose secret can't be read is in trouble itself, and must not hide the others'.
    destinations = destinations.defer("secrets")
    in_question = Q(state=Destination.State.BLOCKED) | Q(pk__in=list(waiting)) | _may_be_silent(now) | ending_soon(now)
    for destination in destinations.filter(in_question).iterator(chunk_size=500):
        backlog = waiting.get(destination.pk, Backlog())
        found += [describe(destination, backlog, kind) for kind in _troubles(destination, backlog, now)]
    return found


def describe(destination: Destination, backlog: Backlog, kind: Kind) -> Finding:
    first_loss = backlog.oldest + destination.holds_for if backlog.oldest else None
    return Finding(kind, destination, backlog.waiting, backlog.oldest, first_loss)


def backlogs(destination: Destination | None = None) -> dict[str, Backlog]:
    """What waits for each destination (or one) that anything waits for."""
    rows = Delivery.objects.waiting() if destination is None else waiting_for(destination)
    moving = ~Q(subscription__state=Subscription.State.PAUSED)
    totals = rows.values("destination_id").annotate(
        total=Sum(WAITING), oldest=Min("routed_at"), oldest_moving=Min("routed_at", filter=moving)
    )
    return {row["destination_id"]: Backlog(row["total"], row["oldest"], row["oldest_moving"]) for row in totals}


def _troubles(destination: Destination, backlog: Backlog, now: datetime) -> Iterator[Kind]:
    state = destination.state
    if state == Destination.State.BLOCKED:
        yield Kind.BLOCKED
    if state == Destination.State.ACTIVE and _lags(destination, backlog, now):
        yield Kind.LAGGING
    if state == Destination.State.ACTIVE and not backlog.waiting and _is_silent(destination, now):
        yield Kind.SILENT
    kept = destination.holds_for
    if backlog.oldest and backlog.oldest + kept - warned_before(kept, LOSS_WARNING) < now:
        yield Kind.EXPIRING
    if expiry := expiry_of(destination, now):
        yield OF_CREDENTIALS[expiry.threshold]


def _lags(destination: Destination, backlog: Backlog, now: datetime) -> bool:
    # One that was just resumed or has healed gets time to send what it held.
    is_catching_up = destination.state_since > now - LAG
    return backlog.oldest_moving is not None and backlog.oldest_moving < now - LAG and not is_catching_up


def _may_be_silent(now: datetime) -> Q:
    return Q(last_success_at__lt=now - SILENCE, last_success_at__gt=now - SILENCE - REGULAR_WITHIN)


def _is_silent(destination: Destination, now: datetime) -> bool:
    last = destination.last_success_at
    if last is None or not now - SILENCE - REGULAR_WITHIN < last < now - SILENCE:
        return False
    if not destination.subscriptions.filter(deleted_at=None, state=Subscription.State.ACTIVE).exists():
        return False
    delivered = Tally.objects.filter(destination=destination, minute__gt=last - REGULAR_WITHIN, delivered__gt=0)
    days = delivered.annotate(day=TruncDate("minute", tzinfo=timezone.get_default_timezone())).values("day").distinct()
    return days.count() >= REGULAR_DAYS
