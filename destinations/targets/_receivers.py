"""Reading back what the local receivers of demo mode took in."""

from urllib.parse import urlencode

import msgspec
import urllib3

from destinations.outcome import RetryableError
from destinations.targets import _wire
from destinations.targets._base import TEST_TIMEOUT_SECONDS, Arrival


class _Entry(msgspec.Struct):
    where: str
    at_ms: int
    data: msgspec.Raw


class _Received(msgspec.Struct):
    records: list[_Entry]


def received(url: str, label: str, limit: int, **which: str) -> list[Arrival]:
    """The newest entries whose labels are `which`, newest first."""
    address = f"{url}/received?{urlencode({**which, 'limit': limit})}"
    pool = _wire.shared_pools()
    try:
        response = pool.request("GET", address, timeout=TEST_TIMEOUT_SECONDS, retries=False, redirect=False)
        answer = msgspec.json.decode(response.data, type=_Received)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise RetryableError(f"The local receiver for {label} did not answer.", code="unreachable") from error
    return [Arrival(entry.where, entry.at_ms, bytes(entry.data)) for entry in answer.records]
