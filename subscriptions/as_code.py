"""A subscription, saved or in the composer, as API call, Terraform and YAML."""

from collections.abc import Sequence
from typing import Any

from common.as_code import Snippet, as_yaml, curl, terraform
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec

UNSAVED = "new-subscription"


def subscription_as_code(subscription: Subscription) -> list[Snippet]:
    return snippets(
        sources=[SourceSpec(each.event_type, each.filter, each.fields) for each in subscription.sources.all()],
        destination_ids=[each.pk for each in subscription.destinations.all() if each.deleted_at is None],
        description=subscription.description,
        metadata=subscription.metadata,
        pk=subscription.pk,
    )


def snippets(
    *,
    sources: Sequence[SourceSpec],
    destination_ids: Sequence[str],
    description: str,
    metadata: str,
    pk: str = "",
) -> list[Snippet]:
    """With a `pk` it is a change of that subscription, else a new one."""
    body: dict[str, Any] = {
        "description": description,
        "metadata": metadata,
        "sources": [_source(each) for each in sources],
        "destination_ids": list(destination_ids),
    }
    method, path = ("PATCH", f"/event_subscriptions/{pk}") if pk else ("POST", "/event_subscriptions")
    return [
        curl(method, path, body),
        terraform("ngrok_event_subscription", description or "subscription", body, pk),
        as_yaml("subscriptions", {"id": pk or UNSAVED, **body}),
    ]


def _source(spec: SourceSpec) -> dict[str, Any]:
    source: dict[str, Any] = {"type": spec.event_type}
    if spec.filter:
        source["filter"] = spec.filter
    if spec.fields is not None:
        source["fields"] = list(spec.fields)
    return source
