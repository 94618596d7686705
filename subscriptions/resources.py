"""A subscription as the API shows it, and as the audit trail does."""

from typing import Any

from django.conf import settings

from common.api_schemas import shown_time
from destinations.resources import destination_uri
from subscriptions.models import Source, Subscription


def subscription_uri(subscription_id: str) -> str:
    return f"{settings.API_URL}/event_subscriptions/{subscription_id}"


def source_resource(source: Source) -> dict[str, Any]:
    uri = f"{subscription_uri(source.subscription_id)}/sources/{source.event_type}"
    resource: dict[str, Any] = {"type": source.event_type, "uri": uri}
    if source.filter:
        resource["filter"] = source.filter
    if source.fields is not None:
        resource["fields"] = source.fields
    return resource


def subscription_resource(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.pk,
        "uri": subscription_uri(subscription.pk),
        "created_at": shown_time(subscription.created_at),
        "metadata": subscription.metadata,
        "description": subscription.description,
        "sources": [source_resource(source) for source in subscription.sources.all()],
        "destinations": [
            {"id": destination.pk, "uri": destination_uri(destination.pk)}
            for destination in subscription.destinations.order_by("pk")
        ],
    }


def recorded_subscription(subscription: Subscription) -> dict[str, Any]:
    """As the audit trail shows it: with its state, which the contract's schema lacks."""
    return {**subscription_resource(subscription), "state": subscription.state}


def snapshot(subscription: Subscription) -> dict[str, Any]:
    """What a revision keeps: all that routing depends on, in plain values."""
    return {
        "description": subscription.description,
        "metadata": subscription.metadata,
        "state": subscription.state,
        "sources": [
            {"type": source.event_type, "filter": source.filter, "fields": source.fields}
            for source in subscription.sources.all()
        ],
        "destinations": list(subscription.destinations.order_by("pk").values_list("pk", flat=True)),
    }
