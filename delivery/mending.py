"""Deciding later what routing could not: events of a source whose filter did not compile, once it is mended.

They stayed *undecided*, and their batches are kept for it, though not for ever: what nobody mends in time is given up
and told as such (decision 3). As in routing, deciding happens outside any transaction,
and one short transaction writes it, provided that neither the configuration nor the rows changed meanwhile. The part
that is decided moves to a new run with the subscription's present revision, so that the books close for both.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from accounts.models import Account
from common.clock import database_now
from delivery.decide import decide
from delivery.models import RoutedBatch, Routing, Tally
from delivery.route import PlanOutdatedError, deliveries_of, write_outcome
from subscriptions.models import Source, Subscription
from subscriptions.plan import Plan, plan_for, plan_of

log = structlog.get_logger(__name__)

STEP_BATCHES = 200

# A subscription and one of its event types.
Part = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Mendable:
    """A routed batch with the parts that can be decided now, those that nobody takes any more, and those too old."""

    row: RoutedBatch
    decidable: frozenset[Part]
    given_up: frozenset[Part]
    expired: frozenset[Part]


def undecided_retention(account: Account) -> timedelta:
    """How long events wait for a mended filter: twice as long as others are kept, so that there is time to mend it.

    Never longer than outcomes are kept, as far as that is not shorter than what the account asks for.
    """
    days = account.payload_retention_days
    return timedelta(days=max(days, min(2 * days, settings.OUTCOME_RETENTION_DAYS)))


def mend_account(account_id: str) -> int:
    """Decide what can be decided by now; returns the number of events that are not undecided any more."""
    mended, last = 0, 0
    before = database_now() - undecided_retention(Account.objects.get(pk=account_id))
    while rows := _undecided(account_id, last):
        last = rows[-1].pk
        plan = plan_for(account_id)
        groups: dict[frozenset[Part], list[Mendable]] = defaultdict(list)
        for each in _mendable(rows, plan, before):
            groups[each.decidable].append(each)
        for parts, group in groups.items():
            try:
                mended += _mend(account_id, plan, parts, group)
            except PlanOutdatedError:
                # The sweep comes back to it.
                log.info("mending_put_off", account=account_id)
                return mended
    return mended


def _undecided(account_id: str, after: int) -> list[RoutedBatch]:
    rows = RoutedBatch.objects.filter(is_undecided=True, routing__account_id=account_id, pk__gt=after)
    return list(rows.select_related("event_batch", "routing").order_by("pk")[:STEP_BATCHES])


def _mendable(rows: Sequence[RoutedBatch], plan: Plan, before: datetime) -> list[Mendable]:
    """`before` this time events are too old to wait any longer."""
    parts = {(part["subscription"], name) for row in rows for part in row.outcome for name in part["undecided_types"]}
    planned = {
        (source.subscription.id, name): not source.broken
        for name in {name for _, name in parts}
        for source in plan.by_type.get(name, ())
    }
    given_up = parts - planned.keys() - _still_taken(parts)
    found = []
    for row in rows:
        own = {(part["subscription"], name) for part in row.outcome for name in part["undecided_types"]}
        decidable = frozenset(part for part in own if planned.get(part))
        untaken = frozenset(own & given_up)
        is_old = row.event_batch.accepted_at < before
        expired = frozenset(own - decidable - untaken) if is_old else frozenset()
        if decidable or untaken or expired:
            found.append(Mendable(row, decidable, untaken, expired))
    return found


def _still_taken(parts: set[Part]) -> set[Part]:
    """Those of subscriptions that exist and still have the type, though they may be switched off."""
    ids = {subscription for subscription, _ in parts}
    existing = Subscription.objects.existing().filter(pk__in=ids)
    return set(Source.objects.filter(subscription__in=existing).values_list("subscription_id", "event_type"))


def _mend(account_id: str, plan: Plan, parts: frozenset[Part], group: Sequence[Mendable]) -> int:
    batches = [each.row.event_batch for each in group]
    run = decide(account_id, _only(plan, parts), batches)
    now = database_now()
    deliveries = deliveries_of(run, now)
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
        locked = RoutedBatch.objects.select_for_update().in_bulk([each.row.pk for each in group])
        is_same = all(each.row.outcome == locked[each.row.pk].outcome for each in group if each.row.pk in locked)
        if account.configuration_version != plan.version or len(locked) != len(group) or not is_same:
            raise PlanOutdatedError
        mended = sum(_take_out(each) for each in group)
        if parts:
            routing = Routing.objects.create(
                account=account,
                configuration_version=plan.version,
                routed_at=now,
                batches=len(group),
                events=sum(batch.count for batch in batches),
            )
            write_outcome(run, routing, deliveries)
    return mended


def _only(plan: Plan, parts: frozenset[Part]) -> Plan:
    """The plan with nothing but these parts in it."""
    by_type = {
        name: tuple(source for source in sources if (source.subscription.id, name) in parts)
        for name, sources in plan.by_type.items()
    }
    return plan_of(plan.version, {name: sources for name, sources in by_type.items() if sources}, plan.subscriptions)


def _take_out(each: Mendable) -> int:
    """Take the parts out of the row and out of the tallies of its own run; returns the number of events."""
    row = each.row
    taken_out = 0
    minute = row.routing.routed_at.replace(second=0, microsecond=0)
    tallies = []
    for part in row.outcome:
        for name in list(part["undecided_types"]):
            key = (part["subscription"], name)
            if key not in each.decidable | each.given_up | each.expired:
                continue
            count = row.event_batch.types[name]
            is_given_up = key not in each.decidable
            part["undecided"] -= count
            part["undecided_types"].remove(name)
            if key in each.expired:
                part.setdefault("expired_types", []).append(name)
                log.warning("undecided_expired", subscription=part["subscription"], event_type=name, events=count)
            # What is given up counts as filtered where it was; what is decided is counted by its new run.
            if not is_given_up:
                part["of_types"] -= count
                part["types"].remove(name)
            taken_out += count
            tallies.append(
                Tally(
                    account_id=row.routing.account_id,
                    minute=minute,
                    subscription_id=part["subscription"],
                    revision=part["revision"],
                    event_type=name,
                    undecided=-count,
                    filtered=count if is_given_up else 0,
                )
            )
    Tally.objects.bulk_create(tallies)
    row.outcome = [part for part in row.outcome if part["of_types"]]
    row.is_undecided = any(part["undecided"] for part in row.outcome)
    row.save(update_fields=["outcome", "is_undecided"])
    return taken_out
