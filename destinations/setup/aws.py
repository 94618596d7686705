"""The kits of CloudWatch Logs, Kinesis and Firehose: what they need to know, and their parts."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from destinations.setup import aws_steps, policies
from destinations.setup.kit import KMS_KEY, Instruction, Kit, KitError, Options, Part
from destinations.setup.rendering import render
from destinations.targets import Config
from destinations.targets._arn import ROLE, Arn, ArnError, check_arn, name_of
from destinations.targets._aws import AwsTarget
from destinations.targets._aws_form import BY_KEYS
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
        return _role_name(self.name, "-delivery")

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


def aws_kit(slug: str, config: Config, external_id: str, principals: Sequence[str], options: Options) -> Kit:
    """Raises KitError."""
    facts = _facts(slug, config, external_id, principals, options)
    if facts.by_keys:
        parts: tuple[Part, ...] = (_key_console(facts), _policies(facts))
        summary = f"Gives an IAM user the right to write to {facts.thing}, and nothing else."
    else:
        parts = (_script(facts), _cloudformation(facts), _terraform(facts), _console(facts), _policies(facts))
        also = aws_steps.created_words(facts) if options.create else ""
        summary = (
            f"Makes the role {facts.role_name} with your external ID and the right to write to {facts.thing}{also}."
        )
    return Kit(slug, f"Set up {facts.kind.target.label} at AWS", summary, parts, aws_steps.notes(facts))


def _facts(slug: str, config: Config, external_id: str, principals: Sequence[str], options: Options) -> Facts:
    kind = KINDS[slug]
    form = kind.target.form_class
    text = config.get(form.arn_field, "").strip().removesuffix(":*")
    if not text:
        raise KitError(
            f"Enter the ARN of the {kind.noun}; the kit fills in as you type. It need not exist yet: "
            f"write the ARN that it will have, {form.arn_kind.example}."
        )
    try:
        arn = check_arn(text, form.arn_kind)
        name = name_of(arn, form.arn_kind)
        role = _role(config, arn, name)
    except ArnError as error:
        raise KitError(str(error)) from None
    by_keys = config.get("auth") == BY_KEYS
    principal = "" if by_keys else _principal(principals, arn.partition)
    _check_key(options.kms_key_arn, arn)
    if options.create and role.account != arn.account:
        raise KitError(
            f"The role is in account {role.account}, the {kind.noun} in {arn.account}. "
            "A kit makes both only in one account: make the resource there first, then take the kit without it."
        )
    return Facts(slug, kind, arn, name, role, principal, external_id, options, by_keys)


def _role(config: Config, arn: Arn, name: str) -> Arn:
    """The role that the form names, else one named after the resource. Raises ArnError."""
    given = config.get("role_arn", "").strip()
    if given:
        return check_arn(given, ROLE)
    return Arn(arn.partition, "iam", "", arn.account, f"role/{_role_name(name, '-writer')}")


def _role_name(name: str, suffix: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "events"
    return stem[: MAX_ROLE_NAME - len(suffix)] + suffix


def _principal(principals: Sequence[str], partition: str) -> str:
    """Our own identity in this partition; partitions can't trust each other. Raises KitError."""
    for principal in principals:
        if principal.startswith(f"arn:{partition}:"):
            return principal
    raise KitError(
        f"This installation has no AWS identity in the partition {partition}, so no role there can trust it. "
        "Use access keys, or ask its operator to set DELIVERY_AWS_PRINCIPALS."
    )


def _check_key(kms_key_arn: str, arn: Arn) -> None:
    found = KMS_KEY.fullmatch(kms_key_arn)
    if found and (found[1], found[2]) != (arn.partition, arn.region):
        raise KitError(f"The KMS key is in {found[2]}, but {arn} in {arn.region}; a key works only in its own Region.")


def _values(facts: Facts) -> Mapping[str, Any]:
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


def _script(facts: Facts) -> Part:
    filename = f"set-up-{facts.slug.replace('_', '-')}.sh"
    instructions = (
        Instruction(
            f"Open CloudShell in account {facts.role.account}, or a terminal with the AWS CLI.",
            link=f"{facts.console}/cloudshell/home?region={facts.arn.region}",
            link_words="CloudShell",
        ),
        Instruction(
            f"Save the script as {filename} and run it. With --dry-run it only shows what it would do; "
            "with --uninstall it removes what it made.",
            code=f"bash {filename}",
        ),
        Instruction("Copy the role ARN that it prints last into the form."),
    )
    return Part("script", "CLI script", instructions, filename, render("script.sh", _values(facts)))


def _cloudformation(facts: Facts) -> Part:
    stack = f"event-subscriptions-{facts.role_name}"[:128].replace("_", "-").replace(".", "-")
    filename = "event-subscriptions.yaml"
    instructions = (
        Instruction(
            f"Save the template as {filename}, open CloudFormation, choose Upload a template file, and take it.",
            link=f"{facts.console}/cloudformation/home?region={facts.arn.region}#/stacks/create/template",
            link_words="CloudFormation, Create stack",
        ),
        Instruction(
            "Or run this where the AWS CLI is signed in:",
            code=f"aws cloudformation deploy --region {facts.arn.region} --stack-name {stack} "
            f"--template-file {filename} --capabilities CAPABILITY_NAMED_IAM",
        ),
        Instruction("Copy RoleArn from the stack's outputs into the form."),
    )
    text = render("cloudformation.yaml", _values(facts))
    return Part("cloudformation", "CloudFormation", instructions, filename, text)


def _terraform(facts: Facts) -> Part:
    instructions = (
        Instruction("Add this file to a configuration whose AWS provider is signed in to the account, then apply it."),
        Instruction("Copy the output event_subscriptions_role_arn into the form.", code="terraform apply"),
    )
    text = render("terraform.tf", _values(facts))
    return Part("terraform", "Terraform", instructions, "event_subscriptions.tf", text)


def _console(facts: Facts) -> Part:
    return Part("console", "Console", tuple(aws_steps.console_steps(facts)))


def _key_console(facts: Facts) -> Part:
    return Part("console", "Console", tuple(aws_steps.key_steps(facts)))


def _policies(facts: Facts) -> Part:
    return Part("policies", "Policies", tuple(aws_steps.policy_steps(facts)))
