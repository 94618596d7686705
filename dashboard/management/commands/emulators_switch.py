"""Take the emulated targets of a running `make run` down and up, to watch a destination fail and heal."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management.commands.up import emulators_off_file


class Command(BaseCommand):
    help = "Switch the emulated targets off or on (demo mode)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("position", choices=["off", "on"])

    def handle(self, *args: Any, **options: Any) -> None:
        off = emulators_off_file()
        if options["position"] == "off":
            off.touch()
        else:
            off.unlink(missing_ok=True)
        self.stdout.write(f"The emulated targets are switched {options['position']}.")
