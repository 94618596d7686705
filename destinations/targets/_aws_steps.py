"""The test steps that all AWS targets begin with: what is set, who we are there, and that strangers are kept out."""

from botocore.exceptions import BotoCoreError, ClientError

from destinations.outcome import ConfigurationError
from destinations.targets._arn import ROLE, ArnError, check_arn, split_arn
from destinations.targets._aws import AwsTarget
from destinations.targets._aws_errors import DENIED_CODES, code_of, read_sign_in_error
from destinations.targets._base import Step, StepResult

NO_EXTERNAL_ID = "no_external_id"
WRONG_EXTERNAL_ID = "not-the-external-id"
NOT_CHECKED = "Not checked: this is the emulator, which lets everyone in. At AWS both tries must be refused."
LET_IN_WORDS = {"without it": "WITHOUT the external ID", "with a wrong one": "with a WRONG external ID"}


def first_steps(target: AwsTarget) -> list[Step]:
    steps = [Step("Configuration", lambda: check_configuration(target))]
    if target.by_role:
        steps.append(Step("Assume the role", lambda: assume_role(target)))
        steps.append(Step("Refuse strangers", lambda: refuse_strangers(target)))
    else:
        steps.append(Step("Access key", lambda: identify_key(target)))
    return steps


def check_configuration(target: AwsTarget) -> StepResult:
    arn = target.arn
    if not target.by_role:
        if not target.has_secret:
            raise ConfigurationError("The secret access key is missing.", code="no_secret", remedy="Type it again.")
        return StepResult(f"{target.name} in {arn.region}, signed with an access key")
    try:
        role = check_arn(target.config.get("role_arn", ""), ROLE)
    except ArnError as error:
        raise ConfigurationError(str(error), code="invalid_arn", remedy="Correct the role ARN.") from None
    if role.account != arn.account:
        return StepResult(
            f"{target.name} in {arn.region}",
            warning=f"The role is in account {role.account}, {target.name} in {arn.account}: "
            "that works only when a resource policy there lets the role in.",
        )
    return StepResult(f"ARN and role agree: account {arn.account}, {arn.region}")


def assume_role(target: AwsTarget) -> StepResult:
    target.session.forget()
    target.sign_in()
    external_id = target.context.external_id
    return StepResult(
        f"with your external ID {external_id}: granted",
        request=f"AssumeRole {target.config.get('role_arn', '')}\nExternalId: {external_id}",
    )


def refuse_strangers(target: AwsTarget) -> StepResult:
    """A role that lets us in without the external ID would let anyone reach it through us."""
    if target.emulated:
        return StepResult(NOT_CHECKED, is_checked=False)
    tries = {"without it": "", "with a wrong one": WRONG_EXTERNAL_ID}
    let_in = [words for words, external_id in tries.items() if _gets_in(target, external_id)]
    if not let_in:
        return StepResult("without it and with a wrong one: both refused, as it should be")
    return StepResult(
        f"let in {' and '.join(let_in)}",
        warning=(
            f"AWS let us in {' and '.join(LET_IN_WORDS[words] for words in let_in)}. "
            "Anyone who knows the role's ARN could use our service to reach it."
        ),
        remedy="Put the set-up's trust policy on the role: it has the condition sts:ExternalId.",
        offers="trust_policy",
        code=NO_EXTERNAL_ID,
    )


def _gets_in(target: AwsTarget, external_id: str) -> bool:
    try:
        target.session.assume(target.role, external_id)
    except ClientError as error:
        if code_of(error) in DENIED_CODES:
            return False
        raise read_sign_in_error(error, target.config.get("role_arn", ""), target.arn.region) from None
    except BotoCoreError as error:
        raise read_sign_in_error(error, target.config.get("role_arn", ""), target.arn.region) from None
    return True


def identify_key(target: AwsTarget) -> StepResult:
    """Whose key it is: needs no permission. A key of another account reaches another resource of the same name."""
    answer = target.identity()
    account, owner = str(answer["Account"]), split_arn(str(answer["Arn"]))
    who = owner.resource if owner else "unknown"
    if account == target.arn.account:
        return StepResult(f"{who} of account {account}")
    if target.form_class.same_account:
        raise ConfigurationError(
            f"The key belongs to account {account}, {target.form_class.arn_kind.words} to {target.arn.account}.",
            code="other_account",
            remedy=f"Use a key of account {target.arn.account}.",
        )
    return StepResult(
        f"{who} of account {account}",
        warning=f"{target.name} is in account {target.arn.account}: "
        "that works only when a resource policy there lets the key in.",
    )


def check_resource(target: AwsTarget, found: str) -> None:
    """That what answered is what the ARN names: some calls go by name alone, and find another account's."""
    if found and found != str(target.arn):
        raise ConfigurationError(
            f"{target.arn} was asked for, and {found} answered.",
            code="other_resource",
            remedy="Use a role or a key of the account that the ARN names.",
        )
