"""A Datadog that answers as it is told, and remembers the records it took."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from accounts.models import Account
from common import payloads
from common.ids import new_id
from delivery.drain import drain
from delivery.models import Delivery, Tally
from delivery.route import route_account
from destinations.models import Destination
from tests.factories import HTTP, make_event, make_subscription

Answer = Callable[[list[dict[str, Any]]], Response]
Carry = Callable[[Account], None]


def accept(_: list[dict[str, Any]]) -> Response:
    return Response("{}", status=202, content_type="application/json")


def answer(status: int, body: str = "{}", **headers: str) -> Answer:
    return lambda _: Response(body, status=status, headers=headers, content_type="application/json")


@dataclass
class FakeDatadog:
    """`answers` are used up one by one; after them everything is accepted."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[list[dict[str, Any]]] = field(default_factory=list)
    arrived: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        entries = json.loads(gzip.decompress(request.get_data()))
        self.requests.append([entry["event"] for entry in entries])
        response = (self.answers.pop(0) if self.answers else accept)(self.requests[-1])
        if response.status_code == 202:
            self.arrived += self.requests[-1]
        return response

    @property
    def event_ids(self) -> list[str]:
        return [record["event_id"] for record in self.arrived]


@pytest.fixture
def datadog(httpserver: HTTPServer, settings: Settings) -> Iterator[FakeDatadog]:
    settings.DEMO = True
    settings.DEMO_DATADOG_URL = httpserver.url_for("").rstrip("/")
    fake = FakeDatadog()
    httpserver.expect_request("/api/v2/logs", method="POST").respond_with_handler(fake)
    httpserver.expect_request("/api/v1/validate", method="GET").respond_with_json({"valid": True})
    yield fake
    httpserver.check_assertions()


@pytest.fixture
def carry(db: None) -> Carry:
    """Route and drain as the workers would, once."""

    def run(account: Account) -> None:
        route_account(account.pk)
        for destination in Destination.objects.filter(account=account):
            while drain(destination.pk).is_more:
                pass

    return run


@pytest.fixture
def held(db: None) -> Callable[..., Delivery]:
    """A delivery that waits for a destination since an hour, without having been routed."""

    def make(destination: Destination, count: int, **fields: Any) -> Delivery:
        subscription = destination.subscriptions.first() or make_subscription(destination.account, destination)
        routed_at = fields.pop("routed_at", timezone.now() - timedelta(hours=1))
        stamp = routed_at.isoformat()
        records = [make_event(event_id=new_id("ev"), event_timestamp=stamp) for _ in range(count)]
        ndjson = b"".join(json.dumps(record).encode() + b"\n" for record in records)
        delivery = Delivery.objects.create(
            account=destination.account,
            subscription=subscription,
            revision=subscription.revision,
            destination=destination,
            routed_at=routed_at,
            count=count,
            bytes=len(ndjson),
            types={HTTP: count},
            payload=payloads.compress(ndjson),
            **fields,
        )
        Tally.objects.create(
            account=destination.account,
            minute=routed_at.replace(second=0, microsecond=0),
            subscription=subscription,
            revision=subscription.revision,
            destination=destination,
            event_type=HTTP,
            fan_out=count,
        )
        return delivery

    return make
