"""Taking events from the simulator."""

from datetime import UTC, datetime
from itertools import islice
from typing import Any

from events.simulator import generate

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
Event = dict[str, Any]


def take(count: int, **arguments: Any) -> list[Event]:
    given: dict[str, Any] = {"seed": 7, "start": START}
    return list(islice(generate(**given | arguments), count))
