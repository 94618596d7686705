"""What every API answer shares: the error envelope and the operation ID."""

from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.http import JsonResponse

from common.ids import new_id

log = structlog.get_logger(__name__)

# Everywhere, and at the API's own host.
PUBLISHING_PATHS = ("/api/events", "/events")


class APIError(Exception):
    """An answer other than success: `code` as docs/api.md lists it, a message that names value and remedy."""

    def __init__(
        self, code: int, status: HTTPStatus, message: str, *, headers: dict[str, str] | None = None, **details: Any
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.details = details


def refuse(code: int, message: str, **details: Any) -> APIError:
    """The commonest answer: the request was understood and something in it is wrong."""
    return APIError(code, HTTPStatus.BAD_REQUEST, message, **details)


def operation_id() -> str:
    """The ID of the request that is being answered, which its log lines carry too."""
    bound = structlog.contextvars.get_contextvars().get("operation_id")
    return str(bound) if bound else new_id("op")


def error_response(error: APIError) -> JsonResponse:
    log.info("api_error", code=error.code, status=error.status.value)
    return JsonResponse(
        {
            "error_code": f"{settings.API_ERROR_PREFIX}{error.code}",
            "status_code": error.status.value,
            "msg": error.message,
            "details": {"operation_id": operation_id(), **error.details},
        },
        status=error.status.value,
        headers=error.headers,
    )


def database_unavailable(path: str, error: Exception) -> JsonResponse:
    """The database is locked, full, restarting or gone: nothing was committed, and a repeat may pass."""
    log.error("database_unavailable", path=path, error=str(error))
    message = "The events can't be stored right now, so nothing was accepted. Send the request again."
    if path not in PUBLISHING_PATHS:
        message = "The database can't be reached right now. Nothing was changed. Send the request again."
    return error_response(not_now(message))


def not_now(message: str) -> APIError:
    """Nothing is wrong with the request, and a repeat may pass."""
    return APIError(503, HTTPStatus.SERVICE_UNAVAILABLE, message, headers={"Retry-After": "1"})
