"""Replaying past events in the API: what it would do, starting one, and stopping it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from django.conf import settings
from ninja import Query, Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import APIError, refuse
from common.api_paging import Page, check_id, list_numbered, read_key
from common.api_schemas import Input, shown_time
from delivery.models import Replay
from delivery.replay import cancel_replay, pause_replay, resume_replay, start_replay
from delivery.replay_preview import Preview, preview
from delivery.replay_scope import ReplayRefusedError, Wanted
from destinations.api import find_destination
from subscriptions.api_bodies import find_subscription

router = Router(tags=["EventReplays"], auth=account_key)

DEFAULT_RATE, MAX_RATE = 1000, 100_000
MAX_EVENT_IDS = 1000
INVALID = 215


class EventReplayCreate(Input):
    """Events accepted from `start` up to `end`, or those named in `event_ids`.

    `filter` replaces the subscription's own; without `destination_id` they go to its one destination.
    """

    subscription_id: str | None = None
    destination_id: str | None = None
    start: str | None = None
    end: str | None = None
    filter: str | None = None
    event_ids: list[str] | None = None
    events_per_second: int | None = None


@dataclass(frozen=True)
class EventReplayPreview(Preview):
    # What the API calls it.
    __doc__ = Preview.__doc__


class EventReplay(Schema):
    """`state` is running, paused, done, cancelled or failed."""

    id: str
    uri: str
    subscription_id: str
    destination_id: str
    start: str
    end: str
    filter: str
    events_per_second: int
    state: str
    batches_done: int
    batches_total: int
    scanned: int
    matched: int
    error: str


class EventReplayList(Schema):
    event_replays: list[EventReplay]
    uri: str
    next_page_uri: str | None


def replay_resource(replay: Replay) -> dict[str, Any]:
    names = ("subscription_id", "destination_id", "filter", "events_per_second", "state", "batches_done")
    return {
        "id": str(replay.pk),
        "uri": f"{settings.API_URL}/event_replays/{replay.pk}",
        **{name: getattr(replay, name) for name in (*names, "batches_total", "scanned", "matched", "error")},
        "start": shown_time(replay.start),
        "end": shown_time(replay.end),
    }


def _wanted(request: APIRequest, given: EventReplayCreate) -> Wanted:
    subscription = find_subscription(request, given.subscription_id or "")
    rate = given.events_per_second or DEFAULT_RATE
    if not 1 <= rate <= MAX_RATE:
        raise refuse(INVALID, f"events_per_second is {rate}. Give 1 to {MAX_RATE:,}.")
    ids = given.event_ids or []
    if len(ids) > MAX_EVENT_IDS:
        raise refuse(INVALID, f"event_ids has {len(ids)} entries; {MAX_EVENT_IDS} is the most.")
    return Wanted(
        subscription=subscription,
        destination=find_destination(request, given.destination_id or _only_destination(subscription)),
        start=_time("start", given.start),
        end=_time("end", given.end),
        filter=given.filter or "",
        event_ids=tuple(check_id(each, "ev", "event_ids:") for each in ids),
        events_per_second=rate,
    )


def _only_destination(subscription: Any) -> str:
    keys = [destination.pk for destination in subscription.destinations.all()]
    if len(keys) != 1:
        raise refuse(INVALID, f"The subscription has {len(keys)} destinations. Name one as destination_id.")
    return str(keys[0])


def _time(name: str, text: str | None) -> datetime:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        told = f"{text[:40]!r} is not a time" if text else "is missing"
        raise refuse(INVALID, f"{name} {told}. Give one such as 2026-01-31T12:00:00Z.")
    return at


@router.post(
    "/event_replays/preview",
    response=EventReplayPreview,
    operation_id="EventReplaysPreview",
    summary="Reckon what a replay would do",
)
def show(request: APIRequest, payload: EventReplayCreate | None = None) -> dict[str, Any]:
    """How many events, how many of them went there before, and how long it would take. Nothing is sent."""
    try:
        return asdict(preview(_wanted(request, payload or EventReplayCreate())))
    except ReplayRefusedError as error:
        raise refuse(INVALID, str(error)) from None


@router.post(
    "/event_replays", response={202: EventReplay}, operation_id="EventReplaysCreate", summary="Replay past events"
)
def create(request: APIRequest, payload: EventReplayCreate | None = None) -> dict[str, Any]:
    """Sends stored events again; repeated records carry the same event_id. Poll the answer's uri."""
    try:
        wanted = _wanted(request, payload or EventReplayCreate())
        replay = start_replay(wanted, created_by=str(request.auth.key)[:100], actor=request.auth.actor)
    except ReplayRefusedError as error:
        raise refuse(INVALID, str(error)) from None
    return replay_resource(replay)


@router.get("/event_replays", response=EventReplayList, operation_id="EventReplaysList", summary="List replays")
def list_all(request: APIRequest, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Newest first."""
    rows = Replay.objects.filter(account=request.auth.account)
    return list_numbered(request, rows, page, name="event_replays", show=replay_resource)


def find_replay(request: APIRequest, pk: str) -> Replay:
    found = Replay.objects.filter(account=request.auth.account, pk=read_key(pk)).first()
    if found is None:
        message = f"There is no replay {pk[:40]!r} in this account. GET /event_replays lists them."
        raise APIError(404, HTTPStatus.NOT_FOUND, message)
    return found


@router.get("/event_replays/{id}", response=EventReplay, operation_id="EventReplaysGet", summary="Get a replay")
def get(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    return replay_resource(find_replay(request, id))


@router.post(
    "/event_replays/{id}/pause", response=EventReplay, operation_id="EventReplaysPause", summary="Pause a replay"
)
def pause(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """What was handed to deliveries already goes out."""
    return _switched(request, id, pause_replay, "pause")


@router.post(
    "/event_replays/{id}/resume", response=EventReplay, operation_id="EventReplaysResume", summary="Resume a replay"
)
def resume(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """Goes on where it stopped."""
    return _switched(request, id, resume_replay, "resume")


@router.post(
    "/event_replays/{id}/cancel", response=EventReplay, operation_id="EventReplaysCancel", summary="Cancel a replay"
)
def cancel(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """What was handed to deliveries already goes out."""
    return _switched(request, id, cancel_replay, "cancel")


def _switched(request: APIRequest, pk: str, switch: Callable[..., bool], verb: str) -> dict[str, Any]:
    replay = find_replay(request, pk)
    if not switch(replay=replay, actor=request.auth.actor):
        raise refuse(INVALID, f"The replay {replay.pk} is {replay.state}, so there is nothing to {verb}.")
    replay.refresh_from_db()
    return replay_resource(replay)
