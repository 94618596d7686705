"""Publishing one event takes the shortest way through the web process.

A request with one event costs little by itself: its way through sessions, signing in and the routing of addresses
costs several times as much. So it is answered here, inside the middleware that every answer needs.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone

from accounts.models import hash_token
from common.api import APIError, database_unavailable
from common.api_requests import JSON_TYPES, NDJSON_TYPES, bearer_token, is_api_host
from events.intake import read_single
from events.publishing import Receipt
from events.singles import MAX_SINGLE_BYTES, Single, publish_single

TYPES = JSON_TYPES | NDJSON_TYPES


def single_events(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer a plain request with one good event; let everything else go on to where it is explained."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not _is_plain(request) or (single := _read(request)) is None:
            return get_response(request)
        try:
            receipt = publish_single(single)
        except (OperationalError, InterfaceError) as error:
            return database_unavailable(request, error)
        if receipt is None:
            return get_response(request)
        return _accepted(receipt)

    return middleware


def _accepted(receipt: Receipt) -> HttpResponse:
    response = JsonResponse(receipt.as_dict(), status=HTTPStatus.ACCEPTED)
    # What the middleware that is left out would have added.
    response.headers["Content-Length"] = str(len(response.content))
    response.headers["X-Frame-Options"] = settings.X_FRAME_OPTIONS
    return response


def _is_plain(request: HttpRequest) -> bool:
    meta = request.META
    return (
        request.method == "POST"
        and request.path == ("/events" if is_api_host(request) else "/api/events")
        and not meta.get("QUERY_STRING")
        and "HTTP_IDEMPOTENCY_KEY" not in meta
        and "HTTP_CONTENT_ENCODING" not in meta
        and (meta.get("CONTENT_LENGTH") or "").isdecimal()
        and int(meta["CONTENT_LENGTH"]) <= MAX_SINGLE_BYTES
        and (request.content_type or "").lower() in TYPES
    )


def _read(request: HttpRequest) -> Single | None:
    try:
        request.get_host()
        token = bearer_token(request)
        event = read_single(request.body, now=timezone.now())
    except (DisallowedHost, APIError, RequestDataTooBig, UnreadablePostError):
        return None
    return Single(hash_token(token), event) if event else None
