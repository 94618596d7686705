"""Pausing and resuming from the command line: what `manage.py pause` and `manage.py resume` have in common."""

import json
from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError

from accounts.audit import Actor
from common.progress import Progress
from destinations.models import Destination
from subscriptions.models import Subscription

Stoppable = Destination | Subscription


class SwitchCommand(BaseCommand):
    """All IDs are looked up before the first is changed. A command gives `verb`, `wanted` and `switch`."""

    verb: ClassVar[str]
    wanted: ClassVar[str]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="+", metavar="ID", help="Subscriptions (esb_…) and destinations (ed_…).")
        parser.add_argument("--dry-run", action="store_true", help="Only tell what it would do.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def switch(self, found: Stoppable, actor: Actor, options: dict[str, Any]) -> None:
        raise NotImplementedError

    def refusal(self, found: Stoppable) -> str:
        """Why it cannot be done; empty when it can."""
        return ""

    def handle(self, *args: Any, **options: Any) -> None:
        everything = [_find(pk) for pk in dict.fromkeys(options["ids"])]
        refusals = [refusal for found in everything if (refusal := self.refusal(found))]
        if refusals:
            raise CommandError("\n".join(refusals))
        results = []
        with Progress(self.stderr, f"{self.verb.capitalize()}", len(everything)) as progress:
            for number, found in enumerate(everything, 1):
                results.append(_result(found, self.wanted))
                if not options["dry_run"] and found.state != self.wanted:
                    self.switch(found, Actor.command(self.verb), options)
                progress.reach(number)
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "changes": results}))
            return
        for result in results:
            self.stdout.write(_sentence(result, options["dry_run"]))


def _find(pk: str) -> Stoppable:
    for queryset in (Destination.objects.existing(), Subscription.objects.existing()):
        found = queryset.select_related("account").filter(pk=pk).first()
        if found is not None:
            return found
    raise CommandError(f"There is no subscription and no destination {pk}. `manage.py find` finds them by name.")


def _result(found: Stoppable, wanted: str) -> dict[str, Any]:
    kind = "destination" if isinstance(found, Destination) else "subscription"
    shown = {"id": found.pk, "kind": kind, "name": found.name, "account": found.account_id}
    return {**shown, "before": found.state, "after": wanted, "changed": found.state != wanted}


def _sentence(result: dict[str, Any], dry_run: bool) -> str:
    name = f"{result['id']} ({result['name']})"
    if not result["changed"]:
        return f"{name} is {result['after']} already."
    return f"{name} {'would be' if dry_run else 'is'} {result['after']}; it was {result['before']}."
