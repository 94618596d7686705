"""Changing destinations. Each change is one transaction with its revision and its audit entry."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor, record_change
from accounts.models import Account, User
from common import wake
from destinations.models import Destination
from destinations.resources import recorded_destination


class DestinationInUseError(Exception):
    """Subscriptions still send to it; `names` lists them."""

    def __init__(self, destination: Destination, names: list[str]) -> None:
        noun = "subscription" if len(names) == 1 else "subscriptions"
        super().__init__(
            f"{destination.name} is used by {len(names)} {noun}: {'; '.join(names)}. Take it out of them first."
        )
        self.names = names


@transaction.atomic
def create_destination(  # noqa: PLR0913
    *,
    account: Account,
    actor: Actor,
    target: str,
    config: Mapping[str, str],
    secrets: Mapping[str, str],
    description: str = "",
    metadata: str = "",
    credentials_expire_on: date | None = None,
    refuses_too_old: bool = False,
    format: str = "json",  # noqa: A002 - the contract's word
) -> Destination:
    """Raises ValidationError when the account's limit is reached."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if account.destinations.filter(deleted_at=None).count() >= account.max_destinations:
        raise ValidationError(
            f"This account has {account.max_destinations} destinations, its limit. Delete one, or ask for more.",
            code="limit",
        )
    destination = Destination(
        account=account,
        target=target,
        config=dict(config),
        secrets=dict(secrets),
        description=description,
        metadata=metadata,
        credentials_expire_on=credentials_expire_on,
        refuses_too_old=refuses_too_old,
        format=format,
    )
    destination.full_clean()
    destination.save()
    _record(destination, actor, "created", None)
    return destination


@transaction.atomic
def update_destination(  # noqa: PLR0913
    *,
    destination: Destination,
    actor: Actor,
    config: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    description: str | None = None,
    metadata: str | None = None,
    refuses_too_old: bool | None = None,
    format: str | None = None,  # noqa: A002
) -> Destination:
    """Change what is given. Records that wait go out with the new configuration, at once.

    What changes nothing makes no revision.
    """
    current = Destination.objects.select_for_update(no_key=True).get(pk=destination.pk)
    before, stored = recorded_destination(current), (current.config, current.secrets)
    given = {"description": description, "metadata": metadata, "refuses_too_old": refuses_too_old, "format": format}
    changed = {name: value for name, value in given.items() if value is not None}
    for name, value in changed.items():
        setattr(current, name, value)
    if config is not None:
        current.config = dict(config)
    if secrets is not None:
        current.secrets = dict(secrets)
    if (current.config, current.secrets) == stored and recorded_destination(current) == before:
        return current
    current.revision += 1
    current.full_clean()
    current.save(update_fields=[*changed, "config", "secrets", "revision"])
    _record(current, actor, "updated", before)
    if config is not None or secrets is not None:
        _try_now(current)
    return current


@transaction.atomic
def set_expiry(*, destination: Destination, actor: Actor, on: date | None) -> None:
    """Note until when the present credentials work. Sending does not depend on it, so it makes no revision."""
    current = Destination.objects.select_for_update(no_key=True).get(pk=destination.pk)
    if current.credentials_expire_on == on:
        return
    before = recorded_destination(current)
    current.credentials_expire_on = on
    current.save(update_fields=["credentials_expire_on"])
    _record_change(current, actor, "updated", before)


@transaction.atomic
def pause_destination(*, destination: Destination, user: User | None, actor: Actor) -> None:
    """Hold the records; they are captured all the same. `user` is shown as who paused it."""
    _set_state(destination, Destination.State.PAUSED, user, actor)


@transaction.atomic
def resume_destination(*, destination: Destination, actor: Actor) -> None:
    _set_state(destination, Destination.State.ACTIVE, None, actor)
    _try_now(destination)


def _set_state(destination: Destination, state: Destination.State, user: User | None, actor: Actor) -> None:
    """What a person decides. Routing does not depend on it, so compiled plans stay good."""
    current = Destination.objects.select_for_update(no_key=True).get(pk=destination.pk)
    if current.state == state:
        return
    before = recorded_destination(current)
    current.state, current.paused_by, current.state_since = state, user, timezone.now()
    current.save(update_fields=["state", "paused_by", "state_since"])
    _record_change(current, actor, "updated", before)


@transaction.atomic
def retry_destination_now(*, destination: Destination) -> None:
    """End the backoff, or probe a blocked destination, without waiting."""
    _try_now(destination)


@transaction.atomic
def delete_destination(*, destination: Destination, actor: Actor) -> None:
    """Leave a tombstone, so that what was sent stays explained. Raises DestinationInUseError."""
    check_unused(destination)
    before = recorded_destination(destination)
    Destination.objects.filter(pk=destination.pk).update(
        deleted_at=timezone.now(), secrets={}, state=Destination.State.PAUSED
    )
    _record(destination, actor, "deleted", before)


def check_unused(destination: Destination) -> None:
    """Raises DestinationInUseError."""
    if users := [str(user) for user in subscriptions_of(destination)]:
        raise DestinationInUseError(destination, users)


def subscriptions_of(destination: Destination) -> list[Any]:
    """The subscriptions that send to it (this room knows them only by their relation)."""
    return list(destination.subscriptions.filter(deleted_at=None).order_by("pk"))


def _try_now(destination: Destination) -> None:
    Destination.objects.filter(pk=destination.pk).update(retry_at=None)
    wake.drain(destination.pk, slow=destination.is_failing)


def _record(destination: Destination, actor: Actor, action: str, before: dict[str, Any] | None) -> None:
    destination.account.touch_configuration()
    _record_change(destination, actor, action, before)


def _record_change(destination: Destination, actor: Actor, action: str, before: dict[str, Any] | None) -> None:
    record_change(
        account=destination.account,
        actor=actor,
        event_type=f"event_destination_{action}.v0",
        object_id=destination.pk,
        before=before,
        after=None if action == "deleted" else recorded_destination(destination),
    )
