"""An account's whole configuration as one document: written out, compared with a wanted one, and brought in.

`{"version": 1, "destinations": […], "subscriptions": […]}`, each entry as the API shows it without what the server
gives (uri, created_at). A secret stands as a reference, `secret://ed_…/api_key`: in the account that holds it, it means
"as stored"; elsewhere its value is handed in beside the document. An `id` that the account does not have is a name
within the document: the entry is created, and what refers to it follows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from accounts.audit import Actor
from accounts.models import Account
from destinations.models import Destination
from destinations.resources import destination_resource
from destinations.services import create_destination, delete_destination, update_destination
from subscriptions.differences import differences
from subscriptions.models import Subscription
from subscriptions.resources import subscription_resource
from subscriptions.services import SourceSpec, create_subscription, delete_subscription, update_subscription

VERSION = 1
REFERENCE = "secret://"
SERVER_GIVES = ("uri", "created_at", "format")


@dataclass(frozen=True, slots=True)
class WantedDestination:
    """`config` and `secrets` are checked already; None leaves what is stored."""

    id: str
    target: str
    config: Mapping[str, str]
    secrets: Mapping[str, str]
    description: str
    metadata: str
    refuses_too_old: bool


@dataclass(frozen=True, slots=True)
class WantedSubscription:
    id: str
    sources: Sequence[SourceSpec]
    destinations: Sequence[str]
    description: str
    metadata: str


@dataclass(frozen=True, slots=True)
class Change:
    """`action` is create, update or delete; `differences` as subscriptions.differences has them."""

    action: str
    kind: str
    id: str
    description: str
    differences: list[dict[str, Any]]


@dataclass(slots=True)
class _Run:
    account: Account
    actor: Actor
    changes: list[Change] = field(default_factory=list)
    # IDs in the document to IDs in the account.
    ids: dict[str, str] = field(default_factory=dict)

    def note(self, kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        action = "update" if before and after else "create" if after else "delete"
        found = differences(_plain(before), _plain(after))
        if found or action != "update":
            shown = after or before
            self.changes.append(Change(action, kind, shown["id"], shown["description"], found))


def _plain(resource: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in resource.items() if name not in {*SERVER_GIVES, "id"}}
    if "destinations" in plain:
        plain["destinations"] = [ref["id"] for ref in plain["destinations"]]
    return plain


def export_configuration(account: Account) -> dict[str, Any]:
    destinations = Destination.objects.existing().filter(account=account).order_by("pk")
    subscriptions = Subscription.objects.existing().filter(account=account).order_by("pk")
    return {
        "version": VERSION,
        "destinations": [_exported_destination(destination) for destination in destinations],
        "subscriptions": [
            _exported_subscription(each) for each in subscriptions.prefetch_related("sources", "destinations")
        ],
    }


def _exported_destination(destination: Destination) -> dict[str, Any]:
    resource = destination_resource(destination)
    shown = _refer(resource["target"][destination.target], destination)
    kept = {name: resource[name] for name in ("id", "description", "metadata", "refuses_too_old")}
    return {**kept, "target": {destination.target: shown}}


def _refer(value: Any, destination: Destination) -> Any:
    """The target's resource without nulls, with a reference for each stored secret."""
    return {
        name: _refer(item, destination)
        if isinstance(item, Mapping)
        else f"{REFERENCE}{destination.pk}/{name}"
        if name in destination.secrets
        else item
        for name, item in value.items()
        if item is not None
    }


def _exported_subscription(subscription: Subscription) -> dict[str, Any]:
    resource = subscription_resource(subscription)
    return {
        **{name: resource[name] for name in ("id", "description", "metadata")},
        "sources": [{k: v for k, v in source.items() if k != "uri"} for source in resource["sources"]],
        "destination_ids": [ref["id"] for ref in resource["destinations"]],
    }


@transaction.atomic
def apply_configuration(
    *,
    account: Account,
    actor: Actor,
    destinations: Sequence[WantedDestination],
    subscriptions: Sequence[WantedSubscription],
    prune: bool,
    dry_run: bool,
) -> list[Change]:
    """Bring the account to what is wanted; `prune` deletes what the document does not have.

    A dry run does all of it and takes it back, so that it refuses what the real one would refuse.
    Raises ValidationError, DestinationInUseError.
    """
    run = _Run(account, actor)
    for destination in destinations:
        _bring_destination(run, destination)
    for subscription in subscriptions:
        _bring_subscription(run, subscription)
    if prune:
        _prune(run, destinations, subscriptions)
    if dry_run:
        transaction.set_rollback(True)
    return run.changes


def _bring_destination(run: _Run, wanted: WantedDestination) -> None:
    stored = Destination.objects.existing().filter(account=run.account, pk=wanted.id).first()
    given: dict[str, Any] = {name: getattr(wanted, name) for name in ("description", "metadata", "refuses_too_old")}
    if stored is None:
        made = create_destination(
            account=run.account,
            actor=run.actor,
            target=wanted.target,
            config=wanted.config,
            secrets=wanted.secrets,
            **given,
        )
        run.ids[wanted.id] = made.pk
        run.note("destination", {}, destination_resource(made))
        return
    run.ids[wanted.id] = stored.pk
    before = destination_resource(stored)
    changed = update_destination(
        destination=stored, actor=run.actor, config=wanted.config, secrets=wanted.secrets, **given
    )
    run.note("destination", before, destination_resource(changed))


def _bring_subscription(run: _Run, wanted: WantedSubscription) -> None:
    ids = [run.ids.get(pk, pk) for pk in wanted.destinations]
    values: dict[str, Any] = {
        "description": wanted.description,
        "metadata": wanted.metadata,
        "sources": wanted.sources,
        "destinations": list(Destination.objects.existing().filter(account=run.account, pk__in=ids).order_by("pk")),
    }
    stored = Subscription.objects.existing().filter(account=run.account, pk=wanted.id).first()
    if stored is None:
        made = create_subscription(account=run.account, actor=run.actor, **values)
        run.ids[wanted.id] = made.pk
        run.note("subscription", {}, subscription_resource(made))
        return
    run.ids[wanted.id] = stored.pk
    before = subscription_resource(stored)
    changed = update_subscription(subscription=stored, actor=run.actor, **values)
    run.note("subscription", before, subscription_resource(changed))


def _prune(run: _Run, destinations: Sequence[WantedDestination], subscriptions: Sequence[WantedSubscription]) -> None:
    kept = {run.ids[each.id] for each in destinations} | {run.ids[each.id] for each in subscriptions}
    for subscription in Subscription.objects.existing().filter(account=run.account).exclude(pk__in=kept):
        run.note("subscription", subscription_resource(subscription), {})
        delete_subscription(subscription=subscription, actor=run.actor)
    for destination in Destination.objects.existing().filter(account=run.account).exclude(pk__in=kept):
        run.note("destination", destination_resource(destination), {})
        delete_destination(destination=destination, actor=run.actor)
