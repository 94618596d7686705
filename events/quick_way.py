"""Publishing one event takes the shortest way through the web process: around Django, to the shared commit.

One event costs little by itself; its way through Django's request, middleware and routing costs ten times as much.
So a plain request with one good event is answered here. Everything else, from a missing key to a fault in the event,
is handed on to Django, whose answer is the one that is documented.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any

import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils import timezone

from accounts.models import hash_token
from common.api import APIError, database_unavailable
from common.api_requests import JSON_TYPES, NDJSON_TYPES, is_api_host_name, token_in
from common.ids import new_ids
from common.middleware import content_security_policy, log_request
from events.intake import read_single
from events.singles import MAX_SINGLE_BYTES, Single, publish_single

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

TYPES = JSON_TYPES | NDJSON_TYPES
# These ask for more than storing one event as it is.
SPECIAL = ("HTTP_IDEMPOTENCY_KEY", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT")

log = structlog.get_logger(__name__)


class SingleEvents:
    """A WSGI application before another: answers what is plain, hands on the rest."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._headers = _headers_of_every_answer()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        single = _read(environ) if _is_plain(environ) else None
        if single is None:
            return self._application(environ, start_response)
        answer = _publish(single, environ["PATH_INFO"])
        if answer is None:
            return self._application(environ, start_response)
        operation_id = new_ids("op", 1)[0]
        log_request(operation_id, "POST", environ["PATH_INFO"], answer.status, started)
        start_response(
            f"{answer.status.value} {answer.status.phrase}",
            [
                *self._headers,
                *answer.headers,
                ("Content-Length", str(len(answer.body))),
                ("Operation-Id", operation_id),
            ],
        )
        return (answer.body,)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


def _publish(single: Single, path: str) -> _Answer | None:
    try:
        receipt = publish_single(single)
    except (OperationalError, InterfaceError) as error:
        # Handing it on would ask the database a second time, and might store twice what it has stored after all.
        response = database_unavailable(path, error)
        return _Answer(HTTPStatus(response.status_code), response.content, [("Retry-After", response["Retry-After"])])
    except DatabaseError as error:
        log.warning("quick_way_failed", error=str(error))
        return None
    return _Answer(HTTPStatus.ACCEPTED, json.dumps(receipt.as_dict()).encode()) if receipt else None


def _is_plain(environ: Environ) -> bool:
    """Judged by its head alone."""
    host, length = environ.get("HTTP_HOST", ""), environ.get("CONTENT_LENGTH", "")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ["PATH_INFO"] == ("/events" if is_api_host_name(host) else "/api/events")
        and not environ.get("QUERY_STRING")
        and environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() in TYPES
        and environ.keys().isdisjoint(SPECIAL)
        and length.isdecimal()
        and int(length) <= MAX_SINGLE_BYTES
        and validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
        and _is_secure_enough(environ)
    )


def _is_secure_enough(environ: Environ) -> bool:
    if not settings.SECURE_SSL_REDIRECT:
        return True
    header, value = settings.SECURE_PROXY_SSL_HEADER or ("wsgi.url_scheme", "https")
    return bool(environ.get(header) == value)


def _read(environ: Environ) -> Single | None:
    """The event of the body, which can be read again after this."""
    try:
        token = token_in(environ.get("HTTP_AUTHORIZATION", ""))
    except APIError:
        return None
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    environ["wsgi.input"] = BytesIO(body)
    event = read_single(body, now=timezone.now())
    return Single(hash_token(token), event) if event else None


def _headers_of_every_answer() -> list[tuple[str, str]]:
    """What the middleware that is left out gives to each answer; over HTTPS, where that is asked for."""
    innermost: Any = XFrameOptionsMiddleware(lambda _: HttpResponse(content_type="application/json"))
    secured: Any = SecurityMiddleware(innermost)
    outermost = content_security_policy(secured)
    request = WSGIRequest({"REQUEST_METHOD": "POST", "wsgi.input": BytesIO(), "wsgi.url_scheme": "https"})
    return list(outermost(request).items())
