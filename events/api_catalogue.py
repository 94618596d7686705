"""The catalogue in the API: every event type with its fields and an example."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from ninja import Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import APIError
from events.catalog import EventType, catalog, get_event_type, suggest
from events.filters.compiling import filterable_fields

router = Router(tags=["EventTypes"], auth=account_key)


class EventTypeSummary(Schema):
    name: str
    title: str
    description: str
    category: str
    selectable: bool
    uri: str


class EventTypeList(Schema):
    event_types: list[EventTypeSummary]
    uri: str


class EventField(Schema):
    path: str
    type: str
    filterable: bool
    description: str


class EventTypeDetail(EventTypeSummary):
    fields: list[EventField]
    example: dict[str, Any]


def _summary(event_type: EventType) -> dict[str, Any]:
    names = ("name", "title", "description", "category", "selectable")
    shown = {name: getattr(event_type, name) for name in names}
    return {**shown, "uri": f"{settings.API_URL}/event_types/{event_type.name}"}


@router.get("/event_types", response=EventTypeList, operation_id="EventTypesList", summary="List event types")
def list_all(request: APIRequest) -> dict[str, Any]:
    """Everything that can be subscribed to."""
    shown = [_summary(event_type) for event_type in catalog().values()]
    return {"event_types": shown, "uri": f"{settings.API_URL}/event_types"}


@router.get("/event_types/{name}", response=EventTypeDetail, operation_id="EventTypesGet", summary="Get an event type")
def get(request: APIRequest, name: str) -> dict[str, Any]:
    """Its fields, which of them a filter may use, and an example event."""
    event_type = get_event_type(name)
    if event_type is None:
        near = suggest(name)
        hint = f"Did you mean {near[0]}?" if near else "GET /event_types lists the known ones."
        raise APIError(404, HTTPStatus.NOT_FOUND, f"There is no event type {name[:100]!r}. {hint}")
    filterable = {field.path for field in filterable_fields(event_type)}
    return {
        **_summary(event_type),
        "fields": [
            {
                "path": field.path,
                "type": field.type,
                "filterable": field.path in filterable,
                "description": field.description,
            }
            for field in event_type.fields
        ],
        "example": event_type.example_event(request.auth.account.pk),
    }
