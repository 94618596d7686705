"""How much of the API an account may use at a time, counted in Redis for all web processes together.

Without Redis nothing is limited: a hint that is lost must not stop anybody's work.
"""

import time
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from django.conf import settings
from django.http import HttpRequest
from redis import RedisError

from common import wake
from common.api import APIError, operation_id

log = structlog.get_logger(__name__)

WINDOW_SECONDS = 60
# A request that was never released, because its process was killed, stops counting after this.
LONGEST_REQUEST_SECONDS = 60
# After a failure Redis is left alone for so long, so that its absence does not cost every request a time-out.
REST_SECONDS = 5.0

_rest_until = 0.0


@dataclass(frozen=True, slots=True)
class Slot:
    """A request that is under way, and what its answer says of the limits."""

    key: str
    member: str
    limit: int
    used: int
    resets_in: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(self.limit - self.used, 0)),
            "RateLimit-Reset": str(self.resets_in),
        }


def take_slot(request: HttpRequest, account_id: str) -> None:
    """Count the request; raises APIError (225, 226) over a limit. `release` ends it."""
    global _rest_until  # noqa: PLW0603 - the state of this process's connection
    if time.monotonic() < _rest_until:
        return
    try:
        slot, running = _count(account_id)
    except RedisError as error:
        _rest_until = time.monotonic() + REST_SECONDS
        log.warning("api_limits_off", error=str(error))
        return
    request.api_slot = slot  # type: ignore[attr-defined]
    if slot.used > slot.limit:
        raise APIError(
            226,
            HTTPStatus.TOO_MANY_REQUESTS,
            f"This account has made {slot.limit} API requests within a minute, its limit. "
            f"Try again in {slot.resets_in} s.",
            headers={"Retry-After": str(slot.resets_in)},
        )
    if running > settings.API_CONCURRENT_REQUESTS:
        raise APIError(
            225,
            HTTPStatus.TOO_MANY_REQUESTS,
            f"This account has {settings.API_CONCURRENT_REQUESTS} API requests under way, its limit. "
            "Wait for one to end, then try again.",
            headers={"Retry-After": "1"},
        )


def _count(account_id: str) -> tuple[Slot, int]:
    """One round trip: the minute's requests, and those under way."""
    now = time.time()
    minute = int(now // WINDOW_SECONDS)
    rate_key, running_key = f"api:rate:{account_id}:{minute}", f"api:running:{account_id}"
    member = operation_id()
    with wake.connection().pipeline(transaction=False) as pipe:
        pipe.incr(rate_key)
        pipe.expire(rate_key, 2 * WINDOW_SECONDS)
        pipe.zremrangebyscore(running_key, 0, now - LONGEST_REQUEST_SECONDS)
        pipe.zadd(running_key, {member: now})
        pipe.zcard(running_key)
        pipe.expire(running_key, 2 * LONGEST_REQUEST_SECONDS)
        used, _, _, _, running, _ = pipe.execute()
    resets_in = max(1, round((minute + 1) * WINDOW_SECONDS - now))
    return Slot(running_key, member, settings.API_REQUESTS_PER_MINUTE, used, resets_in), running


def slot_of(request: HttpRequest) -> Slot | None:
    return getattr(request, "api_slot", None)


def release(request: HttpRequest) -> None:
    slot = slot_of(request)
    if slot is None:
        return
    try:
        wake.connection().zrem(slot.key, slot.member)
    except RedisError as error:
        log.warning("api_slot_not_released", error=str(error))
