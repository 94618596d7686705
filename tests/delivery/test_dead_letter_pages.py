"""Dead letters by reason, out as a file, and many sent again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Account
from common.ids import new_id
from delivery.models import DeadLetter, Delivery
from destinations.doctor.causes import find
from destinations.models import Destination
from tests.factories import HTTP, make_account, make_dead_letter, make_destination

Die = Callable[..., DeadLetter]


@pytest.fixture
def die(held: Any) -> Die:
    """One more dead letter of a destination."""
    deliveries: dict[str, Delivery] = {}

    def make(destination: Destination, code: str = "413", **fields: Any) -> DeadLetter:
        delivery = deliveries.get(destination.pk) or deliveries.setdefault(destination.pk, held(destination, 1))
        event_id = new_id("ev")
        wanted = {
            "position": 100 + DeadLetter.objects.count(),
            "event_id": event_id,
            "reason": f"Refused with {code}.",
            "payload": json.dumps({"event_id": event_id, "event_type": HTTP, "object": {}}).encode(),
            **fields,
        }
        return make_dead_letter(delivery, code=code, **wanted)

    return make


def page_of(response: Any) -> str:
    return str(response.content.decode())


def test_letters_are_counted_by_reason_and_destination(
    owner_client: Client, account: Account, destination: Destination, die: Die
) -> None:
    other = make_destination(account, description="Other")
    for code, place in [("413", destination), ("413", destination), ("expired", destination), ("413", other)]:
        die(place, code)

    reasons = owner_client.get("/dead-letters/").context["reasons"]
    of_one = owner_client.get(f"/destinations/{other.pk}/dead-letters/")

    assert [(group["code"], group["destination"], group["number"]) for group in reasons] == [
        ("413", destination, 2),
        ("413", other, 1),
        ("expired", destination, 1),
    ]
    assert [letter.destination for letter in of_one.context["page"].rows] == [other]


def test_letters_are_narrowed_to_a_reason(owner_client: Client, destination: Destination, die: Die) -> None:
    die(destination, "413")
    wanted = die(destination, "expired")

    rows = owner_client.get("/dead-letters/?reason=expired").context["page"].rows

    assert rows == [wanted]
    assert "Clear filters" in page_of(owner_client.get("/dead-letters/?reason=unheard"))


def test_all_of_a_reason_are_sent_again_after_the_count(
    owner_client: Client, destination: Destination, die: Die
) -> None:
    for _ in range(3):
        die(destination, "413")
    die(destination, "expired")
    query = {"reason": "413", "destination": destination.pk}

    assert "Send 3 dead letters again?" in page_of(owner_client.get("/dead-letters/replay/", query))
    response = owner_client.post("/dead-letters/replay/", query, follow=True)

    assert "3 records are sent again." in page_of(response)
    assert DeadLetter.objects.filter(replayed_as=None).get().code == "expired"


def test_ticked_letters_are_sent_again_to_another_destination(
    owner_client: Client, account: Account, destination: Destination, die: Die
) -> None:
    other = make_destination(account, description="Other")
    first, second = die(destination), die(destination)
    die(destination)

    owner_client.post("/dead-letters/replay/", {"letter": [first.pk, second.pk], "to": other.pk})

    replayed = Delivery.objects.get(destination=other)
    assert replayed.count == 2
    assert DeadLetter.objects.filter(replayed_as=replayed).count() == 2


def test_letters_are_not_sent_to_a_foreign_destination(
    owner_client: Client, destination: Destination, die: Die
) -> None:
    foreign = make_destination(make_account(name="Foreign"))
    letter = die(destination)

    response = owner_client.post("/dead-letters/replay/", {"letter": letter.pk, "to": foreign.pk}, follow=True)

    assert "There is no such destination" in page_of(response)
    assert not Delivery.objects.filter(destination=foreign).exists()


@pytest.mark.parametrize("query", [{}, {"letter": "x"}, {"reason": "413"}, {"letter": "9" * 30}])
def test_nothing_chosen_is_said_so(
    owner_client: Client, destination: Destination, die: Die, query: dict[str, str]
) -> None:
    die(destination)

    response = owner_client.get("/dead-letters/replay/", query, follow=True)

    assert "Choose the dead letters to send again" in page_of(response)


def test_what_was_sent_again_is_not_offered_twice(owner_client: Client, destination: Destination, die: Die) -> None:
    letter = die(destination)
    owner_client.post("/dead-letters/replay/", {"letter": letter.pk})

    page = page_of(owner_client.get("/dead-letters/replay/", {"letter": letter.pk}))

    assert "There is nothing left to send again" in page


def test_strangers_letters_stay_where_they_are(
    stranger_client: Client, viewer_client: Client, destination: Destination, die: Die
) -> None:
    letter = die(destination)

    stranger_client.post("/dead-letters/replay/", {"letter": letter.pk})
    assert viewer_client.post("/dead-letters/replay/", {"letter": letter.pk}).status_code == 403
    export = stranger_client.get("/dead-letters/export/")

    assert b"".join(export.streaming_content) == b""  # type: ignore[attr-defined]
    letter.refresh_from_db()
    assert letter.replayed_as is None


def test_letters_are_exported_as_ndjson_in_pieces(
    owner_client: Client, destination: Destination, die: Die, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.dead_letter_views.EXPORT_CHUNK", 2)
    letters = [die(destination) for _ in range(5)]
    die(destination, "expired")

    response = owner_client.get("/dead-letters/export/?reason=413")

    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]  # type: ignore[attr-defined]
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert "attachment" in response.headers["Content-Disposition"]
    assert [line["event_id"] for line in lines] == [letter.event_id for letter in letters]
    assert lines[0]["record"]["event_type"] == HTTP
    assert lines[0]["reason"] == "Refused with 413."


def test_the_list_costs_the_same_for_one_and_for_fifty(
    owner_client: Client, destination: Destination, die: Die, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(55):
        die(destination, f"code-{number}")

    with django_assert_max_num_queries(8):
        response = owner_client.get("/dead-letters/")

    assert len(response.context["page"].rows) == 50


def test_a_letter_says_what_the_error_table_says_of_its_code(
    owner_client: Client, destination: Destination, die: Die
) -> None:
    letter = die(destination, "record_too_large")
    row = find("datadog", "record_too_large")
    assert row is not None

    page = page_of(owner_client.get(letter.get_absolute_url()))

    for words in (row.cause, row.remedy, "Who acts"):
        assert words in page
    assert "Who acts" not in page_of(owner_client.get(die(destination, "of_no_table").get_absolute_url()))
