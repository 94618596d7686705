"""Prove from the rows that every event's fate adds up."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.arguments import read_time
from delivery.ledger import Scope, faults, totals

FAULTS_SHOWN = 50
ALMOST_AN_HOUR = timedelta(hours=1) - timedelta(microseconds=1)


class Command(BaseCommand):
    help = "Check that the ledger closes; exit code 1 when it does not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="Only this account (its ID).")
        parser.add_argument("--from", dest="start", help="From the hour of routing of this time (RFC 3339).")
        parser.add_argument("--to", dest="end", help="Up to the end of the hour of routing of this time (RFC 3339).")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        start, end = read_time(options["start"], "--from"), read_time(options["end"], "--to")
        scope = Scope(options["account"], start and _hour(start), end and _hour(end + ALMOST_AN_HOUR))
        found = list(faults(scope))
        sums = totals(scope)
        if options["json"]:
            self.stdout.write(json.dumps({"closes": not found, "faults": found, "totals": asdict(sums)}))
        else:
            for fault in found[:FAULTS_SHOWN]:
                self.stderr.write(fault)
            self.stdout.write(
                f"{sums.events:,} events accepted, {sums.unrouted:,} not yet routed.\n"
                f"Decided: {sums.matched:,} matched + {sums.filtered:,} filtered + {sums.undecided:,} undecided.\n"
                f"Sent on: {sums.fan_out:,} records = {sums.delivered:,} delivered + {sums.waiting:,} waiting + "
                f"{sums.dead:,} dead + {sums.discarded:,} discarded + {sums.moved:,} moved."
            )
        if found:
            raise CommandError(f"The ledger does not close: {len(found):,} faults.")
        if not options["json"]:
            self.stdout.write("The ledger closes.")


def _hour(time: datetime) -> datetime:
    """Its start: tallies are summed by the quarter, then by the hour, so nothing shorter adds up."""
    return time.replace(minute=0, second=0, microsecond=0)
