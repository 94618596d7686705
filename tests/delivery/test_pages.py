"""The pages on what was carried, as an owner, a viewer, a stranger and nobody meet them."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from delivery.models import DeadLetter, Delivery
from destinations.models import Destination
from events.publishing import publish
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import make_destination, make_event, make_subscription

MISSING = "ed_" + "0" * 27


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def dead_letter(account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry) -> DeadLetter:
    """One record that Datadog refused for good."""
    make_subscription(account, destination)
    datadog.answers = [answer(413, '{"errors": [{"detail": "Payload <too> large"}]}')]
    publish([make_event()], account=account)
    carry(account)
    return DeadLetter.objects.get()


def test_only_a_new_state_of_a_destination_is_announced(owner_client: Client, destination: Destination) -> None:
    page = f"/destinations/{destination.pk}/?was=Nothing+sent+yet"
    polls = {"HX-Request": "true", "HX-Trigger": "health"}
    assert "#say" not in text(owner_client.get(page, headers=polls))

    Destination.objects.update(state="blocked", error_message="Datadog refused the key.")

    assert '<div hx-swap-oob="innerHTML:#say">Datadog EU: Blocked</div>' in text(owner_client.get(page, headers=polls))


def test_the_page_of_a_destination_shows_its_health(owner_client: Client, destination: Destination, held: Any) -> None:
    held(destination, 1284)

    page = text(owner_client.get(f"/destinations/{destination.pk}/"))

    assert destination.where in page
    assert "1,284" in page
    assert "Send test event" in page


def test_a_blocked_destination_says_whose_words_the_remedy_and_what_is_held(
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    destination = make_destination(account)
    make_subscription(account, destination)
    datadog.answers = [answer(403, '{"errors": [{"detail": "Forbidden <key>"}]}')]
    publish([make_event(), make_event()], account=account)
    carry(account)
    destination.refresh_from_db()

    page = text(owner_client.get(f"/destinations/{destination.pk}/"))

    assert "<title>Blocked: Datadog EU" in page
    assert "2 records are held, none lost" in page
    assert destination.error_remedy
    assert destination.error_remedy in page.replace("&#x27;", "'")
    assert "Forbidden <key>" not in page
    assert "Test again now" in page
    assert "<dt>Heals by itself</dt><dd>Once it is mended" in page
    owner_client.post(f"/destinations/{destination.pk}/pause/")
    assert "Heals by itself" not in text(owner_client.get(f"/destinations/{destination.pk}/"))


def test_a_long_answer_of_a_service_leaves_room_for_the_remedy(owner_client: Client, destination: Destination) -> None:
    said = "not authorized " * 40
    Destination.objects.update(state="blocked", error_code="AccessDenied", error_message="Refused.", error_said=said)

    page = text(owner_client.get(f"/destinations/{destination.pk}/"))

    shown, folded = re.findall("<code>((?:AccessDenied: )?not authorized.*?)</code>", page)
    assert len(shown) < 320
    assert folded == said
    assert "Refused. No record waits." in page


def test_a_paused_destination_says_who_paused_it(owner_client: Client, destination: Destination, held: Any) -> None:
    held(destination, 3)
    owner_client.post(f"/destinations/{destination.pk}/pause/")

    page = text(owner_client.get(f"/destinations/{destination.pk}/"))

    assert "Paused by olivia@acme.example" in page
    assert "Resume" in page


def test_a_viewer_sees_a_destination_without_acts(viewer_client: Client, destination: Destination, held: Any) -> None:
    held(destination, 3)
    Destination.objects.update(state="blocked", error_message="Refused.")

    page = text(viewer_client.get(f"/destinations/{destination.pk}/"))

    assert "Refused. 3 records are held" in page
    assert "<button" not in page[page.index("<main") : page.index("</main")].replace('<button type="button"', "")


@pytest.mark.parametrize("address", ["/deliveries/", "/dead-letters/"])
def test_empty_pages_say_what_would_be_here(owner_client: Client, account: Account, address: str) -> None:
    response = owner_client.get(address)

    assert response.status_code == 200
    assert 'class="empty' in text(response)


def test_deliveries_are_listed_newest_first_and_filtered(
    owner_client: Client, account: Account, held: Any, datadog: FakeDatadog
) -> None:
    first, second = make_destination(account, description="First"), make_destination(account, description="Second")
    old, new = held(first, 1), held(second, 2)

    rows = owner_client.get("/deliveries/").context["page"].rows
    assert [row.pk for row in rows] == [new.pk, old.pk]

    for query, expected in [
        ({"destination": first.pk}, [old]),
        ({"subscription": new.subscription_id}, [new]),
        ({"state": "waiting"}, [new, old]),
        ({"state": "delivered"}, []),
    ]:
        rows = owner_client.get("/deliveries/", query).context["page"].rows
        assert [row.pk for row in rows] == [each.pk for each in expected]


def test_a_filter_without_result_can_be_cleared(owner_client: Client, account: Account) -> None:
    assert "Clear filters" in text(owner_client.get("/deliveries/?state=dead"))


def test_deliveries_are_paged_by_key(owner_client: Client, destination: Destination, held: Any) -> None:
    made = [held(destination, 1) for _ in range(53)]

    newest = owner_client.get("/deliveries/")
    older = owner_client.get("/deliveries/" + newest.context["page"].older)

    assert [row.pk for row in older.context["page"].rows] == [delivery.pk for delivery in made[2::-1]]
    assert 'rel="prev"' in text(older)


def test_a_delivery_shows_its_attempts_and_refused_records(owner_client: Client, dead_letter: DeadLetter) -> None:
    page = text(owner_client.get(f"/deliveries/{dead_letter.delivery_id}/"))

    assert "413" in page
    assert "Payload &lt;too&gt; large" in page
    assert f"/dead-letters/{dead_letter.pk}/" in page


def test_retrying_a_delivery_makes_it_due(owner_client: Client, destination: Destination, held: Any) -> None:
    delivery = held(destination, 1, attempts=3)

    response = owner_client.post(f"/deliveries/{delivery.pk}/retry/", follow=True)

    assert "Tried again now." in text(response)


def test_retrying_what_is_settled_says_so(owner_client: Client, dead_letter: DeadLetter) -> None:
    response = owner_client.post(f"/deliveries/{dead_letter.delivery_id}/retry/", follow=True)

    assert "Nothing waits in this delivery any more." in text(response)


def test_discarding_asks_with_the_count_first(owner_client: Client, destination: Destination, held: Any) -> None:
    delivery = held(destination, 12)
    assert 'Discard 12 records that wait for <span dir="auto">Datadog EU</span>?' in text(
        owner_client.get(f"/destinations/{destination.pk}/discard/")
    )

    owner_client.post(f"/destinations/{destination.pk}/discard/")

    delivery.refresh_from_db()
    assert (delivery.state, delivery.discarded_count) == ("discarded", 12)


def test_a_dead_letter_is_inspected_and_sent_again_once(owner_client: Client, dead_letter: DeadLetter) -> None:
    assert f'href="/dead-letters/{dead_letter.pk}/"' in text(owner_client.get("/dead-letters/"))
    page = text(owner_client.get(f"/dead-letters/{dead_letter.pk}/"))
    assert "api.acme.app" in page

    response = owner_client.post(f"/dead-letters/{dead_letter.pk}/replay/")
    dead_letter.refresh_from_db()
    assert response.headers["Location"] == f"/deliveries/{dead_letter.replayed_as_id}/"

    again = owner_client.post(f"/dead-letters/{dead_letter.pk}/replay/", follow=True)
    assert "This record was replayed before." in text(again)
    assert Delivery.objects.count() == 2


def addresses(dead_letter: DeadLetter) -> list[str]:
    return [
        f"/destinations/{dead_letter.destination_id}/",
        f"/destinations/{dead_letter.destination_id}/discard/",
        f"/deliveries/{dead_letter.delivery_id}/",
        f"/dead-letters/{dead_letter.pk}/",
    ]


def acts(dead_letter: DeadLetter) -> list[str]:
    return [
        f"/destinations/{dead_letter.destination_id}/discard/",
        f"/deliveries/{dead_letter.delivery_id}/retry/",
        f"/dead-letters/{dead_letter.pk}/replay/",
    ]


def test_strangers_find_nothing(stranger_client: Client, dead_letter: DeadLetter) -> None:
    assert [stranger_client.get(each).status_code for each in addresses(dead_letter)] == [404] * 4
    assert [stranger_client.post(each).status_code for each in acts(dead_letter)] == [404] * 3
    assert str(dead_letter.event_id)[-6:] not in text(stranger_client.get("/dead-letters/"))
    assert "Datadog EU" not in text(stranger_client.get(f"/deliveries/?destination={dead_letter.destination_id}"))


@pytest.mark.parametrize(
    "address", [f"/destinations/{MISSING}/", "/deliveries/999999999/", "/dead-letters/999999999/", "/deliveries/x/"]
)
def test_what_is_missing_is_not_found(owner_client: Client, address: str) -> None:
    assert owner_client.get(address).status_code == 404


def test_viewers_may_look_but_change_nothing(viewer_client: Client, dead_letter: DeadLetter) -> None:
    looks = [each for each in addresses(dead_letter) if "discard" not in each]

    assert {viewer_client.get(each).status_code for each in looks} == {200}
    assert {viewer_client.post(each).status_code for each in acts(dead_letter)} == {403}
    assert Delivery.objects.count() == 1


def test_nobody_is_sent_to_sign_in(client: Client, dead_letter: DeadLetter) -> None:
    for address in [*addresses(dead_letter), "/deliveries/", "/dead-letters/"]:
        assert client.get(address).headers["Location"] == f"/sign-in/?next={address}"


def test_acts_are_posted_and_lists_are_not(owner_client: Client, dead_letter: DeadLetter) -> None:
    assert {owner_client.get(each).status_code for each in acts(dead_letter)[1:]} == {405}
    assert {owner_client.post(each).status_code for each in ["/deliveries/", "/dead-letters/"]} == {405}


@pytest.mark.parametrize("query", ["?before=x", "?after=-1", "?before=99999999999999999999"])
def test_odd_queries_do_no_harm(owner_client: Client, account: Account, query: str) -> None:
    assert owner_client.get("/deliveries/" + query).status_code == 200


def test_an_address_that_no_text_column_can_hold_is_of_nothing(owner_client: Client, account: Account) -> None:
    assert owner_client.get("/deliveries/?destination=%00").status_code == 404
