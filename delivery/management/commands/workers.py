"""Run the workers of this host."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from delivery.workers import WorkerPool

# While a healthy-looking destination hangs for the first time, another worker carries the others on.
DEFAULTS = {"drain": 2}


class Command(BaseCommand):
    help = "Run worker processes, each on one queue, and the sweep. SIGTERM lets them finish."

    def add_arguments(self, parser: ArgumentParser) -> None:
        for queue in settings.QUEUE_NAMES:
            count = DEFAULTS.get(queue, 1)
            parser.add_argument(
                f"--{queue}", type=int, default=count, metavar="N", help=f"Workers on {queue} (default {count})."
            )

    def handle(self, *args: Any, **options: Any) -> None:
        counts = {queue: options[queue.replace("-", "_")] for queue in settings.QUEUE_NAMES}
        WorkerPool([queue for queue, count in counts.items() for _ in range(count)]).run()
