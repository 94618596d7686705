"""Drafts of subscriptions: kept, had back, and changed in two tabs at once."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from destinations.models import Destination
from events.publishing import publish
from subscriptions.backtest import run_backtest
from subscriptions.models import Backtest, Draft, Subscription
from subscriptions.services import SourceSpec
from tests.factories import AUDIT, HTTP, PORT_443, make_event, make_subscription
from tests.subscriptions.composing import HTMX, NEW, SLUG, composed, conditions, html_of


def test_looking_writes_nothing_and_the_first_change_makes_the_draft(owner_client: Client, db: None) -> None:
    html_of(owner_client.get(f"{NEW}?type={HTTP}"))
    assert not Draft.objects.exists()

    response = owner_client.post(NEW, composed(act="check"))

    draft = Draft.objects.get()
    assert response.headers["Location"] == reverse("subscriptions:draft", args=[draft.pk])
    assert (draft.version, draft.content["description"]) == (1, "Checkout")


def test_the_draft_is_there_again_as_it_was_left(owner_client: Client, place: Destination) -> None:
    half = composed(place, act="check", **{f"{SLUG}-text": "ev.conn.", f"{SLUG}-open": "1"})
    page = owner_client.post(NEW, half).headers["Location"]

    html = html_of(owner_client.get(page))

    assert "ev.conn." in html
    assert "Draft saved" in html
    assert "2 of 35 fields" in html
    assert place.name in html


def test_the_address_chooses_what_to_begin_with(owner_client: Client, place: Destination) -> None:
    content = owner_client.get(f"{NEW}?type={AUDIT}&destination={place.pk}&type=nonsense").context["content"]

    assert [source.type for source in content.sources] == [AUDIT]
    assert content.destinations == [place.pk]


def test_a_discarded_draft_can_be_had_back(owner_client: Client, place: Destination) -> None:
    data = composed(place, act="check")
    page = owner_client.post(NEW, data).headers["Location"]

    gone = owner_client.post(page, {**data, "act": "discard"}, follow=True)

    assert "Draft discarded." in html_of(gone)
    assert owner_client.get(page).status_code == 404
    restore = reverse("subscriptions:restore_draft", args=[data["draft"]])
    assert restore in html_of(gone)
    assert owner_client.post(restore).headers["Location"] == page
    assert "Checkout" in html_of(owner_client.get(page))


def test_a_saved_draft_leads_to_its_subscription(owner_client: Client, place: Destination) -> None:
    data = composed(place)
    owner_client.post(NEW, data)

    response = owner_client.get(reverse("subscriptions:draft", args=[data["draft"]]))

    assert response.headers["Location"] == reverse("subscriptions:detail", args=[Subscription.objects.get().pk])


def test_a_draft_of_changes_waits_at_the_edit_page(owner_client: Client, account: Account, place: Destination) -> None:
    subscription = make_subscription(account, place)
    page = reverse("subscriptions:edit", args=[subscription.pk])
    owner_client.post(page, composed(place, act="check", description="Half done"))

    html = html_of(owner_client.get(page))

    assert "Half done" in html
    subscription.refresh_from_db()
    assert subscription.revision == 1


def test_a_draft_of_an_older_revision_says_so(owner_client: Client, account: Account, place: Destination) -> None:
    subscription = make_subscription(account, place)
    page = reverse("subscriptions:edit", args=[subscription.pk])
    owner_client.post(page, composed(place, act="check"))
    owner_client.post(reverse("subscriptions:pause", args=[subscription.pk]))

    assert "It was begun on revision 1" in html_of(owner_client.get(page))


def test_who_edits_is_told_of_a_revision_that_came_meanwhile(
    owner_client: Client, account: Account, place: Destination
) -> None:
    subscription = make_subscription(account, place)
    page = reverse("subscriptions:edit", args=[subscription.pk])
    assert '<input type="hidden" name="revision" value="1">' in html_of(owner_client.get(page))
    owner_client.post(page, composed(place, description="From another page", revision="1"))
    late = composed(place, description="Here", revision="1")

    typing = html_of(owner_client.post(page, {**late, "act": ""}, headers=HTMX))
    assert "It was begun on revision 1; now there is" in typing
    assert 'name="revision" value="2"' in typing

    # Without an answer to what was typed, Save is the first to tell.
    refused = html_of(owner_client.post(page, late), 422)
    assert "Revision 2 was saved while this page was open." in refused
    subscription.refresh_from_db()
    assert (subscription.revision, subscription.description) == (2, "From another page")
    owner_client.post(page, {**late, "revision": "2"})
    subscription.refresh_from_db()
    assert (subscription.revision, subscription.description) == (3, "Here")


def test_an_edit_shows_what_would_change(owner_client: Client, account: Account, place: Destination) -> None:
    sources = [SourceSpec(HTTP, PORT_443), SourceSpec(AUDIT)]
    subscription = make_subscription(account, place, sources=sources)
    publish([make_event(object={"conn": {"server_port": port}}) for port in (443, 443, 80)], account=account)
    edit = f"/subscriptions/{subscription.pk}/edit/"
    changed = composed(place, **{f"{SLUG}-text": "ev.conn.server_port < 443", "source": [HTTP], "act": ""})

    html = html_of(owner_client.post(edit, changed, headers=HTMX))
    run = Backtest.objects.get()
    run_backtest(run.pk)
    figures = html_of(owner_client.get(f"/subscriptions/backtests/{run.pk}/figures/", headers=HTMX))

    assert f"No longer a source, and not counted here: {AUDIT}." in html
    assert "Now <b>2</b>, then <b>1</b>: 1 more would match, 2 no longer." in figures


def test_a_second_tab_is_told_before_it_overwrites(owner_client: Client, place: Destination) -> None:
    first = composed(place, act="check")
    page = owner_client.post(NEW, first).headers["Location"]
    owner_client.post(page, {**first, "tab": "two", "version": "1", "description": "From tab two"})

    html = html_of(owner_client.post(page, {**first, "description": "From tab one"}), 409)

    assert "This draft was changed in another tab" in html
    assert "From tab one" in html
    assert Draft.objects.get().content["description"] == "From tab two"


def test_a_second_tab_that_types_is_told_beside_what_it_types(owner_client: Client, place: Destination) -> None:
    first = composed(place, act="check")
    page = owner_client.post(NEW, first).headers["Location"]
    owner_client.post(page, {**first, "tab": "two", "version": "1", "description": "From tab two"})
    first.pop("act")

    html = html_of(owner_client.post(page, first, headers=HTMX))

    assert "This draft was changed in another tab" in html
    assert "<textarea" not in html
    assert 'id="version" value="0"' in html


@pytest.mark.parametrize(("act", "kept"), [("mine", "From tab one"), ("theirs", "From tab two")])
def test_either_version_can_be_kept(owner_client: Client, place: Destination, act: str, kept: str) -> None:
    first = composed(place, act="check")
    page = owner_client.post(NEW, first).headers["Location"]
    owner_client.post(page, {**first, "tab": "two", "version": "1", "description": "From tab two"})

    owner_client.post(page, {**first, "description": "From tab one", "act": act})

    assert Draft.objects.get().content["description"] == kept


def test_the_same_tab_never_conflicts_with_itself(owner_client: Client, place: Destination) -> None:
    data = composed(place, act="check")
    page = owner_client.post(NEW, data).headers["Location"]

    for words in ("one", "two", "three"):
        assert owner_client.post(page, {**data, "description": words}).status_code == 302

    assert Draft.objects.get().content["description"] == "three"


def test_typing_in_a_tab_brings_back_what_another_discarded(owner_client: Client, place: Destination) -> None:
    page = owner_client.post(NEW, composed(place, act="check")).headers["Location"]
    owner_client.post(page, composed(place, act="discard"))

    answer = owner_client.post(page, composed(place, act="check") | {"description": "Still typing", "version": "1"})

    assert answer.headers["Location"] == page
    assert Draft.objects.open().get().content["description"] == "Still typing"


def test_an_unfinished_condition_says_why_it_is_not_written_as_text(owner_client: Client, place: Destination) -> None:
    rows = conditions(("c1", "conn.server_port", "is", ["443"]), ("c2", "conn.server_name", "is", [""]))
    typed = composed(place, act=f"as_text:{SLUG}") | rows

    html = html_of(owner_client.post(NEW, typed, headers=HTMX))

    assert "Finish condition 2 first, or remove it" in html
    assert "Type a value to compare with." in html
    assert f'id="{SLUG}-as-conditions" name="act" value="as_conditions:{SLUG}" hx-post="" aria-pressed="true"' in html
    assert f'data-focus="{SLUG}-c2-value"' in html


def test_without_script_the_unfinished_condition_is_told_too(owner_client: Client, place: Destination) -> None:
    rows = conditions(("c1", "conn.server_name", "is", [""]))

    html = html_of(owner_client.post(NEW, composed(place, act=f"as_text:{SLUG}") | rows))

    assert "Finish condition 1 first, or remove it" in html


def test_an_answer_takes_away_the_message_that_a_request_failed(owner_client: Client, place: Destination) -> None:
    typed = composed(place)
    typed.pop("act")

    html = html_of(owner_client.post(NEW, typed, headers=HTMX))

    assert '<div hx-swap-oob="innerHTML:#shout"></div>' in html


def test_saving_what_is_as_it_was_says_that_nothing_changed(
    owner_client: Client, account: Account, place: Destination
) -> None:
    sources = [SourceSpec(HTTP, PORT_443, ["conn.server_name", "conn.server_port"]), SourceSpec(AUDIT)]
    subscription = make_subscription(account, place, sources=sources, description="Checkout")

    page = owner_client.post(reverse("subscriptions:edit", args=[subscription.pk]), composed(place), follow=True)

    assert "It is as it was before: revision 1 stays in force." in html_of(page)
