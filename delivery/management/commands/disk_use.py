"""Tell what the database takes on disk, and when that will be full."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from common.templatetags.words import duration, file_size
from delivery.disk import DiskUse, disk_use


class Command(BaseCommand):
    help = "Show the size of the database by what it holds, and the forecast of its disk."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        use = disk_use()
        self.stdout.write(json.dumps(_as_json(use)) if options["json"] else _as_text(use))


def _as_json(use: DiskUse) -> dict[str, Any]:
    return {
        "bytes": use.bytes,
        "parts": {part.name: part.bytes for part in use.parts},
        "levels_off_at_bytes": use.levels_off_at,
        "capacity_bytes": use.capacity,
        "full_at": use.full_at.isoformat() if use.full_at else None,
    }


def _as_text(use: DiskUse) -> str:
    lines = [f"{part.name:<14}{file_size(part.bytes):>10}, kept {duration(part.kept)}" for part in use.parts]
    lines.append(f"Now {file_size(use.bytes)}; at this rate it levels off at {file_size(use.levels_off_at)}.")
    if use.capacity is None:
        lines.append("Set DATABASE_DISK_BYTES to see when the disk is full.")
    elif use.full_at is None:
        lines.append(f"The {file_size(use.capacity)} that it may take are enough.")
    else:
        lines.append(f"The {file_size(use.capacity)} that it may take are full on {use.full_at:%d %B %Y}.")
    return "\n".join(lines)
