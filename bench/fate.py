"""How long it takes to tell what became of one event, however many are stored.

    python -m bench.fate [--events 10000000] [--server postgresql://postgres@127.0.0.1:5432/postgres]

Makes a database there and fills it as routing and draining would: requests of 1,000 events, runs of 100 requests, calls
of 500 records. Payloads are left out, because nothing reads them. Prints figures and the plan of each query.
"""

import base64
import os
import random
import statistics
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

import psycopg

from bench.stages import HTTP, configure

REQUEST_EVENTS = 1000
RUN_BATCHES = 100
CALL_RECORDS = 500
LOOKED_UP = 500


def fill(account: Any, subscription: Any, destination: Any, events: int) -> None:
    """Of every request every second event matched and was delivered."""
    from django.utils import timezone

    now = timezone.now()
    outcome = _outcome(subscription)
    for _ in range(events // REQUEST_EVENTS // RUN_BATCHES):
        routing = _route(account, outcome, now)
        _deliver(routing, subscription, destination, RUN_BATCHES * outcome["matched"], now)


def _outcome(subscription: Any) -> dict[str, Any]:
    """As routing keeps it of a request."""
    from common import bitmap

    matched = range(0, REQUEST_EVENTS, 2)
    return {
        "subscription": subscription.pk,
        "revision": 1,
        "types": [HTTP],
        "of_types": REQUEST_EVENTS,
        "matched": len(matched),
        "matched_bits": base64.b64encode(bitmap.from_positions(list(matched), REQUEST_EVENTS)).decode(),
        "errors": [],
        "undecided": 0,
        "undecided_types": [],
    }


def _route(account: Any, outcome: dict[str, Any], now: Any) -> Any:
    """A run over requests that all came to the same."""
    from delivery.models import RoutedBatch, Routing
    from events.models import EventBatch

    routing = Routing.objects.create(
        account=account, configuration_version=1, batches=RUN_BATCHES, events=RUN_BATCHES * REQUEST_EVENTS
    )
    batches = EventBatch.objects.bulk_create(_batch(account, now) for _ in range(RUN_BATCHES))
    RoutedBatch.objects.bulk_create(
        RoutedBatch(event_batch=batch, routing=routing, position=position, outcome=[outcome])
        for position, batch in enumerate(batches)
    )
    return routing


def _deliver(routing: Any, subscription: Any, destination: Any, count: int, now: Any) -> None:
    """The run's records, and the calls that took them."""
    from delivery.models import Attempt, AttemptPart, Delivery

    delivery = Delivery.objects.create(
        account=subscription.account, routing=routing, subscription=subscription, revision=1,
        destination=destination, routed_at=now, count=count, bytes=1, types={HTTP: count}, delivered_count=count,
        state="delivered", attempts=count // CALL_RECORDS, settled_at=now,
    )  # fmt: skip
    calls = Attempt.objects.bulk_create(
        Attempt(destination=destination, destination_revision=1, started_at=now, duration_ms=5,
                outcome="delivered", code="200", records=CALL_RECORDS, bytes=1)
        for _ in range(0, count, CALL_RECORDS)
    )  # fmt: skip
    AttemptPart.objects.bulk_create(
        AttemptPart(attempt=call, delivery=delivery, first=number * CALL_RECORDS,
                    last=(number + 1) * CALL_RECORDS - 1, delivered=CALL_RECORDS)
        for number, call in enumerate(calls)
    )  # fmt: skip


def _batch(account: Any, now: Any) -> Any:
    from common.ids import new_ids
    from events.models import EventBatch

    ids = new_ids("ev", REQUEST_EVENTS)
    return EventBatch(
        account=account, publisher="bench", accepted_at=now, count=REQUEST_EVENTS, bytes=1, first_event_id=ids[0],
        last_event_id=ids[-1], types={HTTP: REQUEST_EVENTS}, encoding="zstd", routed_at=now,
    )  # fmt: skip


def look_up(account: Any) -> tuple[list[float], Counter[str]]:
    """Milliseconds of each look-up, and the fates that were found."""
    from delivery.fate import fate_of
    from events.models import EventBatch

    draw = random.Random(1)
    first_ids = list(EventBatch.objects.order_by("?").values_list("first_event_id", "last_event_id")[:LOOKED_UP])
    took, found = [], Counter[str]()
    for ids in first_ids:
        started = time.perf_counter()
        fate = fate_of(account, draw.choice(ids))
        took.append((time.perf_counter() - started) * 1000)
        found.update(each.state.value for each in (fate.fates if fate else []))
    return took, found


def plans(account: Any) -> list[str]:
    """Of the queries of one look-up, as PostgreSQL ran them."""
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    from delivery.fate import fate_of
    from events.models import EventBatch

    reset_queries()
    first = EventBatch.objects.order_by("?").values_list("first_event_id", flat=True)[0]
    with CaptureQueriesContext(connection) as captured:
        fate_of(account, first)
    found = []
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {query['sql']}")
            found.append("\n".join(line for (line,) in cursor.fetchall()))
    return found


def main() -> None:
    parser = ArgumentParser(description="Time the fate of events.")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--server", default="postgresql://postgres@127.0.0.1:5432/postgres")
    options = parser.parse_args()
    name = "bench_fate"
    with psycopg.connect(options.server, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        os.environ["BENCH_DATABASE_URL"] = options.server.rpartition("/")[0] + "/" + name
        configure()
        _measure(options.events)
    finally:
        with psycopg.connect(options.server, autocommit=True) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _measure(events: int) -> None:
    from django.db import connection

    from tests.factories import make_account, make_destination, make_subscription

    account = make_account()
    destination = make_destination(account)
    fill(account, make_subscription(account, destination), destination, events)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    look_up(account)
    took, found = look_up(account)
    percentiles = statistics.quantiles(took, n=100)
    sys.stdout.write("\n\n".join(plans(account)) + "\n\n")
    sys.stdout.write(
        f"{events:,} events: p50 {percentiles[49]:.1f} ms, p99 {percentiles[98]:.1f} ms of {len(took)} look-ups; "
        f"{dict(found)}\n"
    )
    connection.close()


if __name__ == "__main__":
    main()
