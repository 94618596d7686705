"""The fate of one event in the API: what became of it for every subscription and destination."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from ninja import Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import APIError
from common.api_paging import check_id
from common.api_schemas import shown_key, shown_time
from common.ids import SHAPE
from delivery.fate import EventFate, Fate, fate_of

router = Router(tags=["Events"], auth=account_key)


class FateHappening(Schema):
    at: str
    what: str
    delivery_id: str | None
    attempt_id: str | None
    code: str
    message: str
    request_id: str


class FateThere(Schema):
    """`state` is the one current fate; `history` what came before it."""

    subscription_id: str
    subscription_revision: int | None
    destination_id: str | None
    state: str
    at: str | None
    delivery_id: str | None
    attempt_id: str | None
    code: str
    reason: str
    request_id: str
    history: list[FateHappening]


class EventFateShown(Schema):
    id: str
    uri: str
    event_type: str
    accepted_at: str
    routed_at: str | None
    is_payload_kept: bool
    fates: list[FateThere]


def fate_resource(found: EventFate) -> dict[str, Any]:
    return {
        "id": found.event_id,
        "uri": f"{settings.API_URL}/events/{found.event_id}",
        "event_type": found.event_type,
        "accepted_at": shown_time(found.accepted_at),
        "routed_at": shown_time(found.routed_at),
        "is_payload_kept": found.is_payload_kept,
        "fates": [_there(fate) for fate in found.fates],
    }


def _there(fate: Fate) -> dict[str, Any]:
    return {
        "subscription_id": fate.subscription,
        "subscription_revision": fate.revision,
        "destination_id": fate.destination or None,
        "state": fate.state.value,
        "at": shown_time(fate.at),
        "delivery_id": shown_key(fate.delivery),
        "attempt_id": shown_key(fate.attempt),
        "code": fate.code,
        "reason": fate.reason,
        "request_id": fate.request_id,
        "history": [
            {
                "at": shown_time(happening.at),
                "what": happening.what,
                "delivery_id": shown_key(happening.delivery),
                "attempt_id": shown_key(happening.attempt),
                "code": happening.code,
                "message": happening.message,
                "request_id": happening.request_id,
            }
            for happening in fate.history
        ],
    }


@router.get("/events/{id}", response=EventFateShown, operation_id="EventsGet", summary="Get the fate of an event")
def get(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """For every subscription and destination its one current fate, and the story before it."""
    if SHAPE.match(id):
        check_id(id, "ev", "The event")
    found = fate_of(request.auth.account, id)
    if found is None:
        message = f"There is no event {id[:60]!r} in this account. IDs are in the answer to publishing, and in records."
        raise APIError(404, HTTPStatus.NOT_FOUND, message)
    return fate_resource(found)
