"""Write every stored secret anew under the first of ENCRYPTION_KEYS."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.progress import Progress
from common.reencrypting import Outcome, encrypted_columns, reencrypt_column

KEYS_SHOWN = 20


class Command(BaseCommand):
    help = "Re-encrypt every stored secret under the first of ENCRYPTION_KEYS; exit code 1 when no key opens some."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Count what would be written anew; write nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        outcomes: dict[str, Outcome] = {}
        for column in encrypted_columns():
            with Progress(self.stderr, column.label, column.rows.count()) as progress:
                outcomes[column.label] = reencrypt_column(column, dry_run=options["dry_run"], progress=progress.reach)
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "columns": _shown(outcomes)}))
        else:
            self._print(outcomes, "to be written anew" if options["dry_run"] else "written anew")
        unreadable = sum(len(outcome.unreadable) for outcome in outcomes.values())
        if unreadable:
            raise CommandError(
                f"No key of ENCRYPTION_KEYS opens {unreadable:,} rows. Add the key that they were stored under."
            )

    def _print(self, outcomes: dict[str, Outcome], verb: str) -> None:
        for label, outcome in outcomes.items():
            self.stdout.write(f"{label}: {outcome.seen:,} rows, {outcome.changed:,} {verb}.")
            for pk in outcome.unreadable[:KEYS_SHOWN]:
                self.stderr.write(f"  {label} {pk}: no key opens it.")


def _shown(outcomes: dict[str, Outcome]) -> dict[str, dict[str, Any]]:
    return {
        label: {"rows": outcome.seen, "changed": outcome.changed, "unreadable": list(outcome.unreadable)}
        for label, outcome in outcomes.items()
    }
