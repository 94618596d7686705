"""Publish events from a file or a pipe."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from events.intake import MAX_EVENTS, BodyError
from events.management.choosing import chosen_account
from events.publishing import Publisher, Receipt, RefusedError, publish_body

# Well under the limit of a request (5 MiB), and of its number of events.
CHUNK_BYTES = 4 * 1024 * 1024
FAULTS_SHOWN = 20


class Command(BaseCommand):
    help = "Publish the events of a file: a JSON object or array, or one event a line (any number of them)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="A file, or - for standard input.")
        parser.add_argument("--account", help="Account of events that name none; needed with several accounts.")
        parser.add_argument("--partial", action="store_true", help="Accept the good events of a chunk with faults.")

    def handle(self, *args: Any, **options: Any) -> None:
        publisher = Publisher("manage.py", account_id=chosen_account(options["account"]).pk, is_internal=False)
        published = refused = first_line = 0
        for chunk, events in _chunks(_open(options["file"])):
            try:
                receipt = publish_body(chunk, publisher=publisher, partial=options["partial"])
            except RefusedError as error:
                receipt = Receipt((), error.faults)
            except BodyError as error:
                raise CommandError(f"After {published:,} events: {error}") from error
            published += len(receipt.event_ids)
            refused += len(receipt.faults)
            for fault in receipt.faults[:FAULTS_SHOWN]:
                self.stderr.write(f"Event {first_line + fault.index + 1}: {fault.message}")
            if receipt.faults and not receipt.event_ids:
                raise CommandError(f"{published:,} events published; stopped at a chunk with {refused:,} faults.")
            first_line += events
        self.stdout.write(f"{published:,} events published, {refused:,} refused.")


def _open(name: str) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Requests of whole lines with their number of events; anything but NDJSON is one request."""
    first = file.readline()
    if not first.rstrip().endswith(b"}") or not first.lstrip().startswith(b"{"):
        yield first + file.read(), 0
        return
    lines, size = [first], len(first)
    for line in file:
        if size + len(line) > CHUNK_BYTES or len(lines) >= MAX_EVENTS:
            yield b"".join(lines), len(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    yield b"".join(lines), len(lines)
