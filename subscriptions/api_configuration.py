"""An account's whole configuration in the API: read as JSON or YAML, planned against a wanted one, and applied."""

from typing import Any, Literal

import yaml
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from ninja import Router, Schema
from pydantic import Field

from accounts.authentication import APIRequest, account_key
from common.api import refuse
from common.api_schemas import Description, Input, Metadata
from destinations import schemas as destination_schemas
from destinations.api import no_destination, target_given
from destinations.api_targets import read_target
from destinations.models import Destination
from destinations.services import DestinationInUseError
from subscriptions.api_bodies import refusal, wanted_source
from subscriptions.configuration import (
    REFERENCE,
    Change,
    WantedDestination,
    WantedSubscription,
    apply_configuration,
    export_configuration,
)
from subscriptions.schemas import EventSourceReplace

router = Router(tags=["EventConfiguration"], auth=account_key)


class ConfiguredDestination(Input):
    id: str
    description: Description = ""
    metadata: Metadata = ""
    refuses_too_old: destination_schemas.RefusesTooOld = False
    target: destination_schemas.EventTargetGiven


class ConfiguredSubscription(Input):
    id: str
    description: Description = ""
    metadata: Metadata = ""
    sources: list[EventSourceReplace] = []
    destination_ids: list[str] = []


class EventConfigurationWanted(Input):
    """A document as GET /event_configuration gives it, in JSON or YAML, and what is to be done with it."""

    version: Literal[1] = 1
    destinations: list[ConfiguredDestination] = []
    subscriptions: list[ConfiguredSubscription] = []
    secrets: dict[str, str] = Field(default={}, description="Values of references, such as secret://ed_…/api_key.")
    prune: bool = Field(default=False, description="Delete what the document does not have.")


class EventConfiguration(Schema):
    version: int
    destinations: list[dict[str, Any]]
    subscriptions: list[dict[str, Any]]


class ChangedValue(Schema):
    path: str
    before: Any = None
    after: Any = None


class PlannedChange(Schema):
    action: str
    kind: str
    id: str
    description: str
    differences: list[ChangedValue]


class EventConfigurationPlan(Schema):
    changes: list[PlannedChange]


@router.get(
    "/event_configuration",
    response=EventConfiguration,
    operation_id="EventConfigurationGet",
    summary="Export the configuration",
)
def export(request: APIRequest, format: str | None = None) -> Any:  # noqa: A002
    """All destinations and subscriptions, secrets as references; `format=yaml` gives YAML."""
    document = export_configuration(request.auth.account)
    if format not in {None, "", "json", "yaml"}:
        raise refuse(215, f"format {format[:40]!r} is not known. Give json or yaml.")  # type: ignore[index]
    if format == "yaml":
        return HttpResponse(yaml.safe_dump(document, sort_keys=False), content_type="application/yaml")
    return document


@router.post(
    "/event_configuration/plan",
    response=EventConfigurationPlan,
    operation_id="EventConfigurationPlan",
    summary="Plan a configuration",
)
def plan(request: APIRequest, payload: EventConfigurationWanted | None = None) -> dict[str, Any]:
    """What applying the document would change. Nothing is written; IDs of what would be created are not kept."""
    return _bring(request, payload, dry_run=True)


@router.post(
    "/event_configuration/apply",
    response=EventConfigurationPlan,
    operation_id="EventConfigurationApply",
    summary="Apply a configuration",
)
def apply(request: APIRequest, payload: EventConfigurationWanted | None = None) -> dict[str, Any]:
    """All of it or nothing. An ID that the account does not have is a name within the document: it is created."""
    return _bring(request, payload, dry_run=False)


def _bring(request: APIRequest, payload: EventConfigurationWanted | None, *, dry_run: bool) -> dict[str, Any]:
    wanted = payload or EventConfigurationWanted()
    own = Destination.objects.existing().filter(account=request.auth.account).in_bulk()
    _check_ids(wanted, own)
    try:
        changes = apply_configuration(
            account=request.auth.account,
            actor=request.auth.actor,
            destinations=[_destination(each, own.get(each.id), wanted.secrets) for each in wanted.destinations],
            subscriptions=[_subscription(each) for each in wanted.subscriptions],
            prune=wanted.prune,
            dry_run=dry_run,
        )
    except ValidationError as error:
        raise refusal(error) from None
    except DestinationInUseError as error:
        raise refuse(5112, str(error)) from None
    return {"changes": [_shown(change) for change in changes]}


def _check_ids(wanted: EventConfigurationWanted, own: dict[str, Destination]) -> None:
    ids = [each.id for each in wanted.destinations] + [each.id for each in wanted.subscriptions]
    if twice := {pk for pk in ids if ids.count(pk) > 1}:
        raise refuse(215, f"The ID {min(twice)[:60]!r} is there twice. Give each entry its own.")
    known = own.keys() | {each.id for each in wanted.destinations}
    for subscription in wanted.subscriptions:
        for pk in subscription.destination_ids:
            if pk not in known:
                raise no_destination(pk)


def _destination(
    given: ConfiguredDestination, stored: Destination | None, secrets: dict[str, str]
) -> WantedDestination:
    resource = _resolve(target_given(given.target) or {}, stored, secrets)
    target = read_target(resource, stored)
    return WantedDestination(
        given.id,
        target.slug,
        target.config,
        target.secrets,
        given.description,
        given.metadata,
        given.refuses_too_old,
    )


def _resolve(value: dict[str, Any], stored: Destination | None, secrets: dict[str, str]) -> dict[str, Any]:
    """References as the values handed in for them; of a stored destination the rest means "as stored"."""
    resolved: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            resolved[name] = _resolve(item, stored, secrets)
        elif isinstance(item, str) and item.startswith(REFERENCE):
            resolved[name] = _secret(item, name, stored, secrets)
        else:
            resolved[name] = item
    return resolved


def _secret(reference: str, name: str, stored: Destination | None, secrets: dict[str, str]) -> str:
    if reference in secrets:
        return secrets[reference]
    if stored is not None and reference == f"{REFERENCE}{stored.pk}/{name}":
        return ""
    raise refuse(240, f"{reference[:100]} is not stored with this destination. Give its value under secrets.")


def _subscription(given: ConfiguredSubscription) -> WantedSubscription:
    sources = [wanted_source(each) for each in given.sources]
    return WantedSubscription(given.id, sources, given.destination_ids, given.description, given.metadata)


def _shown(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in ("action", "kind", "id", "description", "differences")}
