"""What AWS's error codes mean for a delivery. Decided by code: the same code comes with 400 from one service and 403
from another; by words only for validation errors, where AWS gives nothing else.

Sources: the service models of botocore 1.44 and "Common errors" of each API reference (read 2026-11).
"""

import re
from dataclasses import dataclass
from typing import Any

import structlog
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError

from destinations.doctor.causes import remedy
from destinations.outcome import (
    ConfigurationError,
    DeliveryError,
    RefusedError,
    RetryableError,
    TooLargeError,
)
from destinations.targets._aws_session import EXPIRED_CODES

log = structlog.get_logger(__name__)

THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
TRANSIENT_CODES = frozenset(
    {
        "InternalFailure",
        "InternalFailureException",
        "InternalServerError",
        "InternalServiceError",
        "InvalidSequenceTokenException",
        "OperationAbortedException",
        "PriorRequestNotComplete",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
UNKNOWN_KEY_CODES = frozenset(
    {"IncompleteSignature", "InvalidClientTokenId", "MissingAuthenticationToken", "UnrecognizedClientException"}
)
SIGNATURE_CODES = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch"})
SIZE_CODES = frozenset({"RequestEntityTooLarge", "RequestEntityTooLargeException"})
INVALID_CODES = frozenset(
    {"InvalidArgumentException", "InvalidParameterException", "ValidationError", "ValidationException"}
)
MALFORMED_CODES = frozenset(
    {
        "DryRunOperationException",
        "MalformedPolicyDocument",
        "PackedPolicyTooLarge",
        "SerializationException",
        "UnknownOperationException",
    }
)
KMS_CODES = frozenset(
    {
        "InvalidKMSResourceException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "KMSOptInRequired",
    }
)
NOT_ENABLED_CODES = frozenset({"OptInRequired", "RegionDisabledException", "SubscriptionRequiredException"})

# What a validation error says, in lower case.
WRONG_SETTING_WORDS = (
    "1 hour session limit",
    "at 'deliverystreamname'",
    "at 'loggroupname'",
    "at 'logstreamname'",
    "at 'rolearn'",
    "at 'streamarn'",
    "at 'streamname'",
    "maxsessionduration",
    "not permitted on",
)
MALFORMED_WORDS = ("chronological", "partitionkey")
SIZE_WORDS = ("24 hours", "less than or equal to", "size", "too large")
CLOCK_WORDS = ("signature expired", "not yet current")

# What is said of settings; how to mend them stands in the error table.
SETTING_WORDS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"ResourceNotFoundException"}), "{thing} was not found in {region}."),
    (DENIED_CODES, "AWS does not let {whose} write to {thing}."),
    (KMS_CODES, "the KMS key of {thing} does not let us write."),
    (UNKNOWN_KEY_CODES | EXPIRED_CODES, "AWS does not know {whose} that we sign with."),
    (SIGNATURE_CODES, "AWS refuses the signature of {whose}."),
    (NOT_ENABLED_CODES, "{label} is not enabled in {region} for this account."),
    (frozenset({"InvalidSourceException"}), "{thing} takes only CloudWatch Logs data."),
)

# What a failure of signing in as a role says: these sentences, or any that names AWS STS.
NOT_ASSUMED = "AWS does not let us assume the role."
NOT_SIGNED_IN = "We could not sign in to AWS with our own identity."
STS = "AWS STS"

SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429
CONTENT_TOO_LARGE = 413
MAX_SAID = 1000
KEY_ID = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{8,}")


@dataclass(frozen=True, slots=True)
class Place:
    """The resource that a call was for, in words: "Kinesis", "the stream acme-events", what it needs."""

    label: str
    thing: str
    region: str
    arn: str
    actions: str
    by_role: bool
    slug: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """What sentences and remedies may name."""
        whose = "the role" if self.by_role else "the access key"
        return {
            "whose": whose,
            "label": self.label,
            "thing": self.thing,
            "region": self.region,
            "arn": self.arn,
            "actions": self.actions,
        }


def read_error(error: ClientError | BotoCoreError, place: Place) -> DeliveryError:
    """The failure of a call to the target itself."""
    if isinstance(error, ClientError):
        return _of_answer(error, place)
    return _of_connection(error, place.label, place.region)


def read_sign_in_error(error: ClientError | BotoCoreError, role_arn: str, region: str) -> DeliveryError:
    """The failure of AssumeRole: it surfaces before anything reaches the target, and mostly needs the role's owner."""
    if not isinstance(error, ClientError):
        return _of_connection(error, STS, region)
    code, told = code_of(error), _told(error)
    if code in DENIED_CODES:
        return ConfigurationError(
            NOT_ASSUMED,
            remedy=remedy("sts", "AccessDenied", told["said"], {"role_arn": role_arn}),
            **told,
        )
    if code in NOT_ENABLED_CODES:
        return ConfigurationError(
            f"{STS} is switched off in {region} for this account.",
            remedy=remedy("sts", code),
            **told,
        )
    if code in EXPIRED_CODES or code in UNKNOWN_KEY_CODES or code in SIGNATURE_CODES:
        log.error("own_identity_refused", code=code)
        mended = remedy("sts", code, told["said"]) or "This is ours to mend, and it was logged."
        if code in EXPIRED_CODES or _is_clock(error):
            return RetryableError(NOT_SIGNED_IN, remedy=mended, **told)
        return ConfigurationError(NOT_SIGNED_IN, remedy=mended, **told)
    return _of_answer(error, Place(STS, "the role", region, role_arn, "sts:AssumeRole", by_role=True, slug="sts"))


def is_of_sign_in(message: str) -> bool:
    """Whether this is the sentence of a failed sign-in. The sentence is what a destination keeps of its failure."""
    return message in {NOT_ASSUMED, NOT_SIGNED_IN} or STS in message


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "") or "unknown")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _told(error: ClientError) -> dict[str, Any]:
    """The service's own words, without what must not be shown: a refused signature's message quotes the request."""
    first_line = str(error.response.get("Error", {}).get("Message", "")).partition("\n")[0]
    meta = error.response.get("ResponseMetadata", {})
    return {
        "code": code_of(error),
        "said": KEY_ID.sub(r"\1…", first_line)[:MAX_SAID],
        "request_id": str(meta.get("RequestId", "")),
    }


def _of_answer(error: ClientError, place: Place) -> DeliveryError:
    code, status = code_of(error), _status(error)
    if code in THROTTLING_CODES or status == TOO_MANY_REQUESTS:
        return RetryableError(f"{place.label} is asking us to slow down.", retry_after=_hint(error), **_told(error))
    if code in TRANSIENT_CODES or status >= SERVER_ERROR:
        message = f"{place.label} could not take the records for now."
        return RetryableError(message, retry_after=_hint(error), **_told(error))
    if code in SIZE_CODES or status == CONTENT_TOO_LARGE:
        return TooLargeError(f"{place.label} finds the request too large.", **_told(error))
    if code in INVALID_CODES:
        return _of_validation(error, place)
    return _malformed(error, place) if code in MALFORMED_CODES else _of_setting(error, place)


def _of_validation(error: ClientError, place: Place) -> DeliveryError:
    words = str(error.response.get("Error", {}).get("Message", "")).lower()
    if any(each in words for each in WRONG_SETTING_WORDS):
        return ConfigurationError(
            f"{place.label} does not accept what is set for {place.thing}.",
            remedy=_remedy(place, error) or f"Check the ARN {place.arn}.",
            **_told(error),
        )
    if any(each in words for each in MALFORMED_WORDS):
        return _malformed(error, place)
    if any(each in words for each in SIZE_WORDS):
        return TooLargeError(f"{place.label} finds the request or a record too large.", **_told(error))
    return _malformed(error, place)


def _remedy(place: Place, error: ClientError) -> str:
    return remedy(place.slug, code_of(error), _told(error)["said"], place.facts)


def _malformed(error: ClientError, place: Place) -> DeliveryError:
    log.error("request_malformed", target=place.label, code=code_of(error), said=_told(error)["said"])
    return RefusedError(f"{place.label} calls our request malformed; this is ours to mend.", **_told(error))


def _of_setting(error: ClientError, place: Place) -> DeliveryError:
    """What only a person can mend. Unknown codes are here too: that way nothing is lost."""
    code = code_of(error)
    if code == "RequestExpired" or (code in SIGNATURE_CODES and _is_clock(error)):
        log.error("clock_is_off", said=_told(error)["said"])
        return RetryableError("AWS finds that our clock is wrong; this is ours to mend.", **_told(error))
    message = next((words for codes, words in SETTING_WORDS if code in codes), "{label} refused the request ({code}).")
    sentence = message.format_map({**place.facts, "code": code})
    mended = _remedy(place, error) or "Read what AWS said; we test again by ourselves."
    return ConfigurationError(sentence[:1].upper() + sentence[1:], remedy=mended, **_told(error))


def _is_clock(error: ClientError) -> bool:
    words = str(error.response.get("Error", {}).get("Message", "")).lower()
    return any(each in words for each in CLOCK_WORDS)


def _hint(error: ClientError) -> float | None:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    milliseconds = str(headers.get("x-amz-retry-after", ""))
    return int(milliseconds) / 1000 if milliseconds.isdecimal() else None


def _of_connection(error: BotoCoreError, label: str, region: str) -> DeliveryError:
    code = type(error).__name__
    if isinstance(error, ParamValidationError):
        log.error("request_malformed", target=label, code=code)
        return RefusedError("Our request was malformed; this is ours to mend.", code=code)
    if isinstance(error, ReadTimeoutError):
        return RetryableError(f"{label} in {region} did not answer in time.", code="timeout")
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return RetryableError(
            f"We could not reach {label} in {region}.",
            code="unreachable",
            remedy=f"If it stays like this, check the Region {region} in the ARN.",
        )
    if isinstance(error, SSLError):
        return RetryableError(
            f"The TLS connection to {label} in {region} failed.", code="tls", said=str(error)[:MAX_SAID]
        )
    if isinstance(error, HTTPClientError | AwsConnectionError):
        code = "connection_lost"
    return RetryableError(f"The connection to {label} in {region} broke.", code=code)
