"""`POST /api/events`: publishing over HTTP."""

from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus

from django.http import HttpResponse
from ninja import Router, Schema

from common import metrics
from common.api import APIError, not_now
from common.api_requests import read_body
from events.authentication import PublishingRequest, publishing_key
from events.faults import Fault
from events.intake import MAX_BODY_BYTES, BodyError
from events.publishing import BusyError, IdempotencyConflictError, RefusedError, publish_body

router = Router(tags=["Events"])

MAX_FAULTS_SHOWN = 100
MAX_IDEMPOTENCY_KEY = 255


class RefusedEvent(Schema):
    index: int
    code: str
    message: str


class PublishReceipt(Schema):
    """`rejected` is empty unless `partial=true` let the others pass."""

    accepted: int
    event_ids: list[str]
    rejected: list[RefusedEvent]


@router.post(
    "/events",
    response={202: PublishReceipt},
    auth=publishing_key,
    operation_id="EventsPublish",
    summary="Publish events",
)
def publish_events(request: PublishingRequest, partial: bool = False) -> HttpResponse:
    """Store the events of the body: an object, an array, or NDJSON; `gzip` is welcome.

    202 means that they are stored for good. With faults in some events nothing is accepted,
    unless `partial=true` asks for the good ones.
    """
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_IDEMPOTENCY_KEY:
        raise APIError(215, HTTPStatus.BAD_REQUEST, f"Idempotency-Key has {len(key)} characters; 255 is the most.")
    body = read_body(request, max_bytes=MAX_BODY_BYTES)
    try:
        receipt = publish_body(body, publisher=request.auth, partial=partial, idempotency_key=key or None)
    except BodyError as error:
        raise APIError(213, HTTPStatus.BAD_REQUEST, str(error)) from error
    except RefusedError as error:
        _count(error.faults)
        raise APIError(
            5201,
            HTTPStatus.BAD_REQUEST,
            f"{len(error.faults)} events were refused, so nothing was accepted. The first: {error.faults[0].message}",
            rejected=[fault.as_dict() for fault in error.faults[:MAX_FAULTS_SHOWN]],
        ) from error
    except IdempotencyConflictError as error:
        raise APIError(5202, HTTPStatus.CONFLICT, str(error)) from error
    except BusyError as error:
        raise not_now(str(error)) from error
    _count(receipt.faults)
    return HttpResponse(receipt.as_json(), content_type="application/json", status=HTTPStatus.ACCEPTED)


def _count(faults: Iterable[Fault]) -> None:
    for code, number in Counter(fault.code for fault in faults).items():
        metrics.refused.labels(code).inc(number)
