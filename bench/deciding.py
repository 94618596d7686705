"""What deciding costs for each event, from the compressed batch to record lines: `make bench`.

CPU time on one core, median of several rounds over batches of 1,000 complete events. A subscription takes the half
that its filter of two clauses lets pass, with 12 of 35 fields; then a hundred such subscriptions.
"""

import sys
from typing import TYPE_CHECKING

import orjson

from bench.filters import HTTP, PROJECTED, configure, microseconds, sample_event

if TYPE_CHECKING:
    from events.models import EventBatch
    from subscriptions.plan import Plan

EVENTS = 1000
FILTER = 'ev.conn.server_port == 443 && ev.conn.server_name.startsWith("api{}")'


def batch() -> "EventBatch":
    from common import payloads
    from events.envelope import encode_lines, from_dict
    from events.models import EventBatch

    events = []
    for number in range(EVENTS):
        picked = orjson.loads(sample_event())
        picked["conn"] |= {"server_port": 443 if number % 2 else 80, "server_name": f"api{number}.example.com"}
        whole = {"event_type": HTTP, "event_timestamp": "2026-11-20T14:02:07.118Z", "object": picked}
        events.append(from_dict(whole, event_id=f"ev_{number:027}", account_id="ac_bench"))
    blob = payloads.compress(encode_lines(events))
    return EventBatch(count=EVENTS, types={HTTP: EVENTS}, encoding=EventBatch.Encoding.ZSTD, payload=blob)


def plan(subscriptions: int) -> "Plan":
    """Each with a filter of its own: all but the first take a tenth of the events."""
    from events.catalog import catalog
    from events.filters import compile_filter
    from events.projection import compile_projection
    from subscriptions.plan import PlannedSource, PlannedSubscription, plan_of

    projection = compile_projection(catalog()[HTTP], PROJECTED)
    sources = [
        PlannedSource(
            PlannedSubscription(f"esb_{number}", 1, ("ed_1",)),
            HTTP,
            compile_filter(FILTER.format(number % 10 if number else ""), catalog()[HTTP]),
            projection,
        )
        for number in range(subscriptions)
    ]
    return plan_of(1, {HTTP: sources})


def main() -> None:
    configure()
    from delivery.decide import decide

    batches = [batch()]
    alone, many = (
        microseconds(lambda made=made: decide("ac_bench", made, batches)) / EVENTS  # type: ignore[misc]
        for made in (plan(1), plan(101))
    )
    sys.stdout.write(f"deciding, one subscription  {alone:6.2f} µs an event\n")
    sys.stdout.write(f"each further subscription   {(many - alone) / 100:6.2f} µs an event\n")


if __name__ == "__main__":
    main()
