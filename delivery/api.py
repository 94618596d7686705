"""What was carried, in the API: deliveries with their attempts, and dead letters, which can be replayed."""

from http import HTTPStatus
from typing import Annotated, Any

from django.conf import settings
from django.db.models import QuerySet
from ninja import Query, Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import APIError, refuse
from common.api_paging import Page, check_id, check_number, list_numbered, read_key
from common.api_schemas import Input, shown_key, shown_time
from delivery.models import AttemptPart, DeadLetter, Delivery
from delivery.services import replay_dead_letters

router = Router(tags=["EventDeliveries"], auth=account_key)

MAX_REPLAYED = 1000


class EventDelivery(Schema):
    """Records of one routing run for one subscription and destination. The counts add up to `records`."""

    id: str
    uri: str
    routed_at: str
    settled_at: str | None
    state: str
    origin: str
    parent_id: str | None
    subscription_id: str
    subscription_revision: int
    destination_id: str
    records: int
    bytes: int
    delivered: int
    dead: int
    discarded: int
    moved: int
    waiting: int
    attempts: int
    next_attempt_at: str | None


class EventDeliveryList(Schema):
    event_deliveries: list[EventDelivery]
    uri: str
    next_page_uri: str | None


class EventAttempt(Schema):
    """One call to the target: the outcome, and what it said. `delivered`, `dead`, `retried` are of this delivery."""

    id: str
    started_at: str
    duration_ms: int
    outcome: str
    code: str
    message: str
    request_id: str
    delivered: int
    dead: int
    retried: int


class EventAttemptList(Schema):
    event_attempts: list[EventAttempt]
    uri: str
    next_page_uri: str | None


class EventDeadLetter(Schema):
    id: str
    event_id: str
    event_type: str
    delivery_id: str
    subscription_id: str
    destination_id: str
    code: str
    reason: str
    died_at: str
    replayed_as: str | None


class EventDeadLetterList(Schema):
    event_dead_letters: list[EventDeadLetter]
    uri: str
    next_page_uri: str | None


class ReplayCreate(Input):
    ids: list[str] | None = None


class Replay(Schema):
    """Dead letters on their way again. What goes over past events is an EventReplay."""

    records: int
    event_deliveries: list[EventDelivery]


def delivery_resource(delivery: Delivery) -> dict[str, Any]:
    is_waiting = delivery.state == Delivery.State.WAITING
    return {
        "id": str(delivery.pk),
        "uri": f"{settings.API_URL}/event_deliveries/{delivery.pk}",
        "routed_at": shown_time(delivery.routed_at),
        "settled_at": shown_time(delivery.settled_at),
        "state": delivery.state,
        "origin": delivery.origin,
        "parent_id": shown_key(delivery.parent_id),
        "subscription_id": delivery.subscription_id,
        "subscription_revision": delivery.revision,
        "destination_id": delivery.destination_id,
        "records": delivery.count,
        "bytes": delivery.bytes,
        "delivered": delivery.delivered_count,
        "dead": delivery.dead_count,
        "discarded": delivery.discarded_count,
        "moved": delivery.moved_count,
        "waiting": delivery.waiting_count,
        "attempts": delivery.attempts,
        "next_attempt_at": shown_time(delivery.next_attempt_at) if is_waiting else None,
    }


def attempt_resource(part: AttemptPart) -> dict[str, Any]:
    attempt = part.attempt
    names = ("duration_ms", "outcome", "code", "message", "request_id")
    return {
        "id": str(attempt.pk),
        "started_at": shown_time(attempt.started_at),
        **{name: getattr(attempt, name) for name in names},
        **{name: getattr(part, name) for name in ("delivered", "dead", "retried")},
    }


def dead_letter_resource(letter: DeadLetter) -> dict[str, Any]:
    names = ("event_id", "event_type", "subscription_id", "destination_id", "code", "reason")
    return {
        "id": str(letter.pk),
        "delivery_id": str(letter.delivery_id),
        **{name: getattr(letter, name) for name in names},
        "died_at": shown_time(letter.died_at),
        "replayed_as": shown_key(letter.replayed_as_id),
    }


def _narrowed(rows: QuerySet[Any], subscription_id: str | None, destination_id: str | None) -> QuerySet[Any]:
    """Those of one subscription, of one destination, or both. Raises APIError."""
    if subscription_id:
        rows = rows.filter(subscription=check_id(subscription_id, "esb", "subscription_id"))
    if destination_id:
        rows = rows.filter(destination=check_id(destination_id, "ed", "destination_id"))
    return rows


def _of_account(request: APIRequest) -> Any:
    return Delivery.objects.filter(account=request.auth.account).defer("payload", "remaining")


@router.get(
    "/event_deliveries", response=EventDeliveryList, operation_id="EventDeliveriesList", summary="List deliveries"
)
def list_deliveries(
    request: APIRequest,
    page: Annotated[Page, Query()],
    state: str | None = None,
    subscription_id: str | None = None,
    destination_id: str | None = None,
) -> dict[str, Any]:
    """Newest first; `state` is waiting, delivered, dead, discarded or moved."""
    rows = _of_account(request)
    if state:
        if state not in Delivery.State.values:
            raise refuse(215, f"state {state[:40]!r} is not known. Give one of {', '.join(Delivery.State.values)}.")
        rows = rows.filter(state=state)
    rows = _narrowed(rows, subscription_id, destination_id)
    return list_numbered(request, rows, page, name="event_deliveries", show=delivery_resource)


def find_delivery(request: APIRequest, pk: str) -> Delivery:
    found: Delivery | None = _of_account(request).filter(pk=read_key(pk)).first()
    if found is None:
        message = f"There is no delivery {pk[:40]!r} in this account. GET /event_deliveries lists them."
        raise APIError(404, HTTPStatus.NOT_FOUND, message)
    return found


@router.get(
    "/event_deliveries/{id}", response=EventDelivery, operation_id="EventDeliveriesGet", summary="Get a delivery"
)
def get_delivery(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    return delivery_resource(find_delivery(request, id))


@router.get(
    "/event_deliveries/{id}/attempts",
    response=EventAttemptList,
    operation_id="EventDeliveriesAttempts",
    summary="List the attempts of a delivery",
)
def list_attempts(
    request: APIRequest,
    id: str,  # noqa: A002
    page: Annotated[Page, Query()],
) -> dict[str, Any]:
    """Newest first: each call to the target that carried records of this delivery."""
    parts = AttemptPart.objects.filter(delivery=find_delivery(request, id)).select_related("attempt")
    return list_numbered(request, parts, page, name="event_attempts", show=attempt_resource)


@router.get(
    "/event_dead_letters",
    response=EventDeadLetterList,
    operation_id="EventDeadLettersList",
    summary="List dead letters",
)
def list_dead_letters(
    request: APIRequest,
    page: Annotated[Page, Query()],
    destination_id: str | None = None,
    subscription_id: str | None = None,
) -> dict[str, Any]:
    """Newest first: records that were refused for good, each with the reason."""
    rows = DeadLetter.objects.filter(account=request.auth.account).defer("payload")
    rows = _narrowed(rows, subscription_id, destination_id)
    return list_numbered(request, rows, page, name="event_dead_letters", show=dead_letter_resource)


@router.post(
    "/event_dead_letters/replay",
    response={202: Replay},
    operation_id="EventDeadLettersReplay",
    summary="Replay dead letters",
)
def replay(request: APIRequest, payload: ReplayCreate | None = None) -> dict[str, Any]:
    """Sends them again under new deliveries. One that was replayed before is left out."""
    ids = (payload.ids if payload else None) or []
    if not ids or len(ids) > MAX_REPLAYED:
        raise refuse(215, f"ids has {len(ids)} entries. Name from 1 to {MAX_REPLAYED} dead letters.")
    numbers = {check_number(pk, "ids:") for pk in ids}
    letters = list(DeadLetter.objects.filter(account=request.auth.account, pk__in=numbers).defer("payload"))
    if missing := numbers - {letter.pk for letter in letters}:
        message = f"There is no dead letter {min(missing)} in this account. GET /event_dead_letters lists them."
        raise APIError(404, HTTPStatus.NOT_FOUND, message)
    deliveries = replay_dead_letters(dead_letters=letters, actor=request.auth.actor)
    return {
        "records": sum(delivery.count for delivery in deliveries),
        "event_deliveries": [delivery_resource(delivery) for delivery in deliveries],
    }
