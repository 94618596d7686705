"""HTTP for the targets that are plain web services: one request, bounded in time and size, never redirected.

A redirect would carry the key to another host, and a repeat belongs to the scheduler, so urllib3 does neither.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import urllib3
from isal import igzip

from destinations.outcome import ConfigurationError, DeliveryError, RetryableError, TooLargeError
from destinations.targets import _wire
from destinations.targets._base import CONNECT_TIMEOUT_SECONDS, SEND_DEADLINE_SECONDS
from destinations.targets._guard import ForbiddenAddressError

# A second less than a send may take, for what is done around the request.
TOTAL_TIMEOUT_SECONDS = SEND_DEADLINE_SECONDS - 1
MAX_REPLY_BYTES = 64 * 1024
READ_BYTES = 8 * 1024
MAX_SAID = 1000
MAX_HINT_SECONDS = 86_400.0
GZIP_LEVEL = 1

OK = range(200, 300)
SERVER_ERRORS = range(500, 600)
TIMED_OUT, TOO_LARGE, TOO_MANY = 408, 413, 429


class Reply(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def said(self) -> str:
        """The service's own words, as far as they are fit to show: no page of HTML."""
        if b"<html" in self.body[:500].lower():
            return "(an HTML page)"
        return self.body.decode("utf-8", "replace").strip()[:MAX_SAID]


def compress(body: bytes) -> bytes:
    return igzip.compress(body, compresslevel=GZIP_LEVEL)


def request(  # noqa: PLR0913
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    *,
    label: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float | None = None,
) -> Reply:
    """Any answer, whatever its status. Raises RetryableError when there is none; `label` names who was asked."""
    seconds = seconds or TOTAL_TIMEOUT_SECONDS
    timeout = urllib3.Timeout(total=seconds, connect=min(seconds, CONNECT_TIMEOUT_SECONDS))
    ends_at = time.monotonic() + seconds
    try:
        with _wire.within(seconds):
            response = pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            reply = _read(response, ends_at)
    except ForbiddenAddressError as error:
        raise ConfigurationError(
            f"We do not send to {label} there: {error}",
            code="address_forbidden",
            remedy="Give a host with public addresses only, or ask those who run this service to list it.",
        ) from None
    except urllib3.exceptions.HTTPError as error:
        raise no_answer(error, label, seconds) from None
    return Reply(response.status, reply, response.headers)


def _read(response: urllib3.BaseHTTPResponse, ends_at: float) -> bytes:
    """The beginning of the answer. One that goes on, or trickles in, is left: its connection is of no more use."""
    pieces: list[bytes] = []
    size = 0
    try:
        while size < MAX_REPLY_BYTES and time.monotonic() < ends_at:
            piece = response.read1(READ_BYTES)
            if not piece:
                response.release_conn()
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
    except urllib3.exceptions.ReadTimeoutError:
        # The status is there, which says what became of the records.
        pass
    except BaseException:
        response.close()
        raise
    response.close()
    return b"".join(pieces)[:MAX_REPLY_BYTES]


def no_answer(error: urllib3.exceptions.HTTPError, label: str, seconds: float) -> RetryableError:
    """Nobody knows whether the records arrived; they go again."""
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return RetryableError(f"We could not reach {label}.", code="unreachable")
    if isinstance(cause, urllib3.exceptions.TimeoutError):
        return RetryableError(f"{label} did not answer within {seconds:g} s.", code="timeout")
    if isinstance(cause, urllib3.exceptions.SSLError):
        return RetryableError(f"The TLS connection to {label} failed.", code="tls", said=str(cause)[:MAX_SAID])
    return RetryableError(f"The connection to {label} broke.", code="connection_lost")


def read_failure(reply: Reply, label: str, *, said: str, code: str = "", request_id: str = "") -> DeliveryError:
    """What a status means wherever it comes from. What is in no table is held, not dropped."""
    told: dict[str, Any] = {"code": code or str(reply.status), "said": said, "request_id": request_id}
    if reply.status == TOO_MANY:
        return RetryableError(f"{label} is asking us to slow down.", retry_after=wait_hint(reply.headers), **told)
    if reply.status == TOO_LARGE:
        return TooLargeError(f"{label} finds the request too large.", **told)
    if reply.status == TIMED_OUT or reply.status in SERVER_ERRORS:
        message = f"{label} could not take the records for now."
        return RetryableError(message, retry_after=wait_hint(reply.headers), **told)
    if reply.status in OK:
        return RetryableError(f"Something other than {label} answered, such as a proxy.", **told)
    return ConfigurationError(
        f"{label} answered {reply.status}, which is none of its own answers here.",
        remedy="Check the address. Redirects are not followed, because credentials would go along.",
        **told,
    )


def wait_hint(headers: Mapping[str, str]) -> float | None:
    """The seconds that the service asks us to wait, from Retry-After (seconds or a date) or X-RateLimit-Reset."""
    for name in ("Retry-After", "X-RateLimit-Reset"):
        text = headers.get(name, "").strip()
        if text.replace(".", "", 1).isdecimal():
            return min(float(text), MAX_HINT_SECONDS)
        if text:
            return _seconds_until(text)
    return None


def _seconds_until(date: str) -> float | None:
    try:
        seconds = (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), MAX_HINT_SECONDS)
