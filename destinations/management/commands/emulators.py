"""`manage.py emulators`: local stand-ins for AWS, Datadog and Azure, for demo mode."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from destinations.emulators.aws import EmulatorMissingError
from destinations.emulators.server import Addresses, PortTakenError, serve


class Command(BaseCommand):
    help = "Run local stand-ins for AWS, Datadog and Azure until stopped."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name in ("aws", "datadog", "azure"):
            parser.add_argument(f"--{name}-port", type=int, default=0, help="0, the default, takes a free one")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            serve(options["aws_port"], options["datadog_port"], options["azure_port"], self._print)
        except (PortTakenError, EmulatorMissingError) as error:
            raise CommandError(str(error)) from error

    def _print(self, addresses: Addresses) -> None:
        self.stdout.write(f"AWS      {addresses.aws_url}")
        self.stdout.write(f"Datadog  {addresses.datadog_url}")
        self.stdout.write(f"Azure    {addresses.azure_url}")
        self.stdout.flush()
