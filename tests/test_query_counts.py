"""Every page makes a bounded number of queries, and no more of them when there is more to show."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account, Invitation, Role
from delivery.models import Attempt, AttemptPart, Delivery, Tally
from delivery.replay import start_replay
from delivery.replay_scope import Wanted
from destinations.models import Destination, TestRun
from events.publishing import publish
from subscriptions.models import Draft, Subscription
from subscriptions.services import update_subscription
from tests.factories import (
    HTTP,
    make_api_key,
    make_dead_letter,
    make_destination,
    make_event,
    make_member,
    make_subscription,
)
from tests.world import PAGES, REPLAYED, World, make_world

# Of the dearest kind of page; each of the others has its own number below, when it is another than this.
MOST = 16
MOST_OF = {
    # Session, person and account in three; then what each part of it needs.
    "dashboard:overview": 18,
}


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return len(queries)


def add_rows(world: World, numbers: range) -> None:
    """More of everything that a page of the world may list."""
    account, subscription = world.account, world.subscription
    for count in numbers:
        place = make_destination(account, description=f"More {count}")
        other = make_subscription(account, place, world.destination, description=f"More {count}")
        for chosen, to in ((subscription, world.destination), (other, place)):
            _add_delivery(account, chosen, to, count)
        subscription.destinations.add(place)
        subscription = update_subscription(subscription=subscription, actor=SYSTEM, description=f"Now {count}")
        TestRun.objects.create(account=account, destination=world.destination, target="datadog", record=b"{}")
        Draft.objects.create(account=account)
        make_api_key(account)
        make_member(account, f"more{count}@acme.example", Role.EDITOR)
        Invitation.objects.create(
            account=account, email=f"asked{count}@acme.example", token_hash=f"{count}", expires_at=timezone.now()
        )
        publish([make_event(), make_event()], account=account)
        start_replay(Wanted(other, place, *REPLAYED), actor=SYSTEM)


def _add_delivery(account: Account, subscription: Subscription, destination: Destination, number: int) -> None:
    now = timezone.now()
    common = {"account": account, "subscription": subscription, "destination": destination, "revision": 1}
    states = list(Delivery.State.values)
    delivery = Delivery.objects.create(
        **common, routed_at=now, count=2, bytes=20, dead_count=1, delivered_count=1, state=states[number % len(states)]
    )
    attempt = Attempt.objects.create(
        destination=destination, destination_revision=1, started_at=now, duration_ms=5, outcome="partial", records=2,
        bytes=20,
    )  # fmt: skip
    AttemptPart.objects.create(attempt=attempt, delivery=delivery, first=0, last=1, delivered=1, dead=1)
    make_dead_letter(delivery, code=f"4{number:02}", payload=b"{}")
    Tally.objects.create(**common, minute=now, event_type=HTTP, fan_out=2, delivered=1, dead=1)


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_a_page_makes_few_queries_and_no_more_when_there_is_more_to_show(
    account: Account, owner_client: Client, name: str, route: str
) -> None:
    world = make_world(account)
    address = reverse(name, kwargs=world.arguments(name, route))
    add_rows(world, range(2))
    few = queries_of(owner_client, address)

    add_rows(world, range(2, 8))
    many = queries_of(owner_client, address)

    assert many <= few, f"{few} queries became {many}."
    assert many <= MOST_OF.get(name, MOST), many
