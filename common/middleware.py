"""What every request goes through: the security policy of pages, JSON for all errors of the API, the time zone."""

import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from common.api import APIError, error_response
from common.api_limits import release, slot_of
from common.api_requests import is_api, is_api_host
from common.ids import new_id

log = structlog.get_logger(__name__)

# Set by static/app.js to the browser's zone.
TIME_ZONE_COOKIE = "tz"

# No inline script or style anywhere; Django's admin has its own pages and follows the same rule.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def api_requests(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Give each API request an operation ID, which its log lines and its errors carry, and answer all errors in JSON.

    Unknown paths, wrong methods and failures outside the API's own views are answered by Django, as pages; here they
    get the API's envelope.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if not is_api(request):
            return get_response(request)
        if is_api_host(request):
            request.urlconf = "config.api_urls"  # type: ignore[attr-defined]
        operation_id = new_id("op")
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(operation_id=operation_id):
            try:
                response = _as_json(request, get_response(request))
            finally:
                release(request)
            log_request(operation_id, request.method or "", request.path, response.status_code, started)
        response.headers["Operation-Id"] = operation_id
        if slot := slot_of(request):
            for name, value in slot.headers.items():
                response.headers[name] = value
        return response

    return middleware


def log_request(operation_id: str, method: str, path: str, status: int, started: float) -> None:
    """`started` is of time.perf_counter."""
    duration_ms = round((time.perf_counter() - started) * 1000)
    log.info(
        "api_request", operation_id=operation_id, method=method, path=path, status=int(status), duration_ms=duration_ms
    )


def _as_json(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    is_json = "json" in response.headers.get("Content-Type", "")
    if response.status_code < HTTPStatus.BAD_REQUEST or is_json:
        return response
    answer = error_response(_error(request, HTTPStatus(response.status_code), response.headers.get("Allow", "")))
    if "Allow" in response.headers:
        answer.headers["Allow"] = response.headers["Allow"]
    return answer


def _error(request: HttpRequest, status: HTTPStatus, allowed: str) -> APIError:
    messages = {
        HTTPStatus.NOT_FOUND: f"There is nothing at {request.path}.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at {request.path}; it takes {allowed}.",
    }
    return APIError(status.value, status, messages.get(status, f"The request was refused: {status.phrase}."))


def no_nul_in_addresses(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Nothing is called by a name with U+0000, which PostgreSQL cannot even be asked for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        has_nul = "\0" in request.path or any(
            "\0" in value for name in request.GET for value in request.GET.getlist(name)
        )
        if has_nul and not is_api(request):
            raise Http404
        return get_response(request)

    return middleware


def local_time_zone(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Pages show times in the zone of the person's browser, or in UTC until it is known."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            zone = ZoneInfo(unquote(request.COOKIES.get(TIME_ZONE_COOKIE, "")) or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = ZoneInfo("UTC")
        with timezone.override(zone):
            return get_response(request)

    return middleware
