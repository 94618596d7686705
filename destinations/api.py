"""The API on destinations: the published contract, and pausing in the same style."""

from http import HTTPStatus
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from ninja import Query, Router, Status

from accounts.authentication import APIRequest, account_key
from common.api import APIError, refuse
from common.api_paging import check_id
from common.ids import SHAPE, is_id
from destinations import schemas
from destinations.api_targets import read_format, read_target
from destinations.models import Destination
from destinations.resources import destination_resource
from destinations.services import (
    DestinationInUseError,
    create_destination,
    delete_destination,
    pause_destination,
    update_destination,
)
from events.api_lists import FilteredPage, list_filtered

router = Router(tags=["EventDestinations"], auth=account_key)

IMMUTABLE = ("id", "uri", "created_at")


def find_destination(request: APIRequest, pk: str) -> Destination:
    """The account's own; a foreign one is as missing as a missing one. Raises APIError."""
    if SHAPE.match(pk) and not is_id(pk, "ed"):
        check_id(pk, "ed", "The destination")
    found = Destination.objects.existing().select_related("account").filter(account=request.auth.account, pk=pk).first()
    if found is None:
        raise no_destination(pk)
    return found


def no_destination(pk: str) -> APIError:
    message = f"There is no event destination {pk[:60]!r} in this account. GET /event_destinations lists them."
    return APIError(5103, HTTPStatus.NOT_FOUND, message)


@router.post(
    "/event_destinations",
    response={201: schemas.EventDestination},
    operation_id="EventDestinationsCreate",
    summary="Create a destination",
)
def create(request: APIRequest, payload: schemas.EventDestinationCreate | None = None) -> dict[str, Any]:
    """A configured target that subscriptions can send to. Exactly one target is given; the format is json."""
    given = payload or schemas.EventDestinationCreate()
    format_ = read_format(given.format)
    target = read_target(target_given(given.target))
    try:
        destination = create_destination(
            account=request.auth.account,
            actor=request.auth.actor,
            target=target.slug,
            config=target.config,
            secrets=target.secrets,
            description=given.description or "",
            metadata=given.metadata or "",
            refuses_too_old=given.refuses_too_old or False,
            format=format_,
        )
    except ValidationError as error:
        raise refuse(5102 if _is_limit(error) else 5140, " ".join(error.messages)) from None
    return destination_resource(destination)


def _is_limit(error: ValidationError) -> bool:
    return getattr(error, "code", None) == "limit"


def target_given(target: Any) -> dict[str, Any] | None:
    """What was sent of a target, as plain values."""
    return target.model_dump(exclude_unset=True) if target is not None else None


@router.get(
    "/event_destinations",
    response=schemas.EventDestinationList,
    operation_id="EventDestinationsList",
    summary="List destinations",
)
def list_all(request: APIRequest, page: Annotated[FilteredPage, Query()]) -> dict[str, Any]:
    """Newest first. `filter` is a CEL expression over obj: id, created_at, description, metadata."""
    rows = Destination.objects.existing().filter(account=request.auth.account)
    return list_filtered(request, rows, page, prefix="ed", name="event_destinations", show=destination_resource)


@router.get(
    "/event_destinations/{id}",
    response=schemas.EventDestination,
    operation_id="EventDestinationsGet",
    summary="Get a destination",
)
def get(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """Secrets come back empty; an update without them keeps what is stored."""
    return destination_resource(find_destination(request, id))


@router.patch(
    "/event_destinations/{id}",
    response=schemas.EventDestination,
    operation_id="EventDestinationsUpdate",
    summary="Change a destination",
)
def update(
    request: APIRequest,
    id: str,  # noqa: A002
    payload: schemas.EventDestinationUpdate | None = None,
) -> dict[str, Any]:
    """What is absent stays as it is, secrets too. The kind of target cannot change."""
    destination = find_destination(request, id)
    given = payload or schemas.EventDestinationUpdate()
    check_immutable(given.given(), destination_resource(destination), IMMUTABLE)
    # One official client sends an empty format where it means to leave it.
    format_ = read_format(given.format) if given.format else None
    target = read_target(target_given(given.target), destination) if given.target is not None else None
    try:
        changed = update_destination(
            destination=destination,
            actor=request.auth.actor,
            config=target.config if target else None,
            secrets=target.secrets if target else None,
            description=given.description,
            metadata=given.metadata,
            refuses_too_old=given.refuses_too_old,
            format=format_,
        )
    except ValidationError as error:
        raise refuse(5140, " ".join(error.messages)) from None
    return destination_resource(changed)


def check_immutable(given: dict[str, Any], stored: dict[str, Any], names: tuple[str, ...]) -> None:
    """What a client sends back from an answer must agree with what is stored. Raises APIError."""
    for name in names:
        if name in given and given[name] not in {"", stored[name]}:
            message = f"{name} is {stored[name]!r} and cannot become {given[name][:60]!r}. Leave it out."
            raise refuse(5117, message)


@router.delete(
    "/event_destinations/{id}",
    response={204: None},
    operation_id="EventDestinationsDelete",
    summary="Delete a destination",
)
def delete(request: APIRequest, id: str) -> Status[None]:  # noqa: A002
    """Refused while a subscription still sends to it."""
    try:
        delete_destination(destination=find_destination(request, id), actor=request.auth.actor)
    except DestinationInUseError as error:
        raise refuse(5112, str(error), subscriptions=error.names) from None
    return Status(204, None)


@router.post(
    "/event_destinations/{id}/pause",
    response=schemas.EventDestination,
    operation_id="EventDestinationsPause",
    summary="Pause a destination",
)
def pause(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """Records are held, none is lost before the account's retention."""
    destination = find_destination(request, id)
    pause_destination(destination=destination, user=request.auth.key.owner, actor=request.auth.actor)
    return destination_resource(destination)
