"""Tokens of Microsoft Entra ID by client credentials, for the cloud that the ingestion host belongs to.

Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (read 2026-11).
"""

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import urllib3

from destinations.doctor.causes import remedy
from destinations.outcome import ConfigurationError, DeliveryError, RetryableError
from destinations.targets import _http

LABEL = "Microsoft Entra ID"
# Renewed this long before they end, as Microsoft's own libraries do.
RENEW_BEFORE_SECONDS = 300
# Leaves a send time for its own request.
TIMEOUT_SECONDS = 5.0
SUCCESS = 200
TRANSIENT_ERRORS = {"temporarily_unavailable", "server_error"}


@dataclass(frozen=True, slots=True)
class Cloud:
    authority: str
    scope: str


CLOUDS = {
    "com": Cloud("https://login.microsoftonline.com", "https://monitor.azure.com/.default"),
    "us": Cloud("https://login.microsoftonline.us", "https://monitor.azure.us/.default"),
    "cn": Cloud("https://login.chinacloudapi.cn", "https://monitor.azure.cn/.default"),
}


@dataclass
class TokenSource:
    """One app's token, kept until shortly before it ends."""

    authority: str
    scope: str
    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)
    _token: str = field(default="", repr=False)
    _renew_at: float = field(default=0.0, repr=False)

    def token(self, pool: urllib3.PoolManager) -> tuple[str, bool]:
        """The token, and whether it was fetched just now. Raises DeliveryError."""
        if self._token and time.monotonic() < self._renew_at:
            return self._token, False
        asked_at = time.monotonic()
        answer = self._fetch(pool)
        self._token = str(answer["access_token"])
        self._renew_at = asked_at + int(answer.get("expires_in", 0)) - RENEW_BEFORE_SECONDS
        return self._token, True

    def forget(self) -> None:
        self._token, self._renew_at = "", 0.0

    def _fetch(self, pool: urllib3.PoolManager) -> dict[str, Any]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scope": self.scope,
        }
        reply = _http.request(
            pool,
            "POST",
            f"{self.authority}/{quote(self.tenant_id, safe='')}/oauth2/v2.0/token",
            label=LABEL,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
            seconds=TIMEOUT_SECONDS,
        )
        answer = _object(reply.body)
        if reply.status == SUCCESS and answer.get("access_token"):
            return answer
        raise self._failure(reply, answer)

    def _failure(self, reply: _http.Reply, answer: dict[str, Any]) -> DeliveryError:
        error = str(answer.get("error", ""))
        said = str(answer.get("error_description", ""))[: _http.MAX_SAID] or reply.said
        if self.client_secret:
            said = said.replace(self.client_secret, "…")
        told: dict[str, Any] = {"code": error or str(reply.status), "said": said}
        told["request_id"] = str(answer.get("trace_id", ""))
        if error in TRANSIENT_ERRORS:
            return RetryableError(f"{LABEL} gives no token for now.", **told)
        if not error:
            return _http.read_failure(reply, LABEL, said=said)
        if reply.status == _http.TOO_MANY or reply.status in _http.SERVER_ERRORS:
            hint = _http.wait_hint(reply.headers)
            return RetryableError(f"{LABEL} gives no token for now.", retry_after=hint, **told)
        # Branched on `error`; the numbers may change, so they only choose the remedy.
        numbers = " ".join(f"AADSTS{number}" for number in answer.get("error_codes", []))
        mended = remedy("entra", error, f"{said} {numbers}") or "Check tenant ID, client ID and client secret."
        return ConfigurationError(f"{LABEL} does not let the app sign in.", remedy=mended, **told)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
