"""Repeating an AWS request that botocore has made once: same address and headers, another body, signed anew.

botocore knows endpoints, partitions and errors, but takes three times as long for a request as signing and sending it.
So it makes the first one, and whatever was not answered with success goes to it again; see pipeline costs in
docs/scaling.md.
"""

from collections.abc import Mapping
from typing import Any

import orjson
import urllib3
from botocore.awsrequest import AWSRequest

from destinations.targets._aws_clients import SUCCESS, Keys, Timeouts, exchange, signed

KEPT_HEADERS = ("X-Amz-Target", "Content-Type", "User-Agent")
REQUEST_ID = "x-amzn-RequestId"


class SignedPost:
    """Requests of one operation to one address."""

    def __init__(self, url: str, headers: Mapping[str, str], keys: Keys, service: str, region: str) -> None:
        self._url = url
        self._headers = {name: headers[name] for name in KEPT_HEADERS if name in headers}
        self._keys, self._service, self._region = keys, service, region

    def send(self, body: bytes, timeouts: Timeouts) -> dict[str, Any] | None:
        """The answer as botocore would give it; None when there was no success, and botocore is to try and tell."""
        request = AWSRequest("POST", self._url, headers=dict(self._headers), data=body)
        headers = signed(request, self._keys, self._service, self._region)
        try:
            response, said = exchange("POST", self._url, headers, body, timeouts)
            answer = orjson.loads(said) if response.status == SUCCESS else None
        except (urllib3.exceptions.HTTPError, TimeoutError, orjson.JSONDecodeError):
            return None
        if not isinstance(answer, dict) or not response.headers.get(REQUEST_ID):
            return None
        meta = {"RequestId": response.headers[REQUEST_ID], "HTTPStatusCode": response.status}
        return {**answer, "ResponseMetadata": meta}
