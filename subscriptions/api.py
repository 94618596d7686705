"""The API on subscriptions: the published contract, and pausing and resuming in the same style."""

from typing import Annotated, Any

from django.core.exceptions import ValidationError
from ninja import Query, Router, Status

from accounts.authentication import APIRequest, account_key
from common.api import refuse
from destinations.api import IMMUTABLE, check_immutable
from events.api_lists import FilteredPage, list_filtered
from subscriptions import schemas
from subscriptions.api_bodies import find_subscription, refusal, wanted_destinations, wanted_source
from subscriptions.models import Subscription
from subscriptions.resources import subscription_resource
from subscriptions.services import create_subscription, delete_subscription, update_subscription

router = Router(tags=["EventSubscriptions"], auth=account_key)


@router.post(
    "/event_subscriptions",
    response={201: schemas.EventSubscription},
    operation_id="EventSubscriptionsCreate",
    summary="Create a subscription",
    exclude_unset=True,
)
def create(request: APIRequest, payload: schemas.EventSubscriptionCreate | None = None) -> dict[str, Any]:
    """Which events, of which their fields, and where they go. Sources can be added later as well."""
    given = payload or schemas.EventSubscriptionCreate()
    try:
        subscription = create_subscription(
            account=request.auth.account,
            actor=request.auth.actor,
            sources=[wanted_source(each) for each in given.sources or []],
            destinations=wanted_destinations(request, given) or [],
            description=given.description or "",
            metadata=given.metadata or "",
        )
    except ValidationError as error:
        raise refusal(error) from None
    return subscription_resource(subscription)


@router.get(
    "/event_subscriptions",
    response=schemas.EventSubscriptionList,
    operation_id="EventSubscriptionsList",
    summary="List subscriptions",
    exclude_unset=True,
)
def list_all(request: APIRequest, page: Annotated[FilteredPage, Query()]) -> dict[str, Any]:
    """Newest first. `filter` is a CEL expression over obj: id, created_at, description, metadata."""
    existing = Subscription.objects.existing().filter(account=request.auth.account)
    rows = existing.prefetch_related("sources", "destinations")
    return list_filtered(request, rows, page, prefix="esb", name="event_subscriptions", show=subscription_resource)


@router.get(
    "/event_subscriptions/{id}",
    response=schemas.EventSubscription,
    operation_id="EventSubscriptionsGet",
    summary="Get a subscription",
    exclude_unset=True,
)
def get(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    return subscription_resource(find_subscription(request, id))


@router.patch(
    "/event_subscriptions/{id}",
    response=schemas.EventSubscription,
    operation_id="EventSubscriptionsUpdate",
    summary="Change a subscription",
    exclude_unset=True,
)
def update(
    request: APIRequest,
    id: str,  # noqa: A002
    payload: schemas.EventSubscriptionUpdate | None = None,
) -> dict[str, Any]:
    """What is absent stays. An empty list of sources changes none; a list that names some replaces all of them."""
    subscription = find_subscription(request, id)
    given = payload or schemas.EventSubscriptionUpdate()
    check_immutable(given.given(), subscription_resource(subscription), IMMUTABLE)
    try:
        changed = update_subscription(
            subscription=subscription,
            actor=request.auth.actor,
            description=given.description,
            metadata=given.metadata,
            # One official client sends an empty list in every update that does not speak of sources.
            sources=[wanted_source(each) for each in given.sources] if given.sources else None,
            destinations=wanted_destinations(request, given),
        )
    except ValidationError as error:
        raise refusal(error) from None
    return subscription_resource(changed)


@router.delete(
    "/event_subscriptions/{id}",
    response={204: None},
    operation_id="EventSubscriptionsDelete",
    summary="Delete a subscription",
)
def delete(request: APIRequest, id: str) -> Status[None]:  # noqa: A002
    """Nothing more is captured; what waits already still goes out."""
    delete_subscription(subscription=find_subscription(request, id), actor=request.auth.actor)
    return Status(204, None)


@router.post(
    "/event_subscriptions/{id}/pause",
    response=schemas.EventSubscription,
    operation_id="EventSubscriptionsPause",
    summary="Pause a subscription",
    exclude_unset=True,
)
def pause(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """Events are captured all the same; the records are held until it is resumed."""
    return _set_state(request, id, Subscription.State.PAUSED)


@router.post(
    "/event_subscriptions/{id}/resume",
    response=schemas.EventSubscription,
    operation_id="EventSubscriptionsResume",
    summary="Resume a subscription",
    exclude_unset=True,
)
def resume(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """What was held goes out in order."""
    return _set_state(request, id, Subscription.State.ACTIVE)


def _set_state(request: APIRequest, pk: str, state: str) -> dict[str, Any]:
    subscription = find_subscription(request, pk)
    if subscription.state == Subscription.State.OFF and state == Subscription.State.PAUSED:
        raise refuse(215, f"{pk} is switched off and captures nothing, so there is nothing to hold. Resume it first.")
    return subscription_resource(update_subscription(subscription=subscription, actor=request.auth.actor, state=state))
