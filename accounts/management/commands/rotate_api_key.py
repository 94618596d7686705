"""Replace an API key, such as one that has leaked."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.audit import Actor
from accounts.models import APIKey
from accounts.services import rotate_api_key


class Command(BaseCommand):
    help = "Make a key that may do what this one may, print its token once, and revoke this one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="The key's ID, ak_…")
        parser.add_argument("--keep-old", action="store_true", help="Leave the old key usable, to be revoked later.")
        parser.add_argument("--dry-run", action="store_true", help="Only tell what it would do.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        key = APIKey.objects.select_related("account", "owner").filter(pk=options["key"]).first()
        if key is None:
            raise CommandError(f"There is no API key {options['key']}. `manage.py find` finds it by its description.")
        if not APIKey.objects.usable(timezone.now()).filter(pk=key.pk).exists():
            raise CommandError(f"{key.pk} is revoked or has expired. A new key is made in the dashboard.")
        fresh, token = None, ""
        if not options["dry_run"]:
            actor = Actor.command("rotate_api_key")
            fresh, token = rotate_api_key(key=key, actor=actor, keep_old=options["keep_old"])
        if options["json"]:
            shown = {"dry_run": options["dry_run"], "old": key.pk, "old_kept": options["keep_old"]}
            self.stdout.write(json.dumps({**shown, "new": fresh.pk if fresh else None, "token": token}))
            return
        what = f"{key.pk} ({key}, of {key.account}, scopes {', '.join(key.scopes)})"
        old = "stays usable" if options["keep_old"] else "is revoked"
        if fresh is None:
            self.stdout.write(f"{what} would be replaced; it {old}.")
        else:
            self.stdout.write(f"{what} is replaced by {fresh.pk}; it {old}. The new token, shown only now:\n{token}")
