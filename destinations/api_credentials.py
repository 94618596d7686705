"""The credentials of a destination through the API: until when they work, and exchanging them without a gap."""

from datetime import date
from http import HTTPStatus
from typing import Any

from django.utils import timezone
from ninja import Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import APIError, refuse
from common.api_schemas import Input
from destinations import schemas
from destinations.api import find_destination, target_given
from destinations.api_targets import WantedTarget, read_target
from destinations.api_trials import EventDestinationTest, trial_resource
from destinations.credentials import expiry_of
from destinations.forms import over_words
from destinations.models import Destination
from destinations.rotation import rotated_names, start_rotation
from destinations.services import set_expiry

router = Router(tags=["EventDestinationCredentials"], auth=account_key)

INVALID, FIXED, OTHER_FAULT = 215, 5117, 5140


class EventDestinationCredentials(Schema):
    """`expires_on` is the last day on which they work, as somebody entered it; `warning` is empty until 30 days before.

    `rotated` names what a rotation takes anew; empty for a role, whose sessions are renewed by themselves.
    """

    destination_id: str
    expires_on: date | None
    days_left: int | None
    warning: str
    rotated: list[str]


class EventDestinationCredentialsUpdate(Input):
    """`expires_on` absent or null: they have no end, or nobody knows it."""

    expires_on: date | None = None


class EventDestinationCredentialsRotate(EventDestinationCredentialsUpdate):
    """`target` with the new credentials; what else it names must be as it is stored."""

    target: schemas.EventTargetGiven | None = None


@router.get(
    "/event_destinations/{id}/credentials",
    response=EventDestinationCredentials,
    operation_id="EventDestinationCredentialsGet",
    summary="Get until when credentials work",
)
def get(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """We warn 30, 7 and 1 days before, on pages and by mail. Secrets are never given back."""
    return _resource(find_destination(request, id))


@router.patch(
    "/event_destinations/{id}/credentials",
    response=EventDestinationCredentials,
    operation_id="EventDestinationCredentialsUpdate",
    summary="Enter until when credentials work",
)
def update(
    request: APIRequest,
    id: str,  # noqa: A002
    payload: EventDestinationCredentialsUpdate | None = None,
) -> dict[str, Any]:
    destination = find_destination(request, id)
    _check_has_credentials(destination)
    ends = _day(payload or EventDestinationCredentialsUpdate())
    set_expiry(destination=destination, actor=request.auth.actor, on=ends)
    destination.refresh_from_db()
    return _resource(destination)


@router.post(
    "/event_destinations/{id}/credentials/rotate",
    response={202: EventDestinationTest},
    operation_id="EventDestinationCredentialsRotate",
    summary="Exchange credentials",
)
def rotate(
    request: APIRequest,
    id: str,  # noqa: A002
    payload: EventDestinationCredentialsRotate | None = None,
) -> dict[str, Any]:
    """Tests the new ones with a test event; they take over when every step has passed, until then the old ones send.

    Poll the answer's uri: the last step, Switch over, tells whether they did.
    """
    destination = find_destination(request, id)
    _check_has_credentials(destination)
    given = payload or EventDestinationCredentialsRotate()
    target = read_target(target_given(given.target), destination)
    _check_rotates(destination, target)
    run = start_rotation(
        destination=destination,
        config=target.config,
        secrets=target.secrets,
        expires_on=_day(given),
        actor=request.auth.actor,
        user=request.auth.key.owner,
    )
    return trial_resource(run)


def _resource(destination: Destination) -> dict[str, Any]:
    on, now = destination.credentials_expire_on, timezone.now()
    expiry = expiry_of(destination, now)
    return {
        "destination_id": destination.pk,
        "expires_on": on,
        "days_left": (on - timezone.localdate(now)).days if on else None,
        "warning": expiry.words if expiry else "",
        "rotated": rotated_names(destination),
    }


def _day(given: EventDestinationCredentialsUpdate) -> date | None:
    if given.expires_on and given.expires_on < timezone.localdate():
        raise refuse(INVALID, f"expires_on: {over_words(given.expires_on)}")
    return given.expires_on


def _check_has_credentials(destination: Destination) -> None:
    if not rotated_names(destination):
        message = f"{destination.pk} signs in with a role: it has no credentials that end. Sessions renew themselves."
        raise APIError(OTHER_FAULT, HTTPStatus.BAD_REQUEST, message)


def _check_rotates(destination: Destination, target: WantedTarget) -> None:
    """Credentials change, and nothing else. Raises APIError."""
    names = rotated_names(destination)
    moved = [name for name in target.config if name not in names and target.config[name] != destination.config[name]]
    if moved:
        raise refuse(FIXED, f"A rotation changes credentials only, not {moved[0]}. PATCH the destination for that.")
    if target.secrets == destination.secrets:
        raise refuse(OTHER_FAULT, f"These are the credentials that are stored. Give new ones: {', '.join(names)}.")
