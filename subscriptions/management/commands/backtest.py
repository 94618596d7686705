"""Try sources on stored events, from the command line: nothing is saved."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from common.templatetags.words import duration, duration_ms, file_size, percent_of
from destinations.models import Destination
from events.catalog import catalog
from events.management.choosing import chosen_account
from subscriptions.backtest_figures import Reading
from subscriptions.measuring import WINDOWS, measure
from subscriptions.pricing import priced
from subscriptions.services import SourceSpec
from subscriptions.trial import make_trial
from subscriptions.validation import check_sources


class Command(BaseCommand):
    help = "Show what a filter and a choice of fields would have taken from the account's stored events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="Of this account; needed with several.")
        parser.add_argument("--type", required=True, help="The event type, such as http_request_complete.v0.")
        parser.add_argument("--filter", default="", help="CEL over ev; empty takes every event.")
        parser.add_argument("--fields", help="Paths with commas between; all without it.")
        parser.add_argument("--window", default="24h", choices=list(WINDOWS), help="How far back (default 24h).")
        parser.add_argument("--json", action="store_true", help="The figures as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        account = chosen_account(options["account"])
        fields = options["fields"].split(",") if options["fields"] is not None else None
        spec = SourceSpec(options["type"], options["filter"], fields)
        try:
            check_sources([spec])
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from None
        pks = Destination.objects.existing().filter(account=account).values_list("pk", flat=True)
        destinations = priced(account, list(pks))
        countings = {each.price.counting for each in destinations if each.price}
        trial = make_trial(catalog()[spec.event_type], spec.filter, spec.fields, None, countings)
        reading = measure(account, [trial], options["window"], destinations)
        if options["json"]:
            self.stdout.write(json.dumps(reading.report(), indent=2))
        else:
            self._print(reading)

    def _print(self, reading: Reading) -> None:
        share = percent_of(reading.estimated_matched, reading.total)
        about = "about " if reading.is_sampled else ""
        self.stdout.write(f"{about}{reading.estimated_matched:,} of {reading.total:,} events match ({share}).")
        if reading.errors:
            self.stdout.write(f"{reading.errors:,} of the refused ended in an error, such as an absent field.")
        for clause in reading.sources[0].clauses:
            self.stdout.write(f"  {clause.passes or 0:>9,} pass {clause.text}")
        self.stdout.write(f"{file_size(reading.bytes_in)} of events become {file_size(reading.bytes_out)} of records.")
        span = duration(reading.span_seconds)
        monthly = f"{reading.events_a_month:,} records, {file_size(reading.bytes_a_month)}"
        self.stdout.write(f"A month, reckoned from {span}: {monthly}.")
        for each in reading.destinations:
            price = "no price known" if each.price is None else f"{each.price:,} {each.currency} (as of {each.as_of})"
            self.stdout.write(f"  {each.name}: {price}")
        sampled = f"a sample of {reading.examined:,}" if reading.is_sampled else f"{reading.examined:,} events"
        self.stdout.write(f"Read {sampled} in {duration_ms(reading.took_ms)}.")
