"""Run the workers of this host."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from delivery.relief import QUEUES
from delivery.workers import MOST_EXTRA, WorkerPool

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
        parser.add_argument(
            "--extra",
            type=int,
            default=MOST_EXTRA,
            metavar="N",
            help=f"At most so many more on each of {', '.join(QUEUES)} while destinations hang (default {MOST_EXTRA}).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        counts = {queue: options[queue.replace("-", "_")] for queue in settings.QUEUE_NAMES}
        queues = [queue for queue, count in counts.items() for _ in range(count)]
        WorkerPool(queues, most_extra=options["extra"]).run()
