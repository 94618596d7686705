"""Accounts with many destinations, and what comes of them."""

from typing import Any

from redis import Redis

from accounts.models import Account
from delivery.models import Delivery
from delivery.route import route_account
from destinations.models import Destination
from events.publishing import publish
from tests.factories import make_destination, make_event, make_subscription


def make_destinations(account: Account, number: int) -> list[Destination]:
    made = [make_destination(account, description=f"Datadog {index}") for index in range(number)]
    for destination in made:
        make_subscription(account, destination)
    return made


def publish_and_route(account: Account, events: int = 1) -> list[str]:
    ids = list(publish([make_event() for _ in range(events)], account=account).event_ids)
    route_account(account.pk)
    return ids


def delivered(destination: Destination) -> int:
    return sum(Delivery.objects.filter(destination=destination).values_list("delivered_count", flat=True))


def in_line(redis: "Redis", queue: str = "drain") -> list[str]:
    line: Any = redis.zrange(f"ready:{queue}", 0, -1)
    return [pk.decode() for pk in line]


def keys(destinations: list[Destination]) -> list[str]:
    return [destination.pk for destination in destinations]
