"""How a target's answer is read: the classes of failure, and what a send returns.

DeliveryError
├── RetryableError       transient: again later with backoff; `retry_after` when the service named a time
├── ConfigurationError   somebody must change a setting: the destination is blocked, its records are held
├── TooLargeError        the request is too big or spans too much: halve it; one record alone is refused
└── RefusedError         these records can never be accepted as they are: dead letters
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What one call came to, as an Attempt keeps it."""

    DELIVERED = "delivered"
    PARTIAL = "partial"
    RETRY = "retry"
    CONFIGURATION = "configuration"
    TOO_LARGE = "too_large"
    REFUSED = "refused"


def storable(said: object) -> str:
    """Words of a service as text that every database keeps: one with U+0000 or half a character would undo the
    settlement of what the same call delivered."""
    return str(said).encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


class DeliveryError(Exception):
    """A call to a target failed as a whole.

    `message` is a sentence for the customer, without secrets; `code` the service's own word or status;
    `said` the service's own message; `remedy` what to do about it; `request_id` for the service's support.
    """

    outcome = Outcome.RETRY

    def __init__(
        self,
        message: str,
        *,
        code: str,
        said: str = "",
        remedy: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = storable(message)
        self.code = storable(code)
        self.said = storable(said)
        self.remedy = storable(remedy)
        self.request_id = storable(request_id)
        self.retry_after = retry_after


class RetryableError(DeliveryError):
    outcome = Outcome.RETRY


class ConfigurationError(DeliveryError):
    outcome = Outcome.CONFIGURATION


class TooLargeError(DeliveryError):
    outcome = Outcome.TOO_LARGE


class RefusedError(DeliveryError):
    outcome = Outcome.REFUSED


@dataclass(frozen=True, slots=True)
class Rejection:
    """One record that the service did not take, by its index in the request."""

    index: int
    code: str
    message: str
    retryable: bool

    def __post_init__(self) -> None:
        _make_storable(self, "code", "message")


@dataclass(frozen=True, slots=True)
class SendResult:
    """A call that the service answered with success; `rejections` names the records it did not take.

    `facts` is what the service told about the records (shard, sequence number), for the test event's page.
    """

    code: str
    request_id: str = ""
    rejections: tuple[Rejection, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _make_storable(self, "code", "request_id")
        object.__setattr__(self, "facts", {name: storable(value) for name, value in self.facts.items()})


def _make_storable(frozen: object, *names: str) -> None:
    for name in names:
        object.__setattr__(frozen, name, storable(getattr(frozen, name)))
