"""Write docs/filters.md from events/filters/reference.json."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from events.filters.reference import as_markdown


class Command(BaseCommand):
    help = "Write docs/filters.md from events/filters/reference.json."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Only say whether it is up to date.")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "filters.md"
        text = as_markdown()
        if options["check"]:
            if not path.exists() or path.read_text() != text:
                raise CommandError("docs/filters.md is not what reference.json says. Run write_filter_docs.")
            return
        path.write_text(text)
        self.stdout.write(f"Wrote {path.relative_to(settings.BASE_DIR)}.")
