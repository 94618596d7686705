"""What a destination holds, in the API: how much that is, and what becomes of it when the destination goes on."""

from typing import Any

from django.conf import settings
from ninja import Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import refuse
from common.api_schemas import Input, shown_time
from delivery.held import NotPossibleError, Resume, Waiting, count_waiting, resume
from destinations import schemas
from destinations.api import find_destination
from destinations.resources import destination_resource

router = Router(tags=["EventDestinations"], auth=account_key)

INVALID = 215


class EventDestinationHeld(Schema):
    """What waits for a destination: records, bytes, since when, and when the first is lost to the retention."""

    records: int
    bytes: int
    oldest_at: str | None
    first_loss_at: str | None
    uri: str


class EventDestinationResume(Input):
    """`how` is in_order (which it is when absent), newest_first, skip or move; move needs `destination_id`."""

    how: str | None = None
    destination_id: str | None = None


class EventDestinationResumed(schemas.EventDestination):
    """The destination, and how many held records were given up or went to the other one."""

    discarded: int
    moved: int


def held_resource(pk: str, waiting: Waiting) -> dict[str, Any]:
    return {
        "records": waiting.records,
        "bytes": waiting.bytes,
        "oldest_at": shown_time(waiting.oldest),
        "first_loss_at": shown_time(waiting.first_loss_at),
        "uri": f"{settings.API_URL}/event_destinations/{pk}/held",
    }


@router.get(
    "/event_destinations/{id}/held",
    response=EventDestinationHeld,
    operation_id="EventDestinationsHeld",
    summary="Count what waits for a destination",
)
def held(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """Look here before `skip`: it gives up all of this."""
    destination = find_destination(request, id)
    return held_resource(destination.pk, count_waiting(destination=destination))


@router.post(
    "/event_destinations/{id}/resume",
    response=EventDestinationResumed,
    operation_id="EventDestinationsResume",
    summary="Resume a destination",
)
def resume_one(
    request: APIRequest,
    id: str,  # noqa: A002
    payload: EventDestinationResume | None = None,
) -> dict[str, Any]:
    """What was held goes out in order, or newest first; `skip` discards it, `move` sends it to another destination."""
    destination = find_destination(request, id)
    given = payload or EventDestinationResume()
    how = _how(given)
    to = find_destination(request, given.destination_id) if given.destination_id else None
    try:
        taken = resume(destination=destination, how=how, to=to, actor=request.auth.actor)
    except NotPossibleError as error:
        raise refuse(INVALID, f"destination_id: {error}") from None
    return {
        **destination_resource(destination),
        "discarded": taken if how == Resume.SKIP else 0,
        "moved": taken if how == Resume.MOVE else 0,
    }


def _how(given: EventDestinationResume) -> Resume:
    text = given.how or Resume.IN_ORDER
    try:
        how = Resume(text)
    except ValueError:
        raise refuse(INVALID, f"how {text[:40]!r} is not known. Give one of {', '.join(Resume)}.") from None
    if given.destination_id and how != Resume.MOVE:
        raise refuse(INVALID, f"destination_id goes with how move, not with {how}. Leave it out.")
    return how
