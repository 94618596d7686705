"""Print docs/troubleshooting.md as the error table has it."""

from typing import Any

from django.core.management.base import BaseCommand

from destinations.doctor.document import troubleshooting


class Command(BaseCommand):
    help = "Print docs/troubleshooting.md, made from the error table."

    def handle(self, *args: Any, **given: Any) -> None:
        self.stdout.write(troubleshooting(), ending="")
