"""Tell what became of one event."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.ids import is_id
from delivery.fate import EventFate, fate_of
from events.by_id import accepted_at, accounts_with


class Command(BaseCommand):
    help = "Tell for every subscription and destination what became of an event."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("event_id", help="The event's ID, ev_…")
        parser.add_argument("--account", help="Its account; without it every account is looked through.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        event_id = options["event_id"]
        if not is_id(event_id, "ev"):
            raise CommandError(f"{event_id!r} is not an event ID: ev_ and 27 letters and digits.")
        found = self._find(event_id, options["account"])
        if found is None:
            made = accepted_at(event_id)
            raise CommandError(f"There is no event {event_id} (its ID is of {made:%Y-%m-%d %H:%M:%S} UTC).")
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), default=str))
            return
        self._print(found)

    def _find(self, event_id: str, account_id: str | None) -> EventFate | None:
        accounts = accounts_with(event_id)
        if account_id:
            accounts = accounts.filter(pk=account_id)
        fates = (fate_of(account, event_id) for account in accounts)
        return next((fate for fate in fates if fate is not None), None)

    def _print(self, found: EventFate) -> None:
        kind = found.event_type or "type not kept"
        self.stdout.write(f"{found.event_id}  {kind}\naccepted {found.accepted_at:%Y-%m-%d %H:%M:%S} UTC")
        for fate in found.fates:
            words = [fate.subscription, fate.destination, fate.state.value, fate.code, fate.request_id, fate.reason]
            self.stdout.write("  ".join(word for word in words if word))
            for each in fate.history:
                told = "  ".join(word for word in (each.code, each.request_id, each.message) if word)
                self.stdout.write(f"    {each.at:%Y-%m-%d %H:%M:%S.%f}  {each.what}  {told}".rstrip())
