"""The API on the sources of a subscription."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from ninja import Router, Status

from accounts.authentication import APIRequest, account_key
from destinations.api import check_immutable
from subscriptions import schemas
from subscriptions.api_bodies import changed_source, find_source, find_subscription, refusal, spec_of, wanted_source
from subscriptions.models import Subscription
from subscriptions.resources import source_resource, subscription_uri
from subscriptions.services import SourceSpec, update_subscription

router = Router(tags=["EventSources"], auth=account_key)

ALL = "/event_subscriptions/{subscription_id}/sources"
ONE = "/event_subscriptions/{subscription_id}/sources/{type}"


@router.post(
    ALL,
    response={201: schemas.EventSource},
    operation_id="EventSourcesCreate",
    summary="Add a source",
    exclude_unset=True,
)
def create(
    request: APIRequest, subscription_id: str, payload: schemas.EventSourceCreate | None = None
) -> dict[str, Any]:
    """One more event type. Without `fields` every field is sent."""
    subscription = find_subscription(request, subscription_id)
    given = payload or schemas.EventSourceCreate()
    _check_path(given, subscription.pk, given.type or "")
    wanted = wanted_source(given)
    _save(request, subscription, [*(spec_of(source) for source in subscription.sources.all()), wanted])
    return _answer(subscription, wanted.event_type)


@router.get(
    ALL,
    response=schemas.EventSourceList,
    operation_id="EventSourcesList",
    summary="List sources",
    exclude_unset=True,
)
def list_all(request: APIRequest, subscription_id: str) -> dict[str, Any]:
    subscription = find_subscription(request, subscription_id)
    sources = [source_resource(source) for source in subscription.sources.all()]
    return {"sources": sources, "uri": f"{subscription_uri(subscription.pk)}/sources"}


@router.get(
    ONE, response=schemas.EventSource, operation_id="EventSourcesGet", summary="Get a source", exclude_unset=True
)
def get(request: APIRequest, subscription_id: str, type: str) -> dict[str, Any]:  # noqa: A002
    return source_resource(find_source(find_subscription(request, subscription_id), type))


@router.patch(
    ONE,
    response=schemas.EventSource,
    operation_id="EventSourcesUpdate",
    summary="Change a source",
    exclude_unset=True,
)
def update(
    request: APIRequest,
    subscription_id: str,
    type: str,  # noqa: A002
    payload: schemas.EventSourceUpdate | None = None,
) -> dict[str, Any]:
    """What is absent stays; without a body nothing changes."""
    subscription = find_subscription(request, subscription_id)
    source = find_source(subscription, type)
    given = payload or schemas.EventSourceUpdate()
    _check_path(given, subscription.pk, source.event_type)
    specs = [changed_source(each, given) if each.pk == source.pk else spec_of(each) for each in _sources(subscription)]
    _save(request, subscription, specs)
    return _answer(subscription, source.event_type)


@router.delete(ONE, response={204: None}, operation_id="EventSourcesDelete", summary="Take a source out")
def delete(request: APIRequest, subscription_id: str, type: str) -> Status[None]:  # noqa: A002
    subscription = find_subscription(request, subscription_id)
    source = find_source(subscription, type)
    _save(request, subscription, [spec_of(each) for each in _sources(subscription) if each.pk != source.pk])
    return Status(204, None)


def _sources(subscription: Subscription) -> list[Any]:
    return list(subscription.sources.all())


def _check_path(given: schemas.EventSourceCreate, subscription_id: str, event_type: str) -> None:
    """What the body repeats of the path must agree with it."""
    path = {
        "subscription_id": subscription_id,
        "type": event_type,
        "uri": f"{settings.API_URL}/event_subscriptions/{subscription_id}/sources/{event_type}",
    }
    check_immutable(given.given(), path, tuple(path))


def _save(request: APIRequest, subscription: Subscription, specs: list[SourceSpec]) -> None:
    try:
        update_subscription(subscription=subscription, actor=request.auth.actor, sources=specs)
    except ValidationError as error:
        raise refusal(error) from None


def _answer(subscription: Subscription, event_type: str) -> dict[str, Any]:
    return source_resource(subscription.sources.model.objects.get(subscription=subscription, event_type=event_type))
