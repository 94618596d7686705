"""Amazon resource names: taken apart, and checked before anything is saved.

A wrong ARN is the commonest mistake, and AWS answers it late and vaguely (a consumer's ARN satisfies the pattern of
a stream's, another Region's looks like a missing stream), so the messages here say what the ARN is instead.
Formats: docs.aws.amazon.com/service-authorization/latest/reference (read 2026-11).
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from botocore.exceptions import UnknownRegionError

from destinations.targets._aws_session import partition_of

ACCOUNT = re.compile(r"\d{12}")
PARTS = 6


class ArnError(ValueError):
    """The text is not the ARN that was asked for; the message says why and what fits.

    `part` is what is wrong with it: shape, partition, service, type, region, account or name.
    """

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


class Arn(NamedTuple):
    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: `words` name it, `resource` is how the last part of its ARN begins.

    `target` is the label of the target that sends to it; `hint` what to do when it was given for something else.
    """

    words: str
    service: str
    resource: re.Pattern[str]
    name: re.Pattern[str] = re.compile(r".+")
    example: str = ""
    rule: str = ""
    target: str = ""
    hint: str = ""


STREAM = Kind(
    "a Kinesis stream",
    "kinesis",
    re.compile(r"stream/"),
    re.compile(r"[a-zA-Z0-9_.-]{1,128}"),
    "arn:aws:kinesis:REGION:ACCOUNT:stream/NAME",
    "1 to 128 letters, digits, dots, hyphens and underscores",
    target="Kinesis",
)
DELIVERY_STREAM = Kind(
    "a Firehose delivery stream",
    "firehose",
    re.compile(r"deliverystream/"),
    re.compile(r"[a-zA-Z0-9_.-]{1,64}"),
    "arn:aws:firehose:REGION:ACCOUNT:deliverystream/NAME",
    "1 to 64 letters, digits, dots, hyphens and underscores",
    target="Firehose",
)
LOG_GROUP = Kind(
    "a log group",
    "logs",
    re.compile(r"log-group:"),
    re.compile(r"[.\-_/#A-Za-z0-9]{1,512}"),
    "arn:aws:logs:REGION:ACCOUNT:log-group:NAME",
    "1 to 512 letters, digits and . - _ / #",
    target="CloudWatch Logs",
)
ROLE = Kind(
    "an IAM role",
    "iam",
    re.compile(r"role/"),
    re.compile(r"[\w+=,.@/-]{1,576}", re.ASCII),
    "arn:aws:iam::ACCOUNT:role/NAME",
    "letters, digits and + = , . @ - _ /",
)

ANYTHING = re.compile(r"")
# The first that fits names what was given, so the narrower kinds come first.
KINDS = (
    Kind(
        "a consumer of a Kinesis stream",
        "kinesis",
        re.compile(r"stream/[^/]+/consumer/"),
        hint="Leave off /consumer/ and what follows.",
    ),
    Kind(
        "a log stream",
        "logs",
        re.compile(r"log-group:.+:log-stream:"),
        hint="Leave off :log-stream: and what follows.",
    ),
    STREAM,
    DELIVERY_STREAM,
    LOG_GROUP,
    ROLE,
    Kind(
        "a session of a role",
        "sts",
        re.compile(r"assumed-role/"),
        hint="Sessions end within hours; give the role itself.",
    ),
    Kind("an IAM user", "iam", re.compile(r"user/"), hint="Users can't be assumed: make a role, or use access keys."),
    Kind("an IAM policy", "iam", re.compile(r"policy/"), hint="Give the role that the policy is attached to."),
    Kind("an instance profile", "iam", re.compile(r"instance-profile/"), hint="Give the role inside it."),
    Kind("an AWS account", "iam", re.compile(r"root$")),
    Kind("an S3 bucket", "s3", ANYTHING, hint="To reach S3, choose Firehose as the target: it writes to the bucket."),
    Kind("an SNS topic", "sns", ANYTHING),
    Kind("an SQS queue", "sqs", ANYTHING),
    Kind("a Lambda function", "lambda", ANYTHING),
    Kind("a KMS key", "kms", ANYTHING),
)


def split_arn(text: str) -> Arn | None:
    parts = text.split(":", PARTS - 1)
    if len(parts) != PARTS or parts[0] != "arn":
        return None
    return Arn(*parts[1:])


def name_of(arn: Arn, kind: Kind) -> str:
    """The resource's own name; of a role, without its path."""
    name = kind.resource.sub("", arn.resource, count=1)
    return name.rpartition("/")[2] if kind is ROLE else name


def check_arn(text: str, kind: Kind) -> Arn:
    """The parts of an ARN of this kind. Raises ArnError."""
    arn = split_arn(text)
    if arn is None:
        raise ArnError("shape", f"{text} is not an ARN. For {kind.words} it looks like {kind.example}.")
    given = next((each for each in KINDS if each.service == arn.service and each.resource.match(arn.resource)), None)
    if given is not kind:
        raise ArnError("type" if arn.service == kind.service else "service", _wrong_kind(arn, kind, given))
    if not ACCOUNT.fullmatch(arn.account):
        raise ArnError(
            "account", f"{text} has {arn.account or 'nothing'} where the account belongs; that is 12 digits."
        )
    if not kind.name.fullmatch(kind.resource.sub("", arn.resource, count=1)):
        raise ArnError("name", f"{arn.resource} in {text} does not name {kind.words}: a name has {kind.rule}.")
    if kind is not ROLE:
        _check_region(arn, text)
    elif arn.region:
        raise ArnError("region", f"{text} has the Region {arn.region}; roles have none: {kind.example}.")
    return arn


def _wrong_kind(arn: Arn, kind: Kind, given: Kind | None) -> str:
    words = given.words if given else f"something in {arn.service or 'no service'}"
    message = f"This is the ARN of {words}. For {kind.target or kind.words} it looks like {kind.example}."
    if given and given.target and kind.target:
        return f"{message} To send to {given.target}, choose {given.target} as the target."
    return f"{message} {given.hint}" if given and given.hint else message


def _check_region(arn: Arn, text: str) -> None:
    try:
        partition = partition_of(arn.region)
    except UnknownRegionError:
        raise ArnError("region", f"There is no AWS Region {arn.region or '(empty)'}, which {text} names.") from None
    if partition != arn.partition:
        raise ArnError(
            "partition",
            f"{text} begins with arn:{arn.partition}, but the Region {arn.region} belongs to arn:{partition}. "
            "Copy the ARN again from the console.",
        )
