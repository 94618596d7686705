"""The figure beside "Dead letters" in the navigation: of those that were not sent again, and never dear."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from common.ids import new_id
from delivery.models import DeadLetter, Delivery
from tests.factories import HTTP, make_account, make_destination

INDEX = "dead_letter_not_sent_again"
CONDITION = '"replayed_as_id" IS NULL'


@pytest.fixture
def delivery(account: Account, held: Any) -> Delivery:
    found: Delivery = held(make_destination(account), 1)
    return found


def die(delivery: Delivery, count: int, **fields: Any) -> None:
    start = DeadLetter.objects.count()
    common = {
        "account_id": delivery.account_id,
        "delivery": delivery,
        "destination_id": delivery.destination_id,
        "subscription_id": delivery.subscription_id,
        "event_type": HTTP,
        "code": "413",
        "reason": "Refused.",
        "payload": b"{}",
        **fields,
    }
    DeadLetter.objects.bulk_create(
        DeadLetter(position=start + number, event_id=new_id("ev"), **common) for number in range(count)
    )


def link_of(client: Client) -> str:
    """What the link in the bar holds, of which there is a second in the menu of small screens."""
    page = client.get("/settings/").content.decode()
    links = [
        part.partition("</a>")[0].rpartition("Dead letters")[2] for part in page.split('href="/dead-letters/"')[1:]
    ]
    assert len(links) == 2
    assert links[0] == links[1]
    return links[0].strip()


def test_none_shows_nothing(owner_client: Client, account: Account) -> None:
    assert link_of(owner_client) == ""


def test_those_not_sent_again_are_counted_and_said(owner_client: Client, delivery: Delivery) -> None:
    die(delivery, 3)
    die(delivery, 2, replayed_as=delivery)

    assert link_of(owner_client) == '<span class="count">3<span class="hidden"> not sent again</span></span>'


def test_of_very_many_it_says_no_more_than_that(owner_client: Client, delivery: Delivery) -> None:
    die(delivery, 99)
    assert link_of(owner_client).startswith('<span class="count">99<')

    die(delivery, 1)
    assert link_of(owner_client).startswith('<span class="count">99+<')


def test_anothers_are_not_counted(owner_client: Client, account: Account, held: Any) -> None:
    die(held(make_destination(make_account(name="Other")), 1), 3)

    assert link_of(owner_client) == ""


def asked(client: Client, address: str, **headers: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address, headers=headers).status_code == 200
    return [each["sql"] for each in queries.captured_queries if CONDITION in each["sql"] and "LIMIT" in each["sql"]]


def test_a_page_asks_once_and_for_no_more_than_it_shows(owner_client: Client, delivery: Delivery) -> None:
    die(delivery, 150)

    [query] = asked(owner_client, "/settings/")

    assert "LIMIT 100" in query


def test_a_part_of_a_page_does_not_ask(owner_client: Client, delivery: Delivery) -> None:
    assert asked(owner_client, "/deliveries/", **{"HX-Request": "true"}) == []


def test_it_is_read_from_an_index_of_these_alone(owner_client: Client, delivery: Delivery, held: Any) -> None:
    # Few of many: else another way is as short.
    die(held(make_destination(make_account(name="Other")), 1), 2000)
    die(delivery, 5, replayed_as=delivery)
    die(delivery, 10)
    [query] = asked(owner_client, "/settings/")

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE delivery_deadletter")
            cursor.execute(f"EXPLAIN {query}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {query}")
        plan = "\n".join(str(row) for row in cursor.fetchall())

    assert INDEX in plan


@pytest.mark.parametrize(
    "address", ["/", "/subscriptions/esb_missing/", "/catalogue/", "/subscriptions/", "/settings/people/"]
)
def test_it_is_on_every_page_with_the_navigation(
    owner_client: Client, owner: User, delivery: Delivery, address: str
) -> None:
    die(delivery, 7)

    assert '<span class="count">7<span class="hidden"> not sent again' in owner_client.get(address).content.decode()
