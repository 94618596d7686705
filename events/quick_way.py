"""Publishing takes the shortest way through the web process: around Django.

The way through Django's request, middleware and routing costs ten times as much as one event, and a third of a request
of 1,000. So a plain request with good events is answered here; one event goes to the shared commit. Everything else,
from a missing key to a fault in an event, is handed on to Django, whose answer is the one that is documented.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any

import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.http import HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils import timezone

from accounts.models import hash_token
from common.api import APIError, database_unavailable, error_response, not_now
from common.api_requests import JSON_TYPES, NDJSON_TYPES, is_api_host_name, token_in
from common.ids import new_ids
from common.middleware import content_security_policy, log_request
from events.authentication import publishers_of
from events.intake import MAX_BODY_BYTES, BodyError, read_single
from events.publishing import BusyError, Publisher, Receipt, RefusedError, publish_body
from events.singles import MAX_SINGLE_BYTES, Single, publish_single

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

TYPES = JSON_TYPES | NDJSON_TYPES
# These ask for more than storing the events as they are.
SPECIAL = ("HTTP_IDEMPOTENCY_KEY", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT")

log = structlog.get_logger(__name__)


class QuickWay:
    """A WSGI application before another: answers what is plain, hands on the rest."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._headers = _headers_of_every_answer()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        answer = _answer(environ) if _is_plain(environ) else None
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


def _answer(environ: Environ) -> _Answer | None:
    try:
        token_hash = hash_token(token_in(environ.get("HTTP_AUTHORIZATION", "")))
    except APIError:
        return None
    try:
        receipt = _publish(token_hash, environ)
    except (BodyError, RefusedError):
        return None
    except (OperationalError, InterfaceError) as error:
        # Handing it on would ask the database a second time, and might store twice what it has stored after all.
        return _not_now(database_unavailable(environ["PATH_INFO"], error))
    except BusyError as error:
        return _not_now(error_response(not_now(str(error))))
    except Exception:
        # Whatever it is, the long way answers it in JSON, and fails by itself where it has to.
        log.exception("quick_way_failed")
        return None
    return _Answer(HTTPStatus.ACCEPTED, receipt.as_json()) if receipt else None


def _not_now(response: HttpResponse) -> _Answer:
    return _Answer(HTTPStatus(response.status_code), response.content, [("Retry-After", response["Retry-After"])])


def _publish(token_hash: str, environ: Environ) -> Receipt | None:
    """None for what cannot be published this way. Raises BodyError, RefusedError, DatabaseError."""
    is_small = int(environ["CONTENT_LENGTH"]) <= MAX_SINGLE_BYTES
    if is_small and (event := read_single(_body(environ), now=timezone.now())):
        return publish_single(Single(token_hash, event))
    # As Django does before and after each request.
    close_old_connections()
    try:
        # Before a large body is read: a stranger's never is.
        publisher = _publisher(token_hash)
        return publish_body(_body(environ), publisher=publisher) if publisher else None
    finally:
        close_old_connections()


def _body(environ: Environ) -> bytes:
    """The whole body, which can be read again after this. Raises BodyError when it ended early."""
    length = int(environ["CONTENT_LENGTH"])
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(body)
    if len(body) < length:
        raise BodyError("The body ended early.")
    return body


def _publisher(token_hash: str) -> Publisher | None:
    # Asking for the key tells as well as a ping before it whether the connection still lives.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return publishers_of({token_hash}).get(token_hash)
    except (OperationalError, InterfaceError):
        if connection.is_usable():
            # It lives: a database that is locked or full would only let the publisher wait twice as long.
            raise
        connection.close()
        return publishers_of({token_hash}).get(token_hash)


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
        and int(length) <= MAX_BODY_BYTES
        and validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
        and _is_secure_enough(environ)
    )


def _is_secure_enough(environ: Environ) -> bool:
    if not settings.SECURE_SSL_REDIRECT:
        return True
    header, value = settings.SECURE_PROXY_SSL_HEADER or ("wsgi.url_scheme", "https")
    return bool(environ.get(header) == value)


def _headers_of_every_answer() -> list[tuple[str, str]]:
    """What the middleware that is left out gives to each answer; over HTTPS, where that is asked for."""
    innermost: Any = XFrameOptionsMiddleware(lambda _: HttpResponse(content_type="application/json"))
    secured: Any = SecurityMiddleware(innermost)
    outermost = content_security_policy(secured)
    request = WSGIRequest({"REQUEST_METHOD": "POST", "wsgi.input": BytesIO(), "wsgi.url_scheme": "https"})
    return list(outermost(request).items())
