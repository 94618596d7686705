"""Publish realistic traffic at a rate, to see the product at work."""

import secrets
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Account
from events.catalog import get_event_type, suggest
from events.intake import MAX_EVENTS
from events.management.choosing import chosen_account
from events.publishing import Publisher, publish_body
from events.simulator import generate

TICK_SECONDS = 0.1
# A request stays well below 5 MiB with events of about 1.5 kB.
LARGEST_REQUEST = min(MAX_EVENTS, 2000)


class Command(BaseCommand):
    help = "Publish simulated visits and audit events; the same seed and start give the same events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=float, default=100.0, help="Events a second (default 100).")
        parser.add_argument("--seconds", type=float, default=30.0, help="For how long (default 30).")
        parser.add_argument("--types", nargs="*", help="Only these event types.")
        parser.add_argument("--account", help="For this account; needed with several.")
        parser.add_argument("--seed", type=int, help="Repeat an earlier run.")

    def handle(self, *args: Any, **options: Any) -> None:
        rate, seconds = options["rate"], options["seconds"]
        if rate <= 0 or seconds <= 0:
            raise CommandError("--rate and --seconds must be above zero.")
        account, types = chosen_account(options["account"]), _types(options["types"])
        seed = options["seed"] if options["seed"] is not None else secrets.randbelow(1_000_000)
        self.stdout.write(f"{rate:g} events/s for {seconds:g} s to {account.name} (--seed {seed}) …")
        events = generate(seed=seed, types=types, start=timezone.now(), rate=rate)
        started = time.monotonic()
        published = self._publish(events, account, rate, round(rate * seconds))
        took = time.monotonic() - started
        self.stdout.write(f"{published:,} events accepted in {took:.1f} s ({published / took:,.0f} a second).")

    def _publish(self, events: Iterator[dict[str, Any]], account: Account, rate: float, total: int) -> int:
        publisher = Publisher("simulate", account.pk, is_internal=True)
        started, published, reported = time.monotonic(), 0, 0.0
        while published < total:
            elapsed = time.monotonic() - started
            due = min(total, int(elapsed * rate) + 1) - published
            if due <= 0:
                time.sleep(TICK_SECONDS)
                continue
            chunk = list(islice(events, min(due, LARGEST_REQUEST)))
            body = b"\n".join(orjson.dumps(event) for event in chunk)
            published += len(publish_body(body, publisher=publisher).event_ids)
            if elapsed - reported >= 1 and sys.stderr.isatty():
                reported = elapsed
                self.stderr.write(f"\r{published:,} of {total:,}", ending="")
            if due < rate * TICK_SECONDS:
                time.sleep(TICK_SECONDS)
        if reported:
            self.stderr.write("")
        return published


def _types(names: list[str] | None) -> list[str] | None:
    for name in names or []:
        if get_event_type(name) is None:
            near = suggest(name)
            raise CommandError(f"There is no event type {name}." + (f" Did you mean {near[0]}?" if near else ""))
    return names or None
