"""What a subscription was: its revisions, what differs between two, and going back to one."""

from http import HTTPStatus
from typing import Annotated, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from ninja import Query, Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import APIError
from common.api_paging import Page, list_numbered, read_key
from common.api_schemas import shown_time
from subscriptions import schemas
from subscriptions.api_bodies import find_subscription, refusal
from subscriptions.differences import differences
from subscriptions.models import Revision, Subscription
from subscriptions.resources import subscription_resource
from subscriptions.revising import roll_back

router = Router(tags=["EventSubscriptionRevisions"], auth=account_key)

ALL = "/event_subscriptions/{subscription_id}/revisions"
ONE = ALL + "/{number}"


class EventSubscriptionRevision(Schema):
    number: int
    at: str
    actor: dict[str, Any]
    snapshot: dict[str, Any]
    uri: str


class EventSubscriptionRevisionList(Schema):
    revisions: list[EventSubscriptionRevision]
    uri: str
    next_page_uri: str | None


class Difference(Schema):
    """`path` names a value, such as sources.http_request_complete.v0.filter; null stands for absent."""

    path: str
    before: Any = None
    after: Any = None


class RevisionDifference(Schema):
    before: int
    after: int
    differences: list[Difference]


def _resource(revision: Revision) -> dict[str, Any]:
    base = f"{settings.API_URL}/event_subscriptions/{revision.subscription_id}/revisions"
    return {
        "number": revision.number,
        "at": shown_time(revision.at),
        "actor": revision.actor,
        "snapshot": revision.snapshot,
        "uri": f"{base}/{revision.number}",
    }


def _find(subscription: Subscription, number: str) -> Revision:
    found = Revision.objects.filter(subscription=subscription, number=read_key(number)).first()
    if found is None:
        message = f"{subscription.pk} has no revision {number[:20]!r}. It has 1 to {subscription.revision}."
        raise APIError(404, HTTPStatus.NOT_FOUND, message)
    return found


@router.get(
    ALL,
    response=EventSubscriptionRevisionList,
    operation_id="EventSubscriptionRevisionsList",
    summary="List revisions",
)
def list_all(request: APIRequest, subscription_id: str, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Newest first; `before_id` is the key that next_page_uri carries."""
    rows = Revision.objects.filter(subscription=find_subscription(request, subscription_id))
    return list_numbered(request, rows, page, name="revisions", show=_resource)


@router.get(
    ONE, response=EventSubscriptionRevision, operation_id="EventSubscriptionRevisionsGet", summary="Get a revision"
)
def get(request: APIRequest, subscription_id: str, number: str) -> dict[str, Any]:
    return _resource(_find(find_subscription(request, subscription_id), number))


@router.get(
    ONE + "/diff",
    response=RevisionDifference,
    operation_id="EventSubscriptionRevisionsDiff",
    summary="Compare revisions",
)
def diff(request: APIRequest, subscription_id: str, number: str, against: str | None = None) -> dict[str, Any]:
    """From the revision `against`, by default the one before, to this one."""
    subscription = find_subscription(request, subscription_id)
    after = _find(subscription, number)
    before = None if against is None and after.number == 1 else _find(subscription, against or str(after.number - 1))
    return {
        "before": before.number if before else 0,
        "after": after.number,
        "differences": differences(before.snapshot if before else {}, after.snapshot),
    }


@router.post(
    ONE + "/rollback",
    response=schemas.EventSubscription,
    operation_id="EventSubscriptionRevisionsRollback",
    summary="Go back to a revision",
    exclude_unset=True,
)
def rollback(request: APIRequest, subscription_id: str, number: str) -> dict[str, Any]:
    """A new revision with the content of the old one; the state stays, destinations deleted since are left out."""
    subscription = find_subscription(request, subscription_id)
    revision = _find(subscription, number)
    try:
        changed = roll_back(subscription=subscription, revision=revision, actor=request.auth.actor)
    except ValidationError as error:
        raise refusal(error) from None
    return subscription_resource(changed)
