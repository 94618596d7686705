"""What needs a person, the most urgent first, each with its remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncHour
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from accounts.models import Account
from common.templatetags.words import are, duration
from delivery.mending import undecided_retention
from delivery.models import Tally
from destinations.credentials import Expiry, expiring
from destinations.doctor.schedule import failing_checks
from destinations.listing import Backlog
from destinations.models import Destination, TestRun
from destinations.standing import LAGGING_AFTER
from subscriptions.models import Subscription

# A person who looks once a day still has a day to act.
LOSS_NEAR = timedelta(days=2)
# Of a service's own words; the test's page has all of them.
SAID_LENGTH = 200
# By the word of an item; what is not named here comes last.
ORDER = {"Blocked": 0, "Filter error": 1, "Records expire": 2, "Credentials ended": 3, "Check failed": 4}


@dataclass(frozen=True, slots=True)
class Item:
    """`tone` and `icon` as components/_pill.html takes them; `act` is the words of the button that leads to `url`."""

    word: str
    tone: str
    icon: str
    name: str
    text: str
    url: str
    act: str


def attention(
    account: Account,
    subscriptions: Sequence[Subscription],
    destinations: Sequence[Destination],
    backlogs: Mapping[str, Backlog],
) -> list[Item]:
    """Three queries: filters that no longer compile, failed checks, credentials; the rest is what the overview has."""
    now = timezone.now()
    of_places = [_of_place(place, backlogs.get(place.pk, Backlog()), account, now) for place in destinations]
    found = [
        *_filter_errors(account, subscriptions, now),
        *(item for item in of_places if item),
        *(_of_check(run) for run in failing_checks(account)),
        *(_of_expiry(expiry) for expiry in expiring(account, now)),
    ]
    return sorted(found, key=lambda item: (ORDER.get(item.word, len(ORDER)), item.name.casefold()))


def _filter_errors(account: Account, subscriptions: Sequence[Subscription], now: datetime) -> list[Item]:
    """By the hour, since tallies are summed by it: what was mended is taken off where it was counted."""
    rows = Tally.objects.filter(account=account).exclude(undecided=0).annotate(hour=TruncHour("minute"))
    held: dict[str, tuple[int, datetime]] = {}
    sums = rows.values("subscription", "hour").annotate(total=Sum("undecided")).filter(total__gt=0).order_by("-hour")
    for pk, hour, total in sums.values_list("subscription", "hour", "total"):
        held[pk] = held.get(pk, (0, hour))[0] + total, hour
    return [_of_filter(each, *held[each.pk], account, now) for each in subscriptions if each.pk in held]


def _of_filter(subscription: Subscription, events: int, oldest: datetime, account: Account, now: datetime) -> Item:
    left = oldest + undecided_retention(account) - now
    soon = f"for another {duration(left)}" if left > timedelta() else "for a moment longer"
    text = f"A filter no longer compiles. {are(events, 'event')} held until it is mended, the first {soon}."
    url = reverse("subscriptions:edit", args=[subscription.pk])
    return Item("Filter error", "bad", "exclamation-triangle", subscription.name, text, url, "Mend the filter")


def _of_place(place: Destination, backlog: Backlog, account: Account, now: datetime) -> Item | None:
    if place.state == Destination.State.ACTIVE and not place.is_failing and backlog.oldest is None:
        return None
    url = reverse("delivery:destination", args=[place.pk])
    loss = _loss(backlog, account, now)
    if place.state == Destination.State.BLOCKED:
        held = f" Held: {_records(backlog)}{loss}." if backlog.waiting else ""
        text = f"{place.error_message}{held}"
        return Item("Blocked", "bad", "no-symbol", place.name, text, url, "See the remedy")
    first_loss = backlog.oldest + timedelta(days=account.payload_retention_days) if backlog.oldest else None
    if first_loss and first_loss < now + LOSS_NEAR:
        text = f"Waiting: {_records(backlog)}{loss}."
        return Item("Records expire", "warn", "clock", place.name, text, url, "See what waits")
    if place.is_failing:
        text = f"{place.error_message} We try again by ourselves{_waiting(backlog)}."
        return Item("Retrying", "warn", "arrow-path", place.name, text, url, "See the attempts")
    is_active = place.state == Destination.State.ACTIVE
    if is_active and backlog.oldest and now - backlog.oldest > LAGGING_AFTER:
        text = f"It does not keep up{_waiting(backlog)}, the oldest for {duration(now - backlog.oldest)}."
        return Item("Lagging", "warn", "clock", place.name, text, url, "See the records")
    return None


def _of_check(run: TestRun) -> Item:
    """The destination is idle: nothing was refused yet, but the next record would be."""
    failed: dict[str, Any] = next((step for step in run.steps if step["status"] == "failed"), {})
    said = failed.get("said") or failed.get("detail") or "The service was not reached."
    remedy = f" {failed['remedy']}" if failed.get("remedy") else ""
    text = f"{failed.get('label', 'A check')} failed: {Truncator(said).chars(SAID_LENGTH)}{remedy}"
    url = reverse("destinations:test_run", args=[run.pk])
    name = run.destination.name if run.destination else ""
    return Item("Check failed", "bad", "exclamation-triangle", name, text, url, "See the remedy")


def _of_expiry(expiry: Expiry) -> Item:
    place = expiry.destination
    url = reverse("destinations:credentials", args=[place.pk])
    if expiry.is_over:
        return Item("Credentials ended", "bad", "lock-closed", place.name, expiry.words, url, "Rotate the credentials")
    return Item("Credentials end", "warn", "clock", place.name, expiry.words, url, "Rotate the credentials")


def _waiting(backlog: Backlog) -> str:
    return f"; waiting: {_records(backlog)}" if backlog.waiting else ""


def _records(backlog: Backlog) -> str:
    return f"{backlog.waiting:,} record{'s' * (backlog.waiting != 1)}"


def _loss(backlog: Backlog, account: Account, now: datetime) -> str:
    if backlog.oldest is None:
        return ""
    left = backlog.oldest + timedelta(days=account.payload_retention_days) - now
    return f", the first is lost in {duration(left)}" if left > timedelta() else ", and the first are being lost"
