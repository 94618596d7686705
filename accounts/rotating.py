"""What the commands that replace a leaked key share: manage.py rotate_api_key and rotate_publisher_key."""

import json
from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.audit import Actor


class RotateKeyCommand(BaseCommand):
    """`keys` and `rotate` are of one kind of key; the words fill the sentences below."""

    help = "Make a key that may do what this one may, print its token once, and revoke this one."
    keys: ClassVar[Any]
    command: ClassVar[str]
    prefix: ClassVar[str]
    noun: ClassVar[str]
    named_by: ClassVar[str]
    made_in: ClassVar[str]

    def rotate(self, key: Any, actor: Actor, *, keep_old: bool) -> tuple[Any, str]:
        """The new key and its token."""
        raise NotImplementedError

    def describe(self, key: Any) -> str:
        return f"{key.pk} ({key})"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help=f"The key's ID, {self.prefix}_…")
        parser.add_argument("--keep-old", action="store_true", help="Leave the old key usable, to be revoked later.")
        parser.add_argument("--dry-run", action="store_true", help="Only tell what it would do.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        key = self.keys.filter(pk=options["key"]).first()
        if key is None:
            told = f"There is no {self.noun} {options['key']}. `manage.py find` finds it by its {self.named_by}."
            raise CommandError(told)
        if not self.keys.usable(timezone.now()).filter(pk=key.pk).exists():
            raise CommandError(f"{key.pk} is revoked or has expired. A new key is made in {self.made_in}.")
        fresh, token = None, ""
        if not options["dry_run"]:
            fresh, token = self.rotate(key, Actor.command(self.command), keep_old=options["keep_old"])
        if options["json"]:
            shown = {"dry_run": options["dry_run"], "old": key.pk, "old_kept": options["keep_old"]}
            self.stdout.write(json.dumps({**shown, "new": fresh.pk if fresh else None, "token": token}))
            return
        what = self.describe(key)
        old = "stays usable" if options["keep_old"] else "is revoked"
        if fresh is None:
            self.stdout.write(f"{what} would be replaced; it {old}.")
        else:
            self.stdout.write(f"{what} is replaced by {fresh.pk}; it {old}. The new token, shown only now:\n{token}")
