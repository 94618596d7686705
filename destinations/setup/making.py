"""From a target's name to its kit. A target without a maker here has no kit, and its pages say so."""

from collections.abc import Callable, Mapping

from django.conf import settings

from accounts.models import Account
from destinations.emulators.resources import ACCOUNT as EMULATED_ACCOUNT
from destinations.setup.aws import aws_kit
from destinations.setup.azure import azure_kit
from destinations.setup.datadog import datadog_kit
from destinations.setup.facts import KINDS
from destinations.setup.kit import Kit, KitError, Options
from destinations.targets import Config, all_targets

NO_OPTIONS = Options()


def our_principals() -> list[str]:
    """The identities of ours that roles trust, one a partition; in demo mode the emulator's own account."""
    if settings.AWS_PRINCIPALS or not settings.DEMO:
        return list(settings.AWS_PRINCIPALS)
    return [f"arn:aws:iam::{EMULATED_ACCOUNT}:root"]


def kit_for(target: str, config: Config, account: Account, options: Options = NO_OPTIONS) -> Kit:
    """The kit for this configuration, which may still be incomplete. Raises KitError, in words for a person."""
    if target in KINDS:
        return aws_kit(target, config, account.external_id, our_principals(), options)
    maker = OTHERS.get(target)
    if maker is None:
        known = all_targets().get(target)
        raise KitError(f"There is no set-up kit for {known.label if known else target}.")
    return maker(config)


OTHERS: Mapping[str, Callable[[Config], Kit]] = {"datadog": datadog_kit, "azure_logs_ingestion": azure_kit}
