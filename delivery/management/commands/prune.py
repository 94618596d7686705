"""Forget what is older than its retention; the workers do the same all the time, in small steps."""

from typing import Any

from django.core.management.base import BaseCommand

from delivery.retention import prune


class Command(BaseCommand):
    help = "Remove payloads, outcomes, attempts, dead letters and tallies that are past their retention."

    def handle(self, *args: Any, **options: Any) -> None:
        pruned = prune()
        for name, number in pruned.items():
            self.stdout.write(f"{number:,} {name.replace('_', ' ')}")
        if not pruned:
            self.stdout.write("Nothing is old enough.")
