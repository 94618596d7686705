"""The kits of CloudWatch Logs, Kinesis and Firehose: what they need to know, and their parts."""

import re
from collections.abc import Sequence

from destinations.setup import aws_steps
from destinations.setup.facts import KINDS, Facts, default_role_name, values_of
from destinations.setup.hosted import launch_link
from destinations.setup.kit import KMS_KEY, Instruction, Kit, KitError, Options, Part
from destinations.setup.rendering import render
from destinations.targets import Config
from destinations.targets._arn import ROLE, Arn, ArnError, check_arn, name_of
from destinations.targets._aws_form import BY_KEYS

MAX_STACK_NAME = 128


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
    return Arn(arn.partition, "iam", "", arn.account, f"role/{default_role_name(name, '-writer')}")


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
    return Part("script", "CLI script", instructions, filename, render("script.sh", values_of(facts)))


def _cloudformation(facts: Facts) -> Part:
    stack = "event-subscriptions-" + re.sub(r"[^A-Za-z0-9-]+", "-", facts.role_name)
    stack = stack[:MAX_STACK_NAME]
    filename = "event-subscriptions.yaml"
    instructions = (
        _launch(facts, stack, filename),
        Instruction(
            f"Or save the template as {filename}, and run this where the AWS CLI is signed in:",
            code=f"aws cloudformation deploy --region {facts.arn.region} --stack-name {stack} "
            f"--template-file {filename} --capabilities CAPABILITY_NAMED_IAM",
        ),
        Instruction("Copy RoleArn from the stack's outputs into the form."),
    )
    text = render("cloudformation.yaml", values_of(facts))
    return Part("cloudformation", "CloudFormation", instructions, filename, text)


def _launch(facts: Facts, stack: str, filename: str) -> Instruction:
    """The way through the console: a link that fills the stack in, or, without hosted templates, an upload."""
    if link := launch_link(facts, stack):
        return Instruction(
            f"Open the link where you are signed in to account {facts.role.account}. The stack is filled in: tick that "
            "it may make IAM resources, and choose Create stack.",
            link=link,
            link_words="CloudFormation, Quick create stack",
        )
    return Instruction(
        f"Save the template as {filename}, and open CloudFormation. Its links fill a stack in only from a template in "
        "S3, and this installation hosts none there: choose Upload a template file, and take it.",
        link=f"{facts.console}/cloudformation/home?region={facts.arn.region}#/stacks/create/template",
        link_words="CloudFormation, Create stack",
    )


def _terraform(facts: Facts) -> Part:
    instructions = (
        Instruction("Add this file to a configuration whose AWS provider is signed in to the account, then apply it."),
        Instruction("Copy the output event_subscriptions_role_arn into the form.", code="terraform apply"),
    )
    text = render("terraform.tf", values_of(facts))
    return Part("terraform", "Terraform", instructions, "event_subscriptions.tf", text)


def _console(facts: Facts) -> Part:
    return Part("console", "Console", tuple(aws_steps.console_steps(facts)))


def _key_console(facts: Facts) -> Part:
    return Part("console", "Console", tuple(aws_steps.key_steps(facts)))


def _policies(facts: Facts) -> Part:
    return Part("policies", "Policies", tuple(aws_steps.policy_steps(facts)))
