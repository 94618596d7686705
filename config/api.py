"""The HTTP API: each room's router, one shape for every error, and the OpenAPI document."""

import inspect
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

from common.api import APIError, database_unavailable, error_response, refuse
from common.api_requests import read_json
from config.openapi import DocumentedAPI
from delivery.api import router as delivery_router
from delivery.api_fate import router as fate_router
from delivery.api_held import router as held_router
from delivery.api_replays import router as replays_router
from destinations.api import router as destinations_router
from destinations.api_credentials import router as credentials_router
from destinations.api_set_up import router as set_up_router
from destinations.api_trials import router as trials_router
from events.api import router as events_router
from events.api_catalogue import router as catalogue_router
from subscriptions.api import router as subscriptions_router
from subscriptions.api_backtests import router as backtests_router
from subscriptions.api_configuration import router as configuration_router
from subscriptions.api_revisions import router as revisions_router
from subscriptions.api_sources import router as sources_router

log = structlog.get_logger(__name__)

UNKNOWN = {"unknown_parameter": 214, "unknown_target": 236}
INVALID = 215


class BodyParser(Parser):
    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return read_json(request)


api = DocumentedAPI(
    title="Event Subscriptions",
    version="2",
    description="Choose events, filter them, and have them delivered to your own log store.",
    urls_namespace="api",
    docs_url="/docs",
    parser=BodyParser(),
)


def knows_its_query(run: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Tell the request which query parameters its operation has, before the key and the frame are checked."""
    operation: Any = inspect.unwrap(run).__self__
    models = [model for model in operation.models if model.__ninja_param_source__ == "query"]
    known = frozenset(name for model in models for name in model.__ninja_flatten_map__)

    @wraps(run)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.api_query = known  # type: ignore[attr-defined]
        return run(request, *args, **kwargs)

    return wrapped


api.add_decorator(knows_its_query, mode="view")
# Testing an unsaved destination comes before destinations: its path would be read as an ID.
ROUTERS = (
    events_router,
    catalogue_router,
    trials_router,
    credentials_router,
    destinations_router,
    held_router,
    set_up_router,
    subscriptions_router,
    sources_router,
    revisions_router,
    configuration_router,
    delivery_router,
    fate_router,
    backtests_router,
    replays_router,
)
for router in ROUTERS:
    api.add_router("", router)


@api.exception_handler(APIError)
def on_api_error(request: HttpRequest, error: APIError) -> HttpResponse:
    return error_response(error)


@api.exception_handler(ValidationError)
def on_validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    # The first part of a place is body, query or path, and of a body the second is our own name for it.
    place = [str(part) for part in first["loc"] if part not in {"body", "query", "path", "payload"}]
    if first["type"] in UNKNOWN:
        return error_response(refuse(UNKNOWN[first["type"]], f"{'.'.join([*place, ''])}{first['msg']}."))
    return error_response(refuse(INVALID, f"{'.'.join(place) or 'The body'}: {first['msg']}."))


@api.exception_handler(Http404)
def on_not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return error_response(APIError(404, HTTPStatus.NOT_FOUND, f"There is nothing at {request.path}."))


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    # A refusal of the body parser arrives as the cause.
    if isinstance(error.__cause__, APIError):
        return error_response(error.__cause__)
    return error_response(APIError(error.status_code, HTTPStatus(error.status_code), str(error)))


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def on_database_error(request: HttpRequest, error: Exception) -> HttpResponse:
    return database_unavailable(request.path, error)


@api.exception_handler(RequestDataTooBig)
def on_too_much(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    message = "The body is too large for any request. Send less at once."
    return error_response(APIError(212, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message))


@api.exception_handler(UnreadablePostError)
def on_broken_body(request: HttpRequest, error: UnreadablePostError) -> HttpResponse:
    return error_response(refuse(212, "The body ended early. Send the request again."))


@api.exception_handler(Exception)
def on_error(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("api_failure", path=request.path, exc_info=error)
    message = "Something went wrong on our side. Nothing was changed. Try again; if it stays, send us the operation ID."
    return error_response(APIError(500, HTTPStatus.INTERNAL_SERVER_ERROR, message))
