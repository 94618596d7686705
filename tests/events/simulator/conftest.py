"""30,000 events, for all tests of a file."""

import pytest

from tests.events.simulator.taking import Event, take
from tests.factories import HTTP, TCP


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return take(30_000)


@pytest.fixture(scope="module")
def requests(events: list[Event]) -> list[Event]:
    return [event["object"] for event in events if event["event_type"] == HTTP]


@pytest.fixture(scope="module")
def closes(events: list[Event]) -> list[Event]:
    return [event["object"] for event in events if event["event_type"] == TCP]
