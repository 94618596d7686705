"""Live events, and the page that tells what became of one."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Account
from events.publishing import publish
from subscriptions.services import SourceSpec
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import AUDIT, HTTP, TCP, make_destination, make_event, make_subscription

HTMX = {"HX-Request": "true"}


def port(number: int) -> dict[str, object]:
    return make_event(object={"conn": {"server_port": number, "server_name": f"<b>{number}</b>.acme.app"}})


def ids_of(response: object) -> list[str]:
    return [seen.event.event_id for seen in response.context["tail"].events]  # type: ignore[attr-defined]


def test_events_are_shown_newest_first_across_batches(owner_client: Client, account: Account) -> None:
    first = publish([make_event(), make_event()], account=account).event_ids
    second = publish([make_event(TCP)], account=account).event_ids

    response = owner_client.get("/events/")

    assert ids_of(response) == [second[0], first[1], first[0]]


def test_events_are_narrowed_by_type_and_filter(owner_client: Client, account: Account) -> None:
    publish([make_event(TCP), port(80)], account=account)
    wanted = publish([port(443)], account=account).event_ids

    response = owner_client.get("/events/", {"type": HTTP, "filter": "ev.conn.server_port == 443"})

    assert ids_of(response) == list(wanted)
    assert response.context["tail"].looked_at == 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"filter": "true"}, "Choose a type"),
        ({"type": HTTP, "filter": "ev.conn.server_nam == 1"}, "server_nam"),
        ({"type": HTTP, "filter": "((("}, "What is shown is not filtered"),
    ],
)
def test_a_bad_filter_says_why_and_stays(
    owner_client: Client, account: Account, query: dict[str, str], words: str
) -> None:
    publish([make_event()], account=account)

    response = owner_client.get("/events/", query)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert f'value="{query["filter"]}"' in response.content.decode()
    assert len(ids_of(response)) == 1


def test_the_tail_answers_nothing_new_until_something_comes(owner_client: Client, account: Account) -> None:
    publish([make_event()], account=account)
    version = owner_client.get("/events/").context["version"]

    assert owner_client.get(f"/events/?version={version}", headers=HTMX).status_code == 204
    publish([make_event()], account=account)
    fresh = owner_client.get(f"/events/?version={version}", headers=HTMX)

    assert fresh.status_code == 200
    assert "<html" not in fresh.content.decode()


def test_a_paused_tail_does_not_ask_again(owner_client: Client, account: Account) -> None:
    assert "every 2s" in owner_client.get("/events/").content.decode()
    assert "every 2s" not in owner_client.get("/events/?paused=1").content.decode()


def test_what_is_shown_of_an_event_is_escaped(owner_client: Client, account: Account) -> None:
    publish([port(443)], account=account)

    assert "<b>443</b>" not in owner_client.get("/events/").content.decode()


def test_the_look_back_is_bounded_in_queries(
    owner_client: Client, account: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(60):
        publish([make_event()], account=account)

    with django_assert_max_num_queries(8):
        assert len(ids_of(owner_client.get("/events/"))) == 50


def test_strangers_see_their_own_events_only(stranger_client: Client, client: Client, account: Account) -> None:
    event_id = publish([make_event()], account=account).event_ids[0]

    assert ids_of(stranger_client.get("/events/")) == []
    assert stranger_client.get(f"/events/{event_id}/").status_code == 404
    assert client.get(f"/events/{event_id}/").status_code == 302
    assert client.get("/events/").status_code == 302


def test_the_fate_of_an_event_names_every_subscription(
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    destination = make_destination(account)
    make_subscription(account, destination, description="All requests")
    filtered = [SourceSpec(HTTP, "ev.conn.server_port == 443")]
    make_subscription(account, destination, description="Only 443", sources=filtered)
    make_subscription(account, destination, description="Audit", sources=[SourceSpec(AUDIT)])
    event_id = publish([port(80)], account=account).event_ids[0]
    carry(account)

    response = owner_client.get(f"/events/{event_id}/")

    found = {row["subscription"].name: row for row in response.context["rows"]}
    assert found["All requests"]["word"] == "Delivered"
    assert found["Only 443"]["word"] == "Filtered"
    assert found["Only 443"]["why"] == "ev.conn.server_port == 443 → false, it was 80"
    assert found["Audit"]["word"] == "Not subscribed"
    page = response.content.decode()
    assert "&lt;b&gt;80&lt;/b&gt;.acme.app" in page
    assert "no-store" in response.headers["Cache-Control"]


def test_an_event_that_is_held_or_dead_says_why(
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    make_subscription(account, make_destination(account))
    datadog.answers = [answer(413), answer(403)]
    dead = publish([make_event()], account=account).event_ids[0]
    carry(account)
    held = publish([make_event()], account=account).event_ids[0]
    carry(account)

    for event_id, word in [(dead, "Dead"), (held, "Held")]:
        row = owner_client.get(f"/events/{event_id}/").context["rows"][0]
        assert row["word"] == word
        assert row["why"]


@pytest.mark.parametrize("event_id", ["ev_" + "0" * 27, "nonsense", "ev_short", "ed_" + "0" * 27])
def test_an_unknown_event_says_what_ids_look_like_and_what_is_kept(
    owner_client: Client, account: Account, event_id: str
) -> None:
    response = owner_client.get(f"/events/{event_id}/")

    assert response.status_code == 404
    assert "No event with this ID in this account" in response.content.decode()


def test_event_pages_are_read_only(owner_client: Client, account: Account) -> None:
    assert owner_client.post("/events/").status_code == 405
    assert owner_client.post("/events/ev_x/").status_code == 405
