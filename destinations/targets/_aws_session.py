"""Signing in to AWS: with a customer's keys, or as a customer's role, which we assume with the account's external ID.

Only what is passed in counts: no profile, file, environment variable or instance role of this machine ever signs a
customer's request, and no AWS_ENDPOINT_URL redirects one. One botocore session serves the whole process, because it
keeps the parsed service models, and so do its clients (see _aws_clients).
Roles: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (read 2026-11).
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import botocore.session
import structlog
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from destinations.targets._aws_clients import Caller, Keys, Timeouts, calling, is_direct, prepare
from destinations.targets._aws_post import SignedPost

log = structlog.get_logger(__name__)

# Twice (connect + read) stays under the 15 s that a send may take.
CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
STS_READ_TIMEOUT_SECONDS = 3.0
ATTEMPTS = 2
# Clients that stay: services, times Regions, times the numbers of attempts.
CLIENTS = 64

# What role chaining allows at most; shorter sessions would be renewed at every use.
SESSION_SECONDS = 3600
RENEW_BEFORE = timedelta(minutes=15)
RENEW_AGAIN_AFTER = timedelta(seconds=30)
SESSION_NAME = "event-subscriptions"

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})

_lock = threading.Lock()


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


def _config(service: str, attempts: int, **more: Any) -> ClientConfig:
    given: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "read_timeout": _timeouts(service).read,
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "parameter_validation": False,
        "ignore_configured_endpoint_urls": True,
        **more,
    }
    return ClientConfig(**given)


def _timeouts(service: str) -> Timeouts:
    read = STS_READ_TIMEOUT_SECONDS if service == "sts" else READ_TIMEOUT_SECONDS
    return Timeouts(CONNECT_TIMEOUT_SECONDS, read)


@lru_cache(maxsize=CLIENTS)
def client_of(service: str, region: str, url: str, attempts: int) -> Any:
    """The process's client; only to be used inside `calling`."""
    config = _config(service, attempts, signature_version=UNSIGNED)
    with _lock:
        client = _core().create_client(service, region_name=region, endpoint_url=url or None, config=config)
    prepare(client)
    return client


@dataclass
class AwsSession:
    """Calls for one destination. `keys` are the customer's, or ours when `role` is set."""

    region: str
    keys: Keys
    role: Role | None = None
    url: str = ""
    _assumed: Keys | None = field(default=None, repr=False)
    _expires_at: datetime = field(default=datetime.min.replace(tzinfo=UTC), repr=False)
    _renew_at: datetime = field(default=datetime.min.replace(tzinfo=UTC), repr=False)
    _posts: dict[str, SignedPost] = field(default_factory=dict, repr=False)
    _bucket_client: Any = field(default=None, repr=False)

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
        self._drop_signers()
        given = answer["Credentials"]
        self._assumed = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        self._expires_at = given["Expiration"]
        self._renew_at = self._expires_at - RENEW_BEFORE
        return True

    def assume(self, role: Role, external_id: str) -> Mapping[str, Any]:
        """What STS answers to our identity; without an external ID when that is empty. Raises botocore's errors."""
        identified = {"ExternalId": external_id} if external_id else {}
        caller = Caller(self.keys, self.region, _timeouts("sts"))
        with calling(caller):
            answer: Mapping[str, Any] = client_of("sts", self.region, self.url, 1).assume_role(
                RoleArn=role.arn,
                RoleSessionName=SESSION_NAME,
                DurationSeconds=SESSION_SECONDS,
                **identified,
            )
        return answer

    def forget(self) -> bool:
        """Drop what was assumed, so that the next call signs in afresh; False when there is nothing to renew."""
        self._renew_at = self._expires_at = datetime.min.replace(tzinfo=UTC)
        return self.role is not None

    def call(self, service: str, operation: str, attempts: int, body: bytes | None = None, **given: Any) -> Any:
        """One call that is signed as the customer; `sign_in` comes first. Raises botocore's errors.

        With `body` that is sent as it is, and the answer is not converted: a third of the cost for 500 records.
        """
        caller = Caller(self._signer, self.region, _timeouts(service), body)
        with calling(caller):
            answer = getattr(client_of(service, self.region, self.url, attempts), operation)(**given)
        if body is not None and is_direct():
            url, headers, signing_name = caller.sent[-1]
            self._posts[operation] = SignedPost(url, headers, self._signer, signing_name, self.region)
        return answer

    def post(self, operation: str, body: bytes) -> tuple[dict[str, Any] | None, bool]:
        """Repeat what a client has sent before, with another body: the answer if a success, and whether it was sent."""
        kept = self._posts.get(operation)
        if kept is None:
            return None, False
        return kept.send(body, Timeouts(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)), True

    def buckets(self) -> Any:
        """A client of S3, which signs in a way of its own: for reading back what was written, never on the way."""
        if self._bucket_client is None:
            keys = self._signer
            with _lock:
                self._bucket_client = _core().create_client(
                    "s3",
                    region_name=self.region,
                    endpoint_url=self.url or None,
                    aws_access_key_id=keys.access_key_id,
                    aws_secret_access_key=keys.secret_access_key,
                    aws_session_token=keys.session_token or None,
                    config=_config("s3", 1, s3={"addressing_style": "path"}),
                )
        return self._bucket_client

    @property
    def _signer(self) -> Keys:
        return self._assumed or self.keys

    def close(self) -> None:
        self._drop_signers()
        self._assumed = None
        self.forget()

    def _drop_signers(self) -> None:
        self._posts.clear()
        if self._bucket_client is not None:
            self._bucket_client.close()
            self._bucket_client = None
