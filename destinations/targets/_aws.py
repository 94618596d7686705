"""What the three AWS targets share: opening, signing in, and calls whose failures are classified."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from destinations.outcome import ConfigurationError, DeliveryError, Rejection, RetryableError
from destinations.targets._arn import Arn, ArnError, check_arn, name_of, split_arn
from destinations.targets._aws_clients import Keys
from destinations.targets._aws_errors import DENIED_CODES, STS, Place, code_of, read_error, read_sign_in_error
from destinations.targets._aws_form import BY_KEYS, BY_ROLE, AwsForm
from destinations.targets._aws_session import ATTEMPTS, EMULATOR_KEYS, EXPIRED_CODES, AwsSession, Role
from destinations.targets._base import Config, Context, ResourceError, Target

SUFFIXES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}
ONLY_WRITES = "Not read back: we may only write there, which is enough."


class AwsTarget(Target):
    """A target in a customer's AWS account."""

    form_class: ClassVar[type[AwsForm]]
    service: ClassVar[str]
    noun: ClassVar[str]
    actions: ClassVar[str]
    attempts: ClassVar[int] = ATTEMPTS

    def __init__(self, config: Config, secrets: Config, context: Context) -> None:
        super().__init__(config, secrets, context)
        self._session: AwsSession | None = None

    @classmethod
    def describe(cls, config: Config) -> str:
        text = config.get(cls.form_class.arn_field, "")
        arn = split_arn(text)
        if arn is None:
            return f"{cls.noun} {text}".strip()
        return f"{cls.noun} {name_of(arn, cls.form_class.arn_kind)} in {arn.region}, account {arn.account}"

    @classmethod
    def resource(cls, config: Config) -> dict[str, Any]:
        by_keys = config.get("auth") == BY_KEYS
        creds = {"aws_access_key_id": config.get("aws_access_key_id", ""), "aws_secret_access_key": ""}
        return {
            "auth": {
                "role": None if by_keys else {"role_arn": config.get("role_arn", "")},
                "creds": creds if by_keys else None,
            },
            cls.form_class.arn_field: config.get(cls.form_class.arn_field, ""),
        }

    @classmethod
    def shape(cls) -> dict[str, Any]:
        by_role, by_keys = cls.resource({"auth": BY_ROLE}), cls.resource({"auth": BY_KEYS})
        return {**by_role, "auth": {"role": by_role["auth"]["role"], "creds": by_keys["auth"]["creds"]}}

    @classmethod
    def form_data(cls, resource: Mapping[str, Any]) -> dict[str, str]:
        auth = resource.get("auth")
        if auth is None:
            raise ResourceError(5106, "auth is missing. Give auth with a role or with creds.")
        if auth.get("role") and auth.get("creds"):
            raise ResourceError(5116, "auth has both role and creds. Give one of them.")
        if not (auth.get("role") or auth.get("creds")):
            raise ResourceError(5107, "auth has neither role nor creds. Give one of them.")
        role, creds = auth.get("role") or {}, auth.get("creds") or {}
        given = {
            "auth": BY_KEYS if creds else BY_ROLE,
            cls.form_class.arn_field: resource.get(cls.form_class.arn_field),
            **role,
            **creds,
        }
        return super().form_data(given)

    @property
    def arn(self) -> Arn:
        """Raises ConfigurationError when what is stored is no ARN of this kind."""
        try:
            return check_arn(self.config.get(self.form_class.arn_field, ""), self.form_class.arn_kind)
        except ArnError as error:
            raise ConfigurationError(str(error), code="invalid_arn", remedy="Correct the ARN.") from None

    @property
    def name(self) -> str:
        return name_of(self.arn, self.form_class.arn_kind)

    @property
    def by_role(self) -> bool:
        return self.config.get("auth") != BY_KEYS

    @property
    def session(self) -> AwsSession:
        if self._session is None:
            role = self.role if self.by_role else None
            self._session = AwsSession(self.arn.region, self._keys(), role, self.context.aws_url)
        return self._session

    @property
    def role(self) -> Role:
        return Role(self.config.get("role_arn", ""), self.context.external_id)

    def _keys(self) -> Keys:
        """What signs: the customer's key, or our identity when a role is assumed."""
        given = self.context
        if not self.by_role:
            return Keys(self.config.get("aws_access_key_id", ""), self._secrets.get("aws_secret_access_key", ""))
        if given.aws_access_key_id and given.aws_secret_access_key:
            return Keys(given.aws_access_key_id, given.aws_secret_access_key, given.aws_session_token)
        if given.aws_url:
            return EMULATOR_KEYS
        raise ConfigurationError(
            "This installation has no AWS identity of its own, so it can't assume roles.",
            code="no_identity",
            remedy="Its operator sets DELIVERY_AWS_ACCESS_KEY_ID and DELIVERY_AWS_SECRET_ACCESS_KEY. "
            "Access keys work without.",
        )

    def addresses(self) -> Sequence[str]:
        if self.context.aws_url:
            return (self.context.aws_url,)
        return [f"https://{host}.{SUFFIXES.get(self.arn.partition, 'amazonaws.com')}" for host in self._hosts()]

    def _hosts(self) -> Sequence[str]:
        """Without the partition's suffix."""
        sts = (f"sts.{self.arn.region}",) if self.by_role else ()
        return (*sts, f"{self.service}.{self.arn.region}")

    def is_denied(self, error: DeliveryError) -> bool:
        """Whether a permission is missing that sending does not need."""
        return error.code in DENIED_CODES

    @property
    def emulated(self) -> bool:
        return bool(self.context.aws_url)

    @property
    def place(self) -> Place:
        thing = f"{self.noun.partition(' ')[2] or self.noun} {self.name}"
        return Place(self.label, f"the {thing}", self.arn.region, str(self.arn), self.actions, self.by_role, self.slug)

    def sign_in(self) -> bool:
        """Tells whether STS was asked, which takes its part of the time that a send has. Raises DeliveryError."""
        try:
            return self.session.sign_in()
        except (ClientError, BotoCoreError) as error:
            raise read_sign_in_error(error, self.config.get("role_arn", ""), self.arn.region) from None
        except ResponseParserError:
            # STS speaks XML, and a page of a proxy is none; the services' JSON has a check of its own in `call_raw`.
            raise not_from(STS) from None

    def call(self, operation: str, *, body: bytes | None = None, attempts: int = 0, **given: Any) -> Any:
        """One call to the service, with `body` in place of the one that would be made of `given`.

        `attempts` replaces the usual number. Raises DeliveryError.
        """
        try:
            return self.call_raw(operation, body=body, attempts=attempts, **given)
        except (ClientError, BotoCoreError) as error:
            raise read_error(error, self.place) from None

    def call_raw(self, operation: str, *, body: bytes | None = None, attempts: int = 0, **given: Any) -> Any:
        """As `call`, but botocore's own errors come through, for callers to whom one of them means something."""
        asked_sts = self.sign_in()
        try:
            answer = self._call_once(operation, body, 1 if asked_sts else attempts or self.attempts, given)
        except ClientError as error:
            if code_of(error) not in EXPIRED_CODES or not self.session.forget():
                raise
            self.sign_in()
            answer = self._call_once(operation, body, 1, given)
        if not answer.get("ResponseMetadata", {}).get("RequestId"):
            raise not_from(self.label)
        return answer

    @property
    def has_secret(self) -> bool:
        return bool(self._secrets.get("aws_secret_access_key"))

    def identity(self) -> Any:
        """Account and ARN that we sign as: GetCallerIdentity, which needs no permission. Raises DeliveryError."""
        self.sign_in()
        try:
            return self.session.call("sts", "get_caller_identity", 1)
        except (ClientError, BotoCoreError) as error:
            raise read_error(error, self.place) from None
        except ResponseParserError:
            raise not_from(STS) from None

    def _call_once(self, operation: str, body: bytes | None, attempts: int, given: Mapping[str, Any]) -> Any:
        if body is not None and attempts > 1:
            # The first attempt without botocore; what was not a success, it tries again and explains.
            answer, was_tried = self.session.post(operation, body)
            if answer is not None:
                return answer
            attempts -= was_tried
        return self.session.call(self.service, operation, attempts, body, **given)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def not_from(label: str) -> RetryableError:
    return RetryableError(f"Something other than {label} answered, such as a proxy.", code="unknown_answer")


def rejected(results: Sequence[Mapping[str, Any]], proof: str) -> tuple[Rejection, ...]:
    """The entries of a Kinesis or Firehose answer that name an error, or nothing at all; each may pass later.

    `proof` is what the service gives to a record that it took, such as its sequence number.
    """
    return tuple(
        Rejection(index, result.get("ErrorCode") or "unknown_answer", result.get("ErrorMessage") or "", retryable=True)
        for index, result in enumerate(results)
        if result.get("ErrorCode") or not result.get(proof)
    )
