"""Repeating an AWS request that botocore has made once: same address and headers, another body, signed anew.

botocore knows endpoints, partitions and errors, but takes three times as long for a request as signing and sending it.
So it makes the first one, and whatever was not answered with success goes to it again; see pipeline costs in
docs/scaling.md.
"""

import urllib.request
from collections.abc import Mapping
from typing import Any

import orjson
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import get_cert_path

KEPT_HEADERS = ("X-Amz-Target", "Content-Type", "User-Agent")
SUCCESS = 200
REQUEST_ID = "x-amzn-RequestId"


class SignedPost:
    """Requests of one operation to one address, over connections that are kept."""

    def __init__(self, url: str, headers: Mapping[str, Any], keys: Any, service: str, region: str) -> None:
        self._url = url
        self._headers = {name: _text(headers[name]) for name in KEPT_HEADERS if name in headers}
        credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token or None)
        self._auth = SigV4Auth(credentials, service, region)
        self._pool = urllib3.PoolManager(
            retries=False, cert_reqs="CERT_REQUIRED", ca_certs=get_cert_path(verify=True), maxsize=1
        )

    def send(self, body: bytes, *, connect_seconds: float, read_seconds: float) -> dict[str, Any] | None:
        """The answer as botocore would give it; None when there was no success, and botocore is to try and tell."""
        request = AWSRequest("POST", self._url, headers=dict(self._headers), data=body)
        self._auth.add_auth(request)
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=body,
                headers=dict(request.headers.items()),
                timeout=urllib3.Timeout(connect=connect_seconds, read=read_seconds),
                redirect=False,
            )
            answer = orjson.loads(response.data) if response.status == SUCCESS else None
        except (urllib3.exceptions.HTTPError, orjson.JSONDecodeError):
            return None
        if not isinstance(answer, dict) or not response.headers.get(REQUEST_ID):
            return None
        meta = {"RequestId": response.headers[REQUEST_ID], "HTTPStatusCode": response.status}
        return {**answer, "ResponseMetadata": meta}

    def close(self) -> None:
        self._pool.clear()


def is_direct() -> bool:
    """Whether requests leave without a proxy, which only botocore knows how to use."""
    return not urllib.request.getproxies()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
