"""An account with 1,000 subscriptions, 1,000 destinations and ten million delivered events, written by SQL.

Ten days of requests of 100 events, each matched by five subscriptions that take twenty events of it. Payloads are kept
for a day, so that only the newest requests, which are published as any other, have one. One destination gets a part
of every request; another has been blocked for two days, and its records wait.
"""

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

REQUESTS = 100_000
SPAN_SECONDS = 10 * 86_400
SUBSCRIPTIONS = 1000
PARTS = 5
PART_EVENTS = 20
BLOCKED_FOR = 2 * 86_400
BLOCKED_NUMBER = 1
NEWEST_REQUESTS = 20

# Which subscription takes the part `part` of the request `request`: the first two take a part of each.
SUBSCRIPTION = f"""CASE WHEN part < 2 THEN part ELSE mod(request * 7 + part * 97, {SUBSCRIPTIONS}) END"""
DELIVERIES = f"""
CREATE TEMPORARY TABLE part AS
SELECT request * {PARTS} + part AS id, request, {SUBSCRIPTION} AS number,
  to_timestamp(%(start)s + request * {SPAN_SECONDS / REQUESTS}) AS at,
  {SUBSCRIPTION} = {BLOCKED_NUMBER} AND request * {SPAN_SECONDS / REQUESTS} > {SPAN_SECONDS - BLOCKED_FOR} AS waits,
  (mod(request * {PARTS} + part, 50) = 7)::int AS dead
FROM generate_series(1, {REQUESTS}) AS request, generate_series(0, {PARTS - 1}) AS part;

INSERT INTO delivery_routing (id, account_id, configuration_version, routed_at, batches, events)
SELECT DISTINCT ON (request) request, %(account)s, 1, at, 1, {PARTS * PART_EVENTS} FROM part;

INSERT INTO delivery_delivery (id, account_id, routing_id, subscription_id, revision, destination_id, origin, routed_at,
  count, bytes, types, payload, delivered_count, dead_count, discarded_count, moved_count, state, attempts,
  next_attempt_at, settled_at, lease_token)
SELECT part.id, %(account)s, request, subscription.pk, 1, destination.pk, 'routing', at, {PART_EVENTS}, 9600,
  json_build_object(subscription.type, {PART_EVENTS}), CASE WHEN waits THEN %(payload)s::bytea END,
  CASE WHEN waits THEN 0 ELSE {PART_EVENTS} - dead END, CASE WHEN waits THEN 0 ELSE dead END, 0, 0,
  CASE WHEN waits THEN 'waiting' WHEN dead > 0 THEN 'dead' ELSE 'delivered' END, 1, at,
  CASE WHEN NOT waits THEN at + interval '300 ms' END, ''
FROM part JOIN subscription USING (number) JOIN destination USING (number) ORDER BY part.id;

INSERT INTO delivery_attempt (id, destination_id, destination_revision, started_at, duration_ms, outcome, code, message,
  request_id, records, bytes)
SELECT part.id, destination.pk, 1, at + interval '100 ms', 20 + mod(part.id, 180),
  CASE WHEN waits THEN 'configuration' WHEN dead > 0 THEN 'partial' ELSE 'delivered' END,
  CASE WHEN waits THEN '403' ELSE '' END, '', 'request-' || part.id, {PART_EVENTS}, 4800
FROM part JOIN destination USING (number) ORDER BY part.id;

INSERT INTO delivery_attemptpart (id, attempt_id, delivery_id, first, last, delivered, dead, retried)
SELECT id, id, id, 0, {PART_EVENTS - 1}, CASE WHEN waits THEN 0 ELSE {PART_EVENTS} - dead END,
  CASE WHEN waits THEN 0 ELSE dead END, CASE WHEN waits THEN {PART_EVENTS} ELSE 0 END
FROM part ORDER BY id;

INSERT INTO delivery_deadletter (account_id, delivery_id, destination_id, subscription_id, position, event_id,
  event_type, code, reason, payload, died_at)
SELECT %(account)s, part.id, destination.pk, subscription.pk, 0, batch.first_event_id, subscription.type,
  (ARRAY['413', 'InvalidRecord', 'Expired'])[1 + mod(part.id, 3)], 'Larger than the service takes.', %(record)s::bytea,
  at
FROM part JOIN subscription USING (number) JOIN destination USING (number)
JOIN events_eventbatch batch ON batch.id = request
WHERE dead > 0 AND NOT waits;

INSERT INTO delivery_routedbatch (event_batch_id, routing_id, position, outcome, is_undecided)
SELECT request, request, 0, json_agg(json_build_object('subscription', subscription.pk, 'revision', 1,
  'types', json_build_array(subscription.type), 'of_types', 50, 'matched', {PART_EVENTS},
  'matched_bits', '//8PAAAAAAAAAAAAAA==', 'errors', json_build_array(), 'undecided', 0,
  'undecided_types', json_build_array())), false
FROM part JOIN subscription USING (number) GROUP BY request ORDER BY request;
"""
COUNTS = "matched, filtered, undecided, fan_out, delivered, dead, discarded, moved"
TALLIES = f"""
WITH moment AS (
  SELECT *, to_timestamp(floor(extract(epoch FROM at) / ({{span}} * 60)) * {{span}} * 60) AS minute FROM part
  WHERE {{bounds}}
)
INSERT INTO delivery_tally (account_id, minute, subscription_id, revision, destination_id, origin, event_type, span,
  {COUNTS})
SELECT %(account)s, minute, subscription.pk, 1, way.destination, 'routing', type, {{span}},
  CASE WHEN way.destination IS NULL THEN count(*) * {PART_EVENTS} ELSE 0 END,
  CASE WHEN way.destination IS NULL THEN count(*) * {50 - PART_EVENTS} ELSE 0 END, 0,
  CASE WHEN way.destination IS NULL THEN 0 ELSE count(*) * {PART_EVENTS} END,
  CASE WHEN way.destination IS NULL THEN 0 ELSE sum(CASE WHEN waits THEN 0 ELSE {PART_EVENTS} - dead END) END,
  CASE WHEN way.destination IS NULL THEN 0 ELSE sum(CASE WHEN waits THEN 0 ELSE dead END) END, 0, 0
FROM moment JOIN subscription USING (number) JOIN destination USING (number)
CROSS JOIN LATERAL (VALUES (NULL), (destination.pk)) AS way (destination)
GROUP BY minute, subscription.pk, way.destination, type ORDER BY minute
"""
ACCOUNT_TALLIES = f"""
INSERT INTO delivery_accounttally (account_id, minute, {COUNTS})
SELECT account_id, minute, {", ".join(f"sum({name})" for name in COUNTS.split(", "))} FROM delivery_tally
WHERE account_id = %(account)s AND span > 1 GROUP BY account_id, minute
"""
SEQUENCES = ("delivery_routing", "delivery_delivery", "delivery_attempt", "delivery_attemptpart", "events_eventbatch")


@dataclass(frozen=True, slots=True)
class Large:
    """The account, and who looks at it."""

    account: Any
    person: Any


def seed() -> Large:
    """In an empty database, within a few minutes."""
    from accounts.models import Account, Role, User
    from tests.factories import make_member

    account = Account.objects.create(
        name="Large", payload_retention_days=1, max_subscriptions=10_000, max_destinations=10_000
    )
    User.objects.create_superuser("staff@example.com", "unused")
    person = make_member(account, "owner@example.com", Role.OWNER)
    start = time.time() - SPAN_SECONDS
    for step in (_make_parties, _copy_requests, _write_deliveries, _write_tallies, _publish_newest):
        began = time.monotonic()
        step(account, start)
        sys.stderr.write(f"{step.__name__.strip('_')}: {time.monotonic() - began:.0f} s\n")
    _settle()
    return Large(account, person)


def _make_parties(account: Any, start: float) -> None:
    """One source a subscription; every event type has about twenty. Each tenth has two destinations."""
    from accounts.audit import SYSTEM
    from destinations.models import Destination
    from events.catalog import catalog
    from subscriptions.models import Revision, Source, Subscription
    from tests.factories import make_destination, make_subscription

    types = list(catalog())
    place, each = make_destination(account), make_subscription(account)
    snapshot = each.revisions.get().snapshot
    places = [
        Destination(account=account, target="datadog", config=place.config, secrets=place.secrets,
                    description=f"Destination {number:04}", last_attempt_at=place.created_at)
        for number in range(SUBSCRIPTIONS)
    ]  # fmt: skip
    places[1].state, places[1].error_code, places[1].error_message = "blocked", "403", "Datadog refused the API key."
    Destination.objects.bulk_create(places)
    subscriptions = [Subscription(account=account, description=f"Edge {n:04}") for n in range(SUBSCRIPTIONS)]
    Subscription.objects.bulk_create(subscriptions)
    Source.objects.bulk_create(
        Source(subscription=each, event_type=types[number % len(types)]) for number, each in enumerate(subscriptions)
    )
    Revision.objects.bulk_create(
        Revision(subscription=each, number=1, snapshot=snapshot, actor=SYSTEM.as_principal()) for each in subscriptions
    )
    through = Subscription.destinations.through
    wanted = [(number, number) for number in range(SUBSCRIPTIONS)]
    wanted += [(number, (number + 1) % SUBSCRIPTIONS) for number in range(0, SUBSCRIPTIONS, 10)]
    through.objects.bulk_create(
        through(subscription=subscriptions[first], destination=places[second]) for first, second in wanted
    )
    place.delete()


def _copy_requests(account: Any, start: float) -> None:
    from django.db import connection

    columns = (
        "id, account_id, publisher, accepted_at, count, bytes, first_event_id, last_event_id, types, encoding,"
        " routed_at"
    )
    with connection.cursor() as cursor:
        # Without the foreign keys being checked row by row: they are right.
        cursor.execute("SET synchronous_commit = off; SET session_replication_role = replica")
        with cursor.copy(f"COPY events_eventbatch ({columns}) FROM STDIN") as copy:
            for row in _requests(account.pk, start):
                copy.write_row(row)
        cursor.execute("ANALYZE events_eventbatch")


def _requests(account_id: str, start: float) -> Iterator[tuple[Any, ...]]:
    from datetime import UTC, datetime

    from common.ids import KSUID_EPOCH, KSUID_LENGTH, base62

    numbers = random.Random(1)
    events = PARTS * PART_EVENTS
    for request in range(1, REQUESTS + 1):
        at = start + request * SPAN_SECONDS / REQUESTS
        first = (int(at - KSUID_EPOCH) << 128) + numbers.getrandbits(127)
        ids = [f"ev_{base62(value, KSUID_LENGTH)}" for value in (first, first + events - 1)]
        moment = datetime.fromtimestamp(at, UTC)
        types = f'{{"http_request_complete.v0": {events}}}'
        yield request, account_id, "pub_bench", moment, events, 96_000, *ids, types, "zstd", moment


def _write_deliveries(account: Any, start: float) -> None:
    from django.db import connection

    from common.payloads import compress

    payload = compress(b'{"event_type": "http_request_complete.v0", "object": {"conn": {"server_port": 443}}}\n' * 10)
    names = {"account": account.pk, "start": start, "payload": payload, "record": b'{"object": {}}'}
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE subscription AS SELECT substr(description, 6)::int AS number, s.id AS pk,"
            " event_type AS type FROM subscriptions_subscription s JOIN subscriptions_source ON subscription_id = s.id"
            " WHERE description LIKE 'Edge %'"
        )
        cursor.execute(
            "CREATE TEMPORARY TABLE destination AS SELECT substr(description, 13)::int AS number, id AS pk"
            " FROM destinations_destination"
        )
        for statement in DELIVERIES.split(";\n"):
            cursor.execute(statement, names)
            cursor.execute("ANALYZE part")


def _write_tallies(account: Any, start: float) -> None:
    """As delivery/rolling_up.py would have left them: deltas, then sums of quarters, then of hours."""
    from django.db import connection

    names = {"account": account.pk}
    with connection.cursor() as cursor:
        for span, bounds in (
            (1, "at >= now() - interval '2 hours'"),
            (15, "at < now() - interval '2 hours' AND at >= now() - interval '2 days'"),
            (60, "at < now() - interval '2 days'"),
        ):
            cursor.execute(TALLIES.format(span=span, bounds=bounds), names)
        cursor.execute(ACCOUNT_TALLIES, names)


def _publish_newest(account: Any, start: float) -> None:
    """These have payloads: pages that read events have some to read."""
    from django.db import connection

    from delivery.route import route_account
    from events.publishing import publish
    from events.simulator import generate

    with connection.cursor() as cursor:
        for table in SEQUENCES:
            cursor.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
    events = generate(seed=1)
    for _ in range(NEWEST_REQUESTS):
        publish(list(islice(events, PARTS * PART_EVENTS)), account=account)
    route_account(account.pk)


def _settle() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
