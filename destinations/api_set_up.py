"""Set-up kits through the API: for a saved destination, and for one that is yet to be."""

from http import HTTPStatus
from typing import Annotated, Any

from ninja import Query, Router, Schema

from accounts.authentication import APIRequest, account_key
from accounts.models import Account
from common.api import APIError
from destinations.api import find_destination
from destinations.setup import Kit, KitError, Options, kit_for
from destinations.setup.facts import KINDS
from destinations.targets import all_targets

router = Router(tags=["EventDestinationSetUps"], auth=account_key)

NO_KIT, UNKNOWN_TARGET = 5122, 236


class SetUpStep(Schema):
    text: str
    code: str
    link: str


class SetUpPart(Schema):
    """`text` is a file named `filename`; both are empty where the steps are all there is."""

    slug: str
    label: str
    steps: list[SetUpStep]
    filename: str
    text: str


class EventDestinationSetUp(Schema):
    target: str
    title: str
    summary: str
    notes: list[str]
    parts: list[SetUpPart]


class SetUpOptions(Schema):
    """What the kit makes besides the role; see docs/destinations."""

    create: bool = False
    read_back: bool = False
    partition_by_type: bool = False
    bucket: str = ""
    kms_key_arn: str = ""


class SetUpFor(SetUpOptions):
    """`arn` is the resource's, which need not exist yet; `site` is Datadog's, `stream_name` Azure's."""

    arn: str = ""
    role_arn: str = ""
    site: str = ""
    stream_name: str = ""


def _resource(kit: Kit) -> dict[str, Any]:
    parts = [
        {
            "slug": part.slug,
            "label": part.label,
            "steps": [{"text": step.text, "code": step.code, "link": step.link} for step in part.instructions],
            "filename": part.filename,
            "text": part.text,
        }
        for part in kit.parts
    ]
    return {
        "target": kit.target,
        "title": kit.title,
        "summary": kit.summary,
        "notes": list(kit.notes),
        "parts": parts,
    }


def _make(target: str, config: dict[str, str], account: Account, given: SetUpOptions) -> dict[str, Any]:
    """Raises APIError."""
    try:
        options = Options(
            create=given.create,
            read_back=given.read_back,
            partition_by_type=given.partition_by_type,
            bucket=given.bucket,
            kms_key_arn=given.kms_key_arn,
        )
        return _resource(kit_for(target, config, account, options))
    except KitError as error:
        raise APIError(NO_KIT, HTTPStatus.BAD_REQUEST, str(error)) from None


@router.get(
    "/event_destinations/{id}/set_up",
    response=EventDestinationSetUp,
    operation_id="EventDestinationsSetUp",
    summary="Get the set-up of a destination",
)
def set_up(request: APIRequest, id: str, given: Annotated[SetUpOptions, Query()]) -> dict[str, Any]:  # noqa: A002
    """Script, templates, steps and policies that let this destination be written to."""
    destination = find_destination(request, id)
    return _make(destination.target, destination.config, request.auth.account, given)


@router.get(
    "/event_destination_set_ups/{target}",
    response=EventDestinationSetUp,
    operation_id="EventDestinationSetUpsGet",
    summary="Get the set-up for a new destination",
)
def set_up_new(request: APIRequest, target: str, given: Annotated[SetUpFor, Query()]) -> dict[str, Any]:
    """For a destination that is not made yet, such as kinesis with the ARN that its stream will have."""
    if target not in all_targets():
        known = ", ".join(all_targets())
        raise APIError(UNKNOWN_TARGET, HTTPStatus.NOT_FOUND, f"There is no target {target[:40]!r}; there is {known}.")
    config = {"role_arn": given.role_arn, "site": given.site, "data_collection_stream_name": given.stream_name}
    if target in KINDS:
        config[KINDS[target].target.form_class.arn_field] = given.arn
    return _make(target, config, request.auth.account, given)
