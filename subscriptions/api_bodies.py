"""From bodies of the API to what the services take, and from their refusals to the API's codes."""

from collections.abc import Sequence
from http import HTTPStatus

from django.core.exceptions import ValidationError

from accounts.authentication import APIRequest
from common.api import APIError, refuse
from common.api_paging import check_id
from common.ids import SHAPE, is_id
from destinations.api import no_destination
from destinations.models import Destination
from events.catalog import get_event_type
from subscriptions.models import Source, Subscription
from subscriptions.schemas import EventSourceReplace, EventSubscriptionCreate
from subscriptions.services import SourceSpec

# By the kind of fault that validation gives.
CODES = {
    "unknown_type": 238,
    "twice": 5127,
    "no_fields": 5400,
    "not_selectable": 5401,
    "no_filter": 5402,
    "unknown_field": 5403,
    "filter_syntax": 5404,
    "filter_unknown_field": 5405,
    "filter_not_filterable": 5406,
}
INVALID = 215


def find_subscription(request: APIRequest, pk: str) -> Subscription:
    """The account's own; a foreign one is as missing as a missing one. Raises APIError."""
    if SHAPE.match(pk) and not is_id(pk, "esb"):
        check_id(pk, "esb", "The subscription")
    existing = Subscription.objects.existing().select_related("account").prefetch_related("sources", "destinations")
    found = existing.filter(account=request.auth.account, pk=pk).first()
    if found is None:
        message = f"There is no event subscription {pk[:60]!r} in this account. GET /event_subscriptions lists them."
        raise APIError(5123, HTTPStatus.NOT_FOUND, message)
    return found


def find_source(subscription: Subscription, name: str) -> Source:
    for source in subscription.sources.all():
        if source.event_type == name:
            return source
    has = ", ".join(source.event_type for source in subscription.sources.all()) or "none"
    message = f"The subscription {subscription.pk} has no source {name[:100]!r}. It has {has}."
    raise APIError(5125, HTTPStatus.NOT_FOUND, message)


def wanted_source(given: EventSourceReplace) -> SourceSpec:
    if not given.type:
        raise refuse(238, "A source has no type. Give one of GET /event_types, such as http_request_complete.v0.")
    return SourceSpec(given.type, given.filter or "", _fields(given.type, given.fields))


def _fields(event_type: str, fields: Sequence[str] | None) -> Sequence[str] | None:
    """Every field of the type is the same as no choice: None."""
    known = get_event_type(event_type)
    if fields and known is not None and known.selectable and {field.path for field in known.fields} == set(fields):
        return None
    return fields


def changed_source(source: Source, given: EventSourceReplace) -> SourceSpec:
    """The source with what is given of it; a `fields` of null selects all again, an absent one leaves the choice."""
    is_given = given.model_fields_set
    return SourceSpec(
        source.event_type,
        source.filter if given.filter is None else given.filter,
        _fields(source.event_type, given.fields) if "fields" in is_given else source.fields,
    )


def spec_of(source: Source) -> SourceSpec:
    return SourceSpec(source.event_type, source.filter, source.fields)


def wanted_destinations(request: APIRequest, given: EventSubscriptionCreate) -> list[Destination] | None:
    """The account's destinations that are named, None when none were spoken of. Raises APIError."""
    ids = given.destination_ids
    if ids is None and given.destinations is not None:
        ids = [ref.id or "" for ref in given.destinations]
    if ids is None:
        return None
    for pk in ids:
        check_id(pk, "ed", "The destination")
    if len(set(ids)) != len(ids):
        twice = next(pk for pk in ids if ids.count(pk) > 1)
        raise refuse(INVALID, f"destination_ids: {twice} is there twice. Name each once.")
    found = Destination.objects.existing().filter(account=request.auth.account).in_bulk(ids)
    for pk in ids:
        if pk not in found:
            raise no_destination(pk)
    return [found[pk] for pk in ids]


def refusal(error: ValidationError) -> APIError:
    """The services' refusal as an answer: the first fault under its code, all of them in the details."""
    if not hasattr(error, "error_dict"):
        return refuse(5131 if getattr(error, "code", None) == "limit" else INVALID, " ".join(error.messages))
    name, faults = next(iter(error.error_dict.items()))
    if name == "destinations":
        return refuse(5126 if faults[0].code == "limit" else INVALID, " ".join(error.messages))
    code = CODES.get(faults[0].code or "", INVALID)
    return refuse(code, str(faults[0].messages[0]), faults=list(error.messages))
