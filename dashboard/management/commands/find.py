"""Find anything in any account."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboard.staff_finding import find_anywhere

SHORTEST = 2


class Command(BaseCommand):
    help = "Find accounts, people, events, deliveries, subscriptions, destinations and keys; exit code 1 for none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", help="An ID, a delivery's number, or letters of a name or an e-mail address.")
        parser.add_argument("--json", action="store_true", help="Print one JSON array.")

    def handle(self, *args: Any, **options: Any) -> None:
        text = options["what"].strip()
        if len(text) < SHORTEST and not text.isdecimal():
            raise CommandError(f"Give at least {SHORTEST} letters, or an ID.")
        found = find_anywhere(text)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(each) for each in found]))
        for each in () if options["json"] else found:
            self.stdout.write(
                "  ".join(filter(None, [f"{each.kind:<13}", each.id, each.state, each.account, each.name]))
            )
        if not found:
            raise CommandError(f"Nothing here is called {text!r} or has that ID.")
