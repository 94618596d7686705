"""Print the set-up kit of a target for one account."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Account
from destinations.setup import Kit, KitError, Options, kit_for
from destinations.setup.facts import KINDS
from destinations.targets import all_targets

PARTS = ("script", "cloudformation", "terraform", "console", "policies", "pipeline")


class Command(BaseCommand):
    help = "Print what a target needs at its own side: a script, a template, the steps or the policies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", choices=[*all_targets(), "s3"], help="s3 is Firehose with its bucket")
        parser.add_argument("--account", required=True, help="the account's ID, ac_…")
        parser.add_argument("--arn", default="", help="of the stream, log group or delivery stream")
        parser.add_argument("--role-arn", default="", help="of the role to make, if it is to have a name of its own")
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other value")
        parser.add_argument("--part", choices=PARTS, help="only this part, without a heading")
        parser.add_argument("--create", action="store_true", help="make the resource too")
        parser.add_argument("--read-back", action="store_true", help="let test events be seen there")
        parser.add_argument("--partition-by-type", action="store_true", help="S3: file objects under their event type")
        parser.add_argument("--bucket", default="", help="S3: the bucket's name")
        parser.add_argument("--kms-key", default="", help="the ARN of your own key on it")

    def handle(self, *args: Any, **given: Any) -> None:
        account = Account.objects.filter(pk=given["account"]).first()
        if account is None:
            raise CommandError(f"There is no account {given['account']}.")
        try:
            kit = self._kit(account, given)
            if given["part"]:
                self.stdout.write(kit.part(given["part"]).as_text(), ending="")
                return
        except KitError as error:
            raise CommandError(str(error)) from None
        self._print(kit)

    def _kit(self, account: Account, given: dict[str, Any]) -> Kit:
        is_s3 = given["target"] == "s3"
        target = "firehose" if is_s3 else given["target"]
        options = Options(
            create=given["create"] or is_s3,
            read_back=given["read_back"] or is_s3,
            kms_key_arn=given["kms_key"],
            bucket=given["bucket"],
            partition_by_type=given["partition_by_type"],
        )
        return kit_for(target, _config(target, given), account, options)

    def _print(self, kit: Kit) -> None:
        self.stdout.write(f"{kit.title}\n{kit.summary}\n")
        for note in kit.notes:
            self.stdout.write(f"Note: {note}")
        for part in kit.parts:
            self.stdout.write(f"\n=== {part.label}{f' ({part.filename})' if part.filename else ''}\n{part.as_text()}")


def _config(target: str, given: dict[str, Any]) -> dict[str, str]:
    config = {}
    for pair in given["set"]:
        name, separator, value = pair.partition("=")
        if not separator:
            raise CommandError(f"{pair} is not NAME=VALUE.")
        config[name] = value
    if target in KINDS:
        config |= {KINDS[target].target.form_class.arn_field: given["arn"], "role_arn": given["role_arn"]}
    return config
