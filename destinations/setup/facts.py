"""What the texts of an AWS kit may name: the target's words and policies, and the values of one customer."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from destinations.setup import aws_steps, policies
from destinations.setup.kit import Options
from destinations.targets._arn import ROLE, Arn, name_of
from destinations.targets._aws import AwsTarget
from destinations.targets.cloudwatch_logs import CloudWatchLogs
from destinations.targets.firehose import Firehose
from destinations.targets.kinesis import Kinesis

POLICY_NAME = "event-subscriptions"
MAX_ROLE_NAME = 64
MAX_BUCKET = 63
RETENTION_DAYS = 30
CONSOLES = {
    "aws": "https://{}.console.aws.amazon.com",
    "aws-cn": "https://{}.console.amazonaws.cn",
    "aws-us-gov": "https://{}.console.amazonaws-us-gov.com",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is special about one AWS target: the words for its resource, and the policies that its calls need."""

    target: type[AwsTarget]
    noun: str
    write: Callable[[Arn, str], Sequence[policies.Statement]]
    read: Callable[[Arn, str], Sequence[policies.Statement]]


KINDS = {
    "cloudwatch_logs": Kind(CloudWatchLogs, "log group", policies.logs_write, policies.logs_read),
    "kinesis": Kind(Kinesis, "stream", policies.kinesis_write, policies.kinesis_read),
    "firehose": Kind(Firehose, "delivery stream", policies.firehose_write, policies.firehose_read),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the texts of one kit name, validated."""

    slug: str
    kind: Kind
    arn: Arn
    name: str
    role: Arn
    principal: str
    external_id: str
    options: Options
    by_keys: bool

    @property
    def thing(self) -> str:
        return f"the {self.kind.noun} {self.name}"

    @property
    def role_name(self) -> str:
        return name_of(self.role, ROLE)

    @property
    def role_path(self) -> str:
        return self.role.resource.removeprefix("role").removesuffix(self.role_name)

    @property
    def bucket(self) -> str:
        """Named after the delivery stream and its account, since bucket names are shared by everyone."""
        if self.options.bucket or not self.makes_bucket:
            return self.options.bucket
        stem = re.sub(r"[^a-z0-9-]+", "-", self.name.lower()).strip("-") or "events"
        return f"{stem[: MAX_BUCKET - 13]}-{self.arn.account}"

    @property
    def makes_bucket(self) -> bool:
        return self.options.create and self.slug == "firehose"

    @property
    def delivery_role_name(self) -> str:
        return default_role_name(self.name, "-delivery")

    @property
    def console(self) -> str:
        return CONSOLES.get(self.arn.partition, CONSOLES["aws"]).format(self.arn.region)

    @property
    def trust(self) -> policies.Policy:
        return policies.trust_policy(self.principal, self.external_id)

    @property
    def permissions(self) -> policies.Policy:
        read = self.kind.read(self.arn, self.bucket) if self.options.read_back else ()
        return policies.document([*self.kind.write(self.arn, self.options.kms_key_arn), *read])

    @property
    def prefix(self) -> str:
        """Where objects go; without an expression of its own, Firehose adds year/month/day/hour in UTC."""
        if not self.options.partition_by_type:
            return "events/"
        return "events/type=!{partitionKeyFromQuery:event_type}/date=!{timestamp:yyyy-MM-dd}/"

    @property
    def error_prefix(self) -> str:
        return "errors/!{firehose:error-output-type}/"


def default_role_name(name: str, suffix: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "events"
    return stem[: MAX_ROLE_NAME - len(suffix)] + suffix


def values_of(facts: Facts) -> Mapping[str, Any]:
    """What templates may name."""
    values = {
        "facts": facts,
        "options": facts.options,
        "resource_template": f"script_{facts.slug}.sh",
        "cloudformation_template": f"cloudformation_{facts.slug}.yaml",
        "terraform_template": f"terraform_{facts.slug}.tf",
        "policy_name": POLICY_NAME,
        "retention_days": RETENTION_DAYS,
        "trust": facts.trust,
        "permissions": facts.permissions,
    }
    if facts.makes_bucket:
        key = facts.options.kms_key_arn
        values["delivery_trust"] = policies.firehose_trust_policy(facts.arn.account)
        values["delivery_permissions"] = policies.document(policies.deliver_to_bucket(facts.arn, facts.bucket, key))
        values["s3"] = aws_steps.s3_destination(facts)
    return values
