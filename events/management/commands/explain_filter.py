"""Show, clause by clause, why a filter takes or refuses an event."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from events.by_id import find_event
from events.catalog import get_event_type, suggest
from events.filters import FilterError
from events.filters.explain import Clause, explain
from events.management.choosing import chosen_account

INDENT = "  "


class Command(BaseCommand):
    help = "Show why a filter takes or refuses an event: a stored one, one in a file, or the catalogue's example."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--filter", required=True, help="CEL over ev.")
        parser.add_argument("--type", help="The event type; known already with --event.")
        parser.add_argument("--event", help="The ID of a stored event.")
        parser.add_argument("--file", help="A JSON file with an event or its object; - reads standard input.")
        parser.add_argument("--account", help="Of this account; needed with --event and several.")
        parser.add_argument("--json", action="store_true", help="The clauses as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        type_name, raw = _stored(options) if options["event"] else _given(options)
        event_type = get_event_type(type_name)
        if event_type is None:
            near = suggest(type_name)
            raise CommandError(f"There is no event type {type_name}." + (f" Did you mean {near[0]}?" if near else ""))
        try:
            clause = explain(options["filter"], event_type, raw or orjson.dumps(event_type.example))
        except FilterError as error:
            raise CommandError(f"{error}\n{error.excerpt}") from None
        if options["json"]:
            self.stdout.write(json.dumps(clause.as_json(), indent=2, ensure_ascii=False))
            return
        self.stdout.write(f"{clause.headline}.")
        self._print(clause, 0)

    def _print(self, clause: Clause, depth: int) -> None:
        label = clause.text if clause.is_single else f"{clause.kind} of these"
        reason = f", {clause.reason}" if clause.reason else ""
        self.stdout.write(f"{INDENT * depth}{label} → {clause.verdict}{reason}")
        for child in () if clause.is_single else clause.children:
            self._print(child, depth + 1)


def _stored(options: dict[str, Any]) -> tuple[str, bytes]:
    found = find_event(chosen_account(options["account"]).pk, options["event"])
    if found is None:
        raise CommandError(f"There is no stored event {options['event']} in this account.")
    return found.event_type, bytes(found.object)


def _given(options: dict[str, Any]) -> tuple[str, bytes]:
    """The type, and the object; nothing stands for the catalogue's example."""
    if not options["type"]:
        raise CommandError("Say the event type with --type, or a stored event with --event.")
    if not options["file"]:
        return options["type"], b""
    try:
        data = orjson.loads(sys.stdin.read() if options["file"] == "-" else Path(options["file"]).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise CommandError(f"{options['file']} is no JSON file: {error}") from None
    # A whole event has its object inside.
    inner = data.get("object") if isinstance(data, dict) and "event_type" in data else data
    return options["type"], orjson.dumps(inner)
