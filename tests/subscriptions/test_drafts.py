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
from tests.subscriptions.composing import HTMX, NEW, SLUG, composed, html_of


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
