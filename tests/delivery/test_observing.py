import re

import pytest
from django.db import DatabaseError
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.audit import SYSTEM
from accounts.models import Account
from common import wake
from delivery import observing
from destinations.services import pause_destination
from events.publishing import publish
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import make_api_key, make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db


def figure(client: Client, name: str) -> float:
    text = client.get("/metrics").content.decode()
    found = re.search(rf"^event_subscriptions_{re.escape(name)} ([0-9.e+-]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_counters_follow_events_from_acceptance_to_their_end(
    account: Account, client: Client, datadog: FakeDatadog, carry: Carry
) -> None:
    make_subscription(account, make_destination(account))
    names = [
        "accepted_events_total",
        "routed_events_total",
        'delivered_records_total{target="datadog"}',
        'dead_records_total{target="datadog"}',
        'attempts_total{outcome="delivered",target="datadog"}',
        'attempts_total{outcome="refused",target="datadog"}',
        'delivery_seconds_count{target="datadog"}',
        'refused_events_total{code="unknown_type"}',
    ]
    before = [figure(client, name) for name in names]
    datadog.answers = [answer(202), answer(400)]
    for number in (3, 1):
        publish([make_event() for _ in range(number)], account=account)
        carry(account)
    unknown = make_event("nothing.v0")
    refused = client.post(
        "/api/events", unknown, "application/json", headers={"Authorization": f"Bearer {make_api_key(account)}"}
    )
    assert refused.status_code == 400

    after = [figure(client, name) for name in names]

    assert [new - old for new, old in zip(after, before, strict=True)] == [4, 4, 3, 1, 1, 1, 2, 1]


def test_gauges_tell_what_waits(account: Account, client: Client, datadog: FakeDatadog, carry: Carry) -> None:
    destination = make_destination(account)
    make_subscription(account, destination)
    pause_destination(destination=destination, user=None, actor=SYSTEM)
    publish([make_event(), make_event()], account=account)
    assert figure(client, "unrouted_events") == 2
    carry(account)

    assert figure(client, "unrouted_events") == 0
    assert figure(client, 'waiting_records{state="paused"}') == 2
    assert 0 < figure(client, 'oldest_waiting_seconds{state="paused"}') < 60
    assert figure(client, 'destinations{state="paused",target="datadog"}') == 1
    assert figure(client, "database_bytes") > 10_000


def test_metrics_are_for_loopback_or_whoever_has_the_token(client: Client, settings: Settings) -> None:
    far = "203.0.113.9"
    assert client.get("/metrics", REMOTE_ADDR=far).status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403
    settings.METRICS_TOKEN = "s3cret"

    assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}, REMOTE_ADDR=far).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert client.get("/metrics", REMOTE_ADDR=far).status_code == 403


def test_readiness_needs_the_database_and_only_mentions_the_queue(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    wake.connection.cache_clear()
    answered = client.get("/readyz")
    assert (answered.status_code, answered.json()) == (200, {"database": "ok", "queue": "unavailable"})
    wake.connection.cache_clear()

    class Broken:
        def cursor(self) -> None:
            raise DatabaseError("gone")

    monkeypatch.setattr(observing, "connection", Broken())

    assert client.get("/readyz").status_code == 503
