"""The stream of events in the order of their time: visits overlap, and now and then somebody changes a setting."""

import heapq
import math
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

from events.catalog import EventType, catalog
from events.simulator.audit import audit_event
from events.simulator.drawing import pick
from events.simulator.visits import HTTP, TCP, Visit

SHARE_AUDIT = 0.01
SAMPLED_VISITS = 3000
# Without visits that began earlier, a stream would begin with requests alone and no closed connections.
WARM_UP_SECONDS = 30
MAX_WARM_UP_EVENTS = 100_000


def generate(
    *, seed: int, types: Collection[str] | None = None, start: datetime | None = None, rate: float = 100.0
) -> Iterator[dict[str, Any]]:
    """Events without end, as a publisher sends them: event_type, event_timestamp, principal, object.

    From `start` on (now, if not given), on average `rate` events a second in their own time, of the given
    types or all; the same arguments give the same events. Raises ValueError for an unknown type, a rate that
    is not positive, or a start without time zone.
    """
    if unknown := sorted(set(types or ()) - catalog().keys()):
        raise ValueError(f"There is no event type {unknown[0]!r}.")
    if types is not None and not types:
        raise ValueError("There must be at least one event type.")
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"The rate must be a positive number of events a second, not {rate}.")
    begin = start or datetime.now(UTC)
    if begin.tzinfo is None:
        raise ValueError("The start must have a time zone.")
    wanted = frozenset(types or catalog())
    random = Random(seed)  # noqa: S311  reproducible on purpose  # nosec B311
    return _stream(random, wanted, int(begin.timestamp() * 1000), rate)


def _stream(random: Random, wanted: frozenset[str], begin: int, rate: float) -> Iterator[dict[str, Any]]:
    audit_types = [event_type for event_type in catalog().values() if _is_wanted_audit(event_type, wanted)]
    share, mean = _arrivals(wanted, has_audit=bool(audit_types))
    arrivals_per_ms = rate / mean / 1000
    clock = begin - 1000 * min(WARM_UP_SECONDS, MAX_WARM_UP_EVENTS / rate)
    visits: list[tuple[int, int, Visit]] = []
    number = 0
    while True:
        clock += random.expovariate(arrivals_per_ms)
        yield from _due(visits, clock, begin, wanted)
        number += 1
        if random.random() < share:  # nosec B311
            if clock >= begin:
                yield audit_event(random, pick(random.random, audit_types), int(clock))
        else:
            visit = Visit(random.random, int(clock))
            heapq.heappush(visits, (visit.due, number, visit))


def _due(
    visits: list[tuple[int, int, Visit]], clock: float, begin: int, wanted: frozenset[str]
) -> Iterator[dict[str, Any]]:
    while visits and visits[0][0] <= clock:
        due, number, visit = visits[0]
        event = None
        if due >= begin:
            event = visit.next_event()
        else:
            visit.skip_event()
        if visit.events_left:
            heapq.heapreplace(visits, (visit.due, number, visit))
        else:
            heapq.heappop(visits)
        if event is not None and event["event_type"] in wanted:
            yield event


def _is_wanted_audit(event_type: EventType, wanted: frozenset[str]) -> bool:
    return event_type.category == "audit" and event_type.name in wanted


def _arrivals(wanted: frozenset[str], *, has_audit: bool) -> tuple[float, float]:
    """The share of audit events among what arrives (they and visits), and the mean of events that an arrival brings."""
    requests, closes = _events_per_visit()
    per_visit = requests * (HTTP in wanted) + closes * (TCP in wanted)
    if not per_visit:
        return 1.0, 1.0
    if not has_audit:
        return 0.0, per_visit
    share = SHARE_AUDIT * per_visit / (1 - SHARE_AUDIT + SHARE_AUDIT * per_visit)
    return share, share + (1 - share) * per_visit


@cache
def _events_per_visit() -> tuple[float, float]:
    """Requests and closes that a visit brings on average, by trying: the tables settle it in too many ways."""
    draw = Random(0).random  # noqa: S311  nothing secret  # nosec B311
    events = sum(Visit(draw, 0).events_left for _ in range(SAMPLED_VISITS))
    return events / SAMPLED_VISITS - 1, 1.0
