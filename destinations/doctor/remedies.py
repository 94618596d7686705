"""A failure in the error table's words, for one destination: cause, remedy, who acts, and what to copy for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import Account
from destinations.doctor.causes import filled, find
from destinations.outcome import DeliveryError
from destinations.setup import policies
from destinations.setup.making import our_principals
from destinations.setup.rendering import as_json
from destinations.targets import Config, all_targets
from destinations.targets._arn import split_arn
from destinations.targets._aws import AwsTarget
from destinations.targets._aws_errors import is_of_sign_in
from destinations.targets._aws_form import BY_KEYS

KEY_ARN = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
ANY_KEY = "arn:PARTITION:kms:REGION:ACCOUNT:key/ID"
COPY_WORDS = {
    "trust_policy": "Copy trust policy",
    "permissions": "Copy permissions",
    "key_statement": "Copy statement",
    "role_assignment": "Copy command",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """`copy` is what to paste, named by `copy_words`; both empty where nothing is to be pasted.

    `minutes` is how long a change may take to count, so that testing again by itself makes sense.
    """

    cause: str
    remedy: str
    who: str
    healing: str
    minutes: int
    copy_words: str = ""
    copy: str = ""


def advice_on(target: str, config: Config, account: Account, error: DeliveryError) -> Advice | None:
    """None for a code that is in no table; then the error's own words are all there is."""
    found = find(target, error.code, error.said, at_sign_in=is_of_sign_in(error.message))
    if found is None:
        return None
    facts = facts_of(target, config)
    words, text = to_copy(found.copy, config, account, error.said)
    return Advice(
        filled(found.cause, facts),
        error.remedy or filled(found.remedy, facts),
        found.who_acts,
        found.healing,
        found.minutes,
        words,
        text,
    )


def facts_of(target: str, config: Config) -> Mapping[str, str]:
    """What the table's texts may name of this destination."""
    kind = all_targets().get(target)
    if kind is None or not issubclass(kind, AwsTarget):
        return {}
    arn = config.get(kind.form_class.arn_field, "")
    parts = split_arn(arn)
    return {
        "arn": arn,
        "region": parts.region if parts else "",
        "role_arn": config.get("role_arn", ""),
        "actions": kind.actions,
        "whose": "the role" if _by_role(target, config) else "the access key",
    }


def _by_role(target: str, config: Config) -> bool:
    kind = all_targets().get(target)
    return kind is not None and issubclass(kind, AwsTarget) and config.get("auth") != BY_KEYS


def to_copy(kind: str, config: Config, account: Account, said: str = "") -> tuple[str, str]:
    """The words of the button and what it copies, by the table's name for it; both empty where there is nothing."""
    text = ""
    if kind == "trust_policy":
        text = trust_policy_of(config, account)
    elif kind == "permissions":
        text = as_json(policies.document(policies.write_statements(config)))
    elif kind == "key_statement":
        named = KEY_ARN.search(said)
        arn = split_arn(config.get("stream_arn", ""))
        text = as_json(policies.encrypt_for(arn, named[0] if named else ANY_KEY)) if arn else ""
    elif kind == "role_assignment":
        text = _role_assignment(config)
    return (COPY_WORDS[kind], text) if text else ("", "")


def trust_policy_of(config: Config, account: Account) -> str:
    """As JSON; empty where we have no identity in the role's partition."""
    role = split_arn(config.get("role_arn", ""))
    ours = [each for each in our_principals() if role and each.startswith(f"arn:{role.partition}:")]
    return as_json(policies.trust_policy(ours[0], account.external_id)) if ours else ""


def _role_assignment(config: Config) -> str:
    rule, client = config.get("data_collection_rule_id", ""), config.get("client_id", "")
    return (
        f"scope=$(az monitor data-collection rule list --query \"[?immutableId=='{rule}'].id | [0]\" --output tsv)\n"
        f'az role assignment create --role "Monitoring Metrics Publisher" --assignee {client} --scope "$scope"'
    )
