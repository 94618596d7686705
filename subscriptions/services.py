"""Changing subscriptions. Each change is one transaction with its revision and its audit entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor, record_change
from accounts.models import Account
from destinations.models import Destination
from subscriptions.models import Revision, Source, Subscription
from subscriptions.resources import recorded_subscription, snapshot
from subscriptions.validation import check_sources


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A wanted source; `fields` None selects all."""

    event_type: str
    filter: str = ""
    fields: Sequence[str] | None = None


@transaction.atomic
def create_subscription(
    *,
    account: Account,
    actor: Actor,
    sources: Sequence[SourceSpec],
    destinations: Sequence[Destination],
    description: str = "",
    metadata: str = "",
) -> Subscription:
    """Raises ValidationError: unknown or repeated sources, bad filter or fields, foreign destinations, limits."""
    Account.objects.select_for_update().get(pk=account.pk)
    if account.subscriptions.filter(deleted_at=None).count() >= account.max_subscriptions:
        raise ValidationError(
            f"This account has {account.max_subscriptions} subscriptions, its limit. Delete one, or ask for more.",
            code="limit",
        )
    subscription = Subscription(account=account, description=description, metadata=metadata)
    subscription.full_clean()
    subscription.save()
    _set_sources(subscription, sources)
    _set_destinations(subscription, destinations)
    _record(subscription, actor, "created", None)
    return subscription


@transaction.atomic
def update_subscription(  # noqa: PLR0913
    *,
    subscription: Subscription,
    actor: Actor,
    description: str | None = None,
    metadata: str | None = None,
    state: str | None = None,
    sources: Sequence[SourceSpec] | None = None,
    destinations: Sequence[Destination] | None = None,
) -> Subscription:
    """Change what is given, as one new revision; what changes nothing makes none. Routed events go out as they were."""
    current = Subscription.objects.select_for_update().get(pk=subscription.pk)
    before, stored = recorded_subscription(current), snapshot(current)
    for name, value in [("description", description), ("metadata", metadata), ("state", state)]:
        if value is not None:
            setattr(current, name, value)
    current.full_clean()
    if sources is not None:
        _set_sources(current, sources)
    if destinations is not None:
        _set_destinations(current, destinations)
    if snapshot(current) == stored:
        return current
    current.revision += 1
    current.save(update_fields=["description", "metadata", "state", "revision"])
    _record(current, actor, "updated", before)
    if state == Subscription.State.ACTIVE:
        current.destinations.all().wake()
    return current


@transaction.atomic
def delete_subscription(*, subscription: Subscription, actor: Actor) -> None:
    """Capture nothing more. What is routed already still goes out; a tombstone keeps its history readable."""
    current = Subscription.objects.select_for_update().get(pk=subscription.pk)
    before = recorded_subscription(current)
    current.deleted_at = timezone.now()
    current.state = Subscription.State.OFF
    current.revision += 1
    current.save(update_fields=["deleted_at", "state", "revision"])
    current.destinations.all().wake()
    _record(current, actor, "deleted", before)


def _set_sources(subscription: Subscription, sources: Sequence[SourceSpec]) -> None:
    check_sources(sources)
    subscription.sources.all().delete()
    Source.objects.bulk_create(
        Source(
            subscription=subscription,
            event_type=spec.event_type,
            filter=spec.filter.strip(),
            fields=None if spec.fields is None else list(spec.fields),
        )
        for spec in sources
    )


def _set_destinations(subscription: Subscription, destinations: Sequence[Destination]) -> None:
    account = subscription.account
    for destination in destinations:
        if destination.account_id != account.pk or destination.deleted_at is not None:
            raise ValidationError({"destinations": f"There is no destination {destination.pk} in this account."})
    if len(destinations) > account.max_destinations_per_subscription:
        limit = account.max_destinations_per_subscription
        fault = f"{len(destinations)} destinations on one subscription; {limit} is the most here. Take some out."
        raise ValidationError({"destinations": ValidationError(fault, code="limit")})
    subscription.destinations.set(destinations)


def _record(subscription: Subscription, actor: Actor, action: str, before: dict[str, Any] | None) -> None:
    Revision.objects.create(
        subscription=subscription,
        number=subscription.revision,
        snapshot=snapshot(subscription),
        actor={**actor.as_principal(), "name": actor.name},
    )
    subscription.account.touch_configuration()
    record_change(
        account=subscription.account,
        actor=actor,
        event_type=f"event_subscription_{action}.v0",
        object_id=subscription.pk,
        before=before,
        after=None if action == "deleted" else recorded_subscription(subscription),
    )
