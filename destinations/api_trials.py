"""Testing a destination through the API, saved or not: a run to poll, on the same worker as every delivery."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from ninja import Router, Schema

from accounts.authentication import APIRequest, account_key
from common.api import APIError
from common.api_paging import read_key
from common.api_schemas import Input, shown_time
from destinations import schemas
from destinations.api import find_destination, target_given
from destinations.api_targets import read_target
from destinations.models import TestRun
from destinations.targets._aws_steps import NO_EXTERNAL_ID as UNSAFE_ROLE
from destinations.testing import start_test_run

router = Router(tags=["EventDestinationTests"], auth=account_key)

REFUSED, KEY_REFUSED, NO_EXTERNAL_ID = 5122, 5132, 5105


class TestStep(Schema):
    """`status` is waiting, running, passed, warned, unchecked, failed or skipped.

    `copy_text` is what to paste for the remedy, such as a policy."""

    label: str
    status: str
    detail: str = ""
    said: str = ""
    code: str = ""
    cause: str = ""
    remedy: str = ""
    who: str = ""
    heals: str = ""
    copy_text: str = ""
    request_id: str = ""
    duration_ms: int | None = None


class TestFailure(Schema):
    error_code: str
    msg: str


class EventDestinationTest(Schema):
    """`state` is queued, running, waiting, passed, warned or failed; `failure` tells why, in the target's words; with
    the state warned, that the role lets others in too.

    A waiting run goes on by itself at `due_at`: what it looks for takes its time at the target.
    """

    id: str
    uri: str
    created_at: str
    state: str
    due_at: str | None
    target: str
    destination_id: str | None
    steps: list[TestStep]
    failure: TestFailure | None


class EventDestinationTestCreate(Input):
    """A configuration that is not saved. With the `id` of a destination its stored secrets stand in for absent ones."""

    id: str | None = None
    target: schemas.EventTargetGiven | None = None


def trial_resource(run: TestRun) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "uri": f"{settings.API_URL}/event_destination_tests/{run.pk}",
        "created_at": shown_time(run.created_at),
        "state": run.state,
        "due_at": shown_time(run.due_at),
        "target": run.target,
        "destination_id": run.destination_id,
        "steps": [
            {**step, "duration_ms": step.get("duration_ms"), "copy_text": step.get("copy", "")} for step in run.steps
        ],
        "failure": _failure(run),
    }


def _failure(run: TestRun) -> dict[str, str] | None:
    failed = next((step for step in run.steps if step["status"] == "failed"), None)
    unsafe = next((step for step in run.steps if step.get("code") == UNSAFE_ROLE), None)
    told = failed or unsafe
    if told is None:
        return None
    is_key = run.target == "datadog" and told.get("code") in {"401", "403"}
    code = KEY_REFUSED if is_key else REFUSED if failed else NO_EXTERNAL_ID
    words = " ".join(told.get(name, "") for name in ("detail", "said", "remedy") if told.get(name))
    return {"error_code": f"{settings.API_ERROR_PREFIX}{code}", "msg": words}


@router.post(
    "/event_destinations/test",
    response={202: EventDestinationTest},
    operation_id="EventDestinationsTestUnsaved",
    summary="Test a configuration that is not saved",
)
def try_unsaved(request: APIRequest, payload: EventDestinationTestCreate | None = None) -> dict[str, Any]:
    """Sends one test event for real. Poll the answer's uri until the state is passed, warned or failed."""
    given = payload or EventDestinationTestCreate()
    destination = find_destination(request, given.id) if given.id else None
    target = read_target(target_given(given.target), destination)
    run = start_test_run(account=request.auth.account, target=target.slug, config=target.config, secrets=target.secrets)
    return trial_resource(run)


@router.post(
    "/event_destinations/{id}/test",
    response={202: EventDestinationTest},
    operation_id="EventDestinationsTest",
    summary="Test a destination",
)
def try_saved(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """Sends one test event for real, also when it is paused. Poll the answer's uri."""
    destination = find_destination(request, id)
    run = start_test_run(
        account=request.auth.account,
        target=destination.target,
        config=destination.config,
        secrets=destination.secrets,
        destination=destination,
    )
    return trial_resource(run)


@router.get(
    "/event_destination_tests/{id}",
    response=EventDestinationTest,
    operation_id="EventDestinationTestsGet",
    summary="Get a test",
)
def get(request: APIRequest, id: str) -> dict[str, Any]:  # noqa: A002
    """Step by step, as they happen. A run is kept for a day."""
    own = TestRun.objects.filter(account=request.auth.account)
    found = own.filter(pk=read_key(id)).first()
    if found is None:
        message = f"There is no test {id[:40]!r} in this account. POST /event_destinations/ID/test makes one."
        raise APIError(404, HTTPStatus.NOT_FOUND, message)
    return trial_resource(found)
