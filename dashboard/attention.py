"""What needs a person, the most urgent first, each with its remedy.

A thousand destinations may be in need at once: they are found and sorted by a few columns, and only what is shown is
written out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, F, When
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from accounts.models import Account
from common.templatetags.words import are, duration
from dashboard.undecided import Undecided, undecided_of
from destinations.credentials import Expiry, expiring
from destinations.doctor.schedule import failing_checks
from destinations.listing import Backlog
from destinations.models import Destination, TestRun, held_for, warned_before
from destinations.standing import LAGGING_AFTER
from destinations.targets import all_targets

# A person who looks once a day still has a day to act.
LOSS_NEAR = timedelta(days=2)
# Of a service's own words; the test's page has all of them.
SAID_LENGTH = 200
SHOWN = 20
# By the word of an item; what is not named here comes last.
ORDER = {"Blocked": 0, "Filter error": 1, "Records expire": 2, "Credentials ended": 3, "Check failed": 4}
# Tone, icon and act of what a destination may be in need of.
NEEDS = {
    "Blocked": ("bad", "no-symbol", "See the remedy"),
    "Records expire": ("warn", "clock", "See what waits"),
    "Retrying": ("warn", "arrow-path", "See the attempts"),
    "Lagging": ("warn", "clock", "See the records"),
}


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


@dataclass(frozen=True, slots=True)
class Need:
    """An item that is not written out; `place` is a row of `rows_of`."""

    word: str
    name: str
    place: Any
    backlog: Backlog


def rows_of(account: Account) -> Sequence[Any]:
    """The existing destinations: as few columns as counting them, and telling what one needs, takes."""
    own = Destination.objects.existing().filter(account=account)
    # The configuration names one that has no name of its own; decoding a thousand of them takes milliseconds.
    own = own.annotate(unnamed=Case(When(description="", then=F("config"))))
    columns = ("pk", "state", "consecutive_failures", "last_attempt_at", "description", "target", "error_message")
    return list(own.values_list(*columns, "refuses_too_old", "unnamed", named=True))


def attention(account: Account, places: Iterable[Any], backlogs: Mapping[str, Backlog]) -> tuple[list[Item], int]:
    """The first of them, and how many more there are; `places` are rows of `rows_of`.

    Three or four queries: filters that no longer compile, failed checks, credentials.
    """
    now = timezone.now()
    found: list[Item | Need] = [
        *(_of_filter(undecided, now) for undecided in undecided_of(account)),
        *_needs(places, backlogs, account, now),
        *(_of_check(run) for run in failing_checks(account)),
        *(_of_expiry(expiry) for expiry in expiring(account, now)),
    ]
    found.sort(key=lambda each: (ORDER.get(each.word, len(ORDER)), each.name.casefold()))
    shown = [_written(each, account, now) if isinstance(each, Need) else each for each in found[:SHOWN]]
    return shown, len(found) - len(shown)


def _needs(places: Iterable[Any], backlogs: Mapping[str, Backlog], account: Account, now: datetime) -> Iterator[Need]:
    nothing, targets = Backlog(), all_targets()
    for place in places:
        backlog = backlogs.get(place.pk, nothing)
        if word := _word(place, backlog.oldest, account, now):
            yield Need(word, place.description or targets[place.target].describe(place.unnamed), place, backlog)


def _word(place: Any, oldest: datetime | None, account: Account, now: datetime) -> str:
    """What a destination is in need of, a key of NEEDS; empty where nobody has to look at it."""
    if place.state == Destination.State.BLOCKED:
        return "Blocked"
    if oldest:
        kept = _kept(place, account)
        if oldest + kept < now + warned_before(kept, LOSS_NEAR):
            return "Records expire"
    if place.consecutive_failures:
        return "Retrying"
    if oldest and place.state == Destination.State.ACTIVE and now - oldest > LAGGING_AFTER:
        return "Lagging"
    return ""


def _written(need: Need, account: Account, now: datetime) -> Item:
    place, backlog = need.place, need.backlog
    tone, icon, act = NEEDS[need.word]
    if need.word == "Blocked":
        held = f" Held: {_records(backlog)}{_loss(need, account, now)}." if backlog.waiting else ""
        text = f"{place.error_message}{held}"
    elif need.word == "Records expire":
        text = f"Waiting: {_records(backlog)}{_loss(need, account, now)}."
    elif need.word == "Retrying":
        text = f"{place.error_message} We try again by ourselves{_waiting(backlog)}."
    else:
        behind = f", the oldest for {duration(now - backlog.oldest)}" if backlog.oldest else ""
        text = f"It does not keep up{_waiting(backlog)}{behind}."
    return Item(need.word, tone, icon, need.name, text, reverse("delivery:destination", args=[place.pk]), act)


def _of_filter(undecided: Undecided, now: datetime) -> Item:
    subscription, left = undecided.subscription, undecided.first_loss_at - now
    soon = f"for another {duration(left)}" if left > timedelta() else "for a moment longer"
    text = f"A filter no longer compiles. {are(undecided.events, 'event')} held until it is mended, the first {soon}."
    url = reverse("subscriptions:edit", args=[subscription.pk])
    return Item("Filter error", "bad", "exclamation-triangle", subscription.name, text, url, "Mend the filter")


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


def _kept(place: Any, account: Account) -> timedelta:
    return held_for(all_targets()[place.target], account, refuses_too_old=place.refuses_too_old)


def _loss(need: Need, account: Account, now: datetime) -> str:
    if need.backlog.oldest is None:
        return ""
    left = need.backlog.oldest + _kept(need.place, account) - now
    return f", the first is lost in {duration(left)}" if left > timedelta() else ", and the first are being lost"
