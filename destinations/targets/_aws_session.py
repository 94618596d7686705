"""Signing in to AWS: with a customer's keys, or as a customer's role, which we assume with the account's external ID.

Only what is passed in counts: no profile, file, environment variable or instance role of this machine ever signs a
customer's request, and no AWS_ENDPOINT_URL redirects one. One botocore session serves the whole process, because it
keeps the parsed service models (a further client then costs 2 to 5 ms instead of 200).
Roles: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (read 2026-11).
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import botocore.session
import orjson
import structlog
from botocore import xform_name
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from destinations.targets._aws_post import SignedPost, is_direct

log = structlog.get_logger(__name__)

# Twice (connect + read) stays under the 15 s that a send may take.
CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
STS_READ_TIMEOUT_SECONDS = 3.0
ATTEMPTS = 2
SUCCESS = 200

# What role chaining allows at most; shorter sessions would be renewed at every use.
SESSION_SECONDS = 3600
RENEW_BEFORE = timedelta(minutes=15)
RENEW_AGAIN_AFTER = timedelta(seconds=30)
SESSION_NAME = "event-subscriptions"

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})

_lock = threading.Lock()


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """What signs a request. Its repr shows nothing, so that a traceback with locals does not either."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


# Emulators take any signature.
EMULATOR_KEYS = Keys("AKIADEMODEMODEMODEMO", "demo")


@dataclass(frozen=True, slots=True)
class Role:
    arn: str
    external_id: str


@lru_cache(maxsize=1)
def _core() -> Any:
    empty_file = (None, None, os.devnull, None)
    return botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": empty_file,
            "credentials_file": empty_file,
            "sts_regional_endpoints": (None, None, "regional", None),
        }
    )


def partition_of(region: str) -> str:
    """Raises botocore's UnknownRegionError."""
    with _lock:
        return str(_core().get_partition_for_region(region))


@dataclass
class AwsSession:
    """Clients for one destination. `keys` are the customer's, or ours when `role` is set."""

    region: str
    keys: Keys
    role: Role | None = None
    url: str = ""
    body: bytes | None = field(default=None, repr=False)
    _assumed: Keys | None = field(default=None, repr=False)
    _expires_at: datetime = field(default=datetime.min.replace(tzinfo=UTC), repr=False)
    _renew_at: datetime = field(default=datetime.min.replace(tzinfo=UTC), repr=False)
    _clients: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False)
    _posts: dict[str, SignedPost] = field(default_factory=dict, repr=False)

    def sign_in(self) -> bool:
        """Assume the role unless that was done lately; tells whether STS was asked. Raises botocore's errors."""
        now = datetime.now(UTC)
        if self.role is None or now < self._renew_at:
            return False
        try:
            answer = self.assume(self.role, self.role.external_id)
        except (BotoCoreError, ClientError):
            if now + timedelta(minutes=1) > self._expires_at:
                raise
            log.warning("role_not_renewed", role=self.role.arn, expires_at=self._expires_at.isoformat())
            self._renew_at = now + RENEW_AGAIN_AFTER
            return True
        self._close_clients()
        given = answer["Credentials"]
        self._assumed = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        self._expires_at = given["Expiration"]
        self._renew_at = self._expires_at - RENEW_BEFORE
        return True

    def assume(self, role: Role, external_id: str) -> Mapping[str, Any]:
        """What STS answers to our identity; without an external ID when that is empty. Raises botocore's errors."""
        identified = {"ExternalId": external_id} if external_id else {}
        sts = self._make("sts", self.keys, attempts=1)
        try:
            answer: Mapping[str, Any] = sts.assume_role(
                RoleArn=role.arn,
                RoleSessionName=SESSION_NAME,
                DurationSeconds=SESSION_SECONDS,
                **identified,
            )
        finally:
            sts.close()
        return answer

    def forget(self) -> bool:
        """Drop what was assumed, so that the next call signs in afresh; False when there is nothing to renew."""
        self._renew_at = self._expires_at = datetime.min.replace(tzinfo=UTC)
        return self.role is not None

    def client(self, service: str, attempts: int) -> Any:
        """A client that signs as the customer; `sign_in` comes first.

        While `body` is set it is sent as it is, and the answer is not converted: a third of the cost for 500 records.
        """
        client = self._clients.get((service, attempts))
        if client is None:
            client = self._make(service, self._assumed or self.keys, attempts)
            client.meta.events.register("before-call", self._use_body)
            client.meta.events.register("before-parse", self._read_reply)
            signing_name = client.meta.service_model.signing_name
            client.meta.events.register("before-send", partial(self._keep_address, signing_name))
            self._clients[service, attempts] = client
        return client

    def post(self, operation: str, body: bytes) -> tuple[dict[str, Any] | None, bool]:
        """Repeat what a client has sent before, with another body: the answer if a success, and whether it was sent."""
        kept = self._posts.get(operation)
        if kept is None:
            return None, False
        return kept.send(body, connect_seconds=CONNECT_TIMEOUT_SECONDS, read_seconds=READ_TIMEOUT_SECONDS), True

    def _keep_address(self, signing_name: str, request: Any, event_name: str, **_: Any) -> None:
        """`signing_name` is the service's name in a signature: `logs`, where `event_name` says `cloudwatch-logs`."""
        name = xform_name(event_name.rpartition(".")[2])
        if self.body is not None and name not in self._posts and is_direct():
            keys = self._assumed or self.keys
            self._posts[name] = SignedPost(request.url, request.headers, keys, signing_name, self.region)

    def close(self) -> None:
        self._close_clients()
        self._assumed = None
        self.forget()

    def _use_body(self, params: dict[str, Any], **_: Any) -> None:
        if self.body is not None:
            params["body"] = self.body

    def _read_reply(self, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
        """Read a success as plain JSON: botocore's walk along its model costs as much as all the rest."""
        if self.body is None or response_dict["status_code"] != SUCCESS:
            return
        try:
            answer = orjson.loads(response_dict["body"])
        except orjson.JSONDecodeError:
            return
        if isinstance(answer, dict):
            customized_response_dict.update(answer)
            response_dict["body"] = b"{}"

    def _make(self, service: str, keys: Keys, attempts: int) -> Any:
        options: dict[str, Any] = {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "read_timeout": STS_READ_TIMEOUT_SECONDS if service == "sts" else READ_TIMEOUT_SECONDS,
            "retries": {"mode": "standard", "total_max_attempts": attempts},
            "parameter_validation": False,
            "ignore_configured_endpoint_urls": True,
            "s3": {"addressing_style": "path"},
            "tcp_keepalive": True,
        }
        with _lock:
            return _core().create_client(
                service,
                region_name=self.region,
                endpoint_url=self.url or None,
                aws_access_key_id=keys.access_key_id,
                aws_secret_access_key=keys.secret_access_key,
                aws_session_token=keys.session_token or None,
                config=ClientConfig(**options),
            )

    def _close_clients(self) -> None:
        for each in (*self._clients.values(), *self._posts.values()):
            each.close()
        self._clients.clear()
        self._posts.clear()
