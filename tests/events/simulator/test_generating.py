"""What the simulator yields: reproducible, in order, at its rate, of the types asked for."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest

from events.catalog import catalog
from events.catalog.validation import is_timestamp
from events.simulator import generate
from tests.events.simulator.taking import START, Event, take
from tests.factories import HTTP, TCP


def test_generate_is_reproducible_from_its_seed() -> None:
    assert take(3000) == take(3000)
    assert take(50) != take(50, seed=8)


def test_events_share_nothing_that_a_reader_could_change() -> None:
    changed = generate(seed=7, start=START)
    for event in islice(changed, 2000):
        ruin(event["object"])

    assert list(islice(changed, 2000)) == take(4000)[2000:]


def ruin(value: Any) -> None:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            ruin(item)
        value.clear()


def test_generate_begins_now_without_a_start() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)

    event = next(generate(seed=1, rate=1000))

    assert before <= datetime.fromisoformat(event["event_timestamp"]) < before + timedelta(seconds=60)


def test_generate_yields_what_a_publisher_sends(events: list[Event]) -> None:
    for event in events:
        assert list(event) == ["event_type", "event_timestamp", "principal", "object"]
        assert is_timestamp(event["event_timestamp"])
        assert len(event["event_timestamp"]) == len("2026-11-20T08:00:00.000Z")


def test_generate_yields_events_in_the_order_of_their_time(events: list[Event]) -> None:
    assert events[0]["event_timestamp"] >= "2026-11-20T08:00:00.000Z"
    assert all(first["event_timestamp"] <= second["event_timestamp"] for first, second in pairwise(events))


@pytest.mark.parametrize("rate", [5.0, 100.0, 3000.0])
@pytest.mark.parametrize("types", [None, {HTTP}, {TCP}, {TCP, "vault_created.v0"}, {"vault_created.v0"}])
def test_generate_keeps_its_rate(rate: float, types: set[str] | None) -> None:
    events = take(6000, rate=rate, types=types)

    ends = datetime.fromisoformat(events[-1]["event_timestamp"])
    assert 6000 / (ends - START).total_seconds() == pytest.approx(rate, rel=0.15)


def test_generate_yields_every_audit_type_and_a_hundredth_of_audit_events() -> None:
    counts = Counter(event["event_type"] for event in take(60_000))

    assert counts.keys() == catalog().keys()
    assert 1 - (counts[HTTP] + counts[TCP]) / 60_000 == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize("types", [{TCP}, {HTTP, TCP}, {"api_key_created.v0", HTTP}])
def test_generate_yields_only_the_types_asked_for(types: set[str]) -> None:
    assert {event["event_type"] for event in take(3000, types=types)} == types


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"types": {"http_request.v0"}}, "There is no event type 'http_request.v0'."),
        ({"types": set()}, "at least one event type"),
        ({"rate": 0}, "not 0"),
        ({"rate": float("nan")}, "not nan"),
        ({"start": datetime(2026, 11, 20)}, "time zone"),  # noqa: DTZ001  what is refused
    ],
)
def test_generate_refuses_wrong_arguments_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(seed=1, **arguments)
