"""Composing a subscription: saving, refusing, who may, and what it costs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from common.ids import new_id
from destinations.models import Destination
from subscriptions.models import Draft, Subscription
from subscriptions.services import SourceSpec
from tests.factories import AUDIT, HTTP, PORT_443, make_account, make_destination, make_subscription
from tests.subscriptions.composing import HTMX, NEW, SLUG, composed, conditions, drafted, html_of

# Session, person and account in three; keeping the draft and starting the run are transactions with savepoints.
LIVE_QUERIES = 22


def test_a_subscription_is_composed_as_text(owner_client: Client, place: Destination) -> None:
    response = owner_client.post(NEW, composed(place))

    made = Subscription.objects.get()
    assert response.headers["Location"] == reverse("subscriptions:detail", args=[made.pk])
    assert made.name == "Checkout"
    assert [(s.event_type, s.filter, s.fields) for s in made.sources.all()] == [
        (HTTP, PORT_443, ["conn.server_name", "conn.server_port"]),
        (AUDIT, "", None),
    ]
    assert list(made.destinations.all()) == [place]


def test_a_subscription_is_composed_of_conditions_and_groups(owner_client: Client, place: Destination) -> None:
    rows = conditions(
        ("c1", "conn.server_port", "is", ["443"]),
        ("g2", "", "", []),
        ("g2/c3", "conn.server_name", "ends_with", [".acme.app"]),
        ("g2/c4", "conn.server_name", "one_of", ["pay.acme.com, eu.pay.acme.com"]),
    )

    owner_client.post(NEW, composed(place, **rows, **{f"{SLUG}-g2-match": "any"}))

    source = Subscription.objects.get().sources.get(event_type=HTTP)
    assert source.filter == (
        'ev.conn.server_port == 443 && (ev.conn.server_name.endsWith(".acme.app") || '
        'ev.conn.server_name in ["pay.acme.com", "eu.pay.acme.com"])'
    )


def test_all_fields_and_no_filter_are_stored_as_such(owner_client: Client, place: Destination) -> None:
    draft = owner_client.get(f"{NEW}?type={HTTP}").context["content"]
    data = composed(place, **{"source": [HTTP], f"{SLUG}-text": "", f"{SLUG}-fields": draft.sources[0].fields})

    owner_client.post(NEW, data)

    source = Subscription.objects.get().sources.get()
    assert (source.filter, source.fields) == ("", None)


def test_pressing_save_twice_saves_once(owner_client: Client, place: Destination) -> None:
    data = composed(place)

    first, second = owner_client.post(NEW, data), owner_client.post(NEW, data)

    assert Subscription.objects.count() == 1
    assert first.headers["Location"] == second.headers["Location"]


def test_what_was_on_its_way_as_save_was_pressed_does_not_go_anywhere(owner_client: Client, place: Destination) -> None:
    """A second redirect would break off the first one, which is under way."""
    page = owner_client.post(NEW, composed(place, act="check")).headers["Location"]
    owner_client.post(page, composed(place))

    answer = owner_client.post(page, composed(place, act=""), headers=HTMX)

    assert (answer.status_code, answer.content, "HX-Redirect" in answer.headers) == (204, b"", False)


def test_what_a_second_tab_types_after_the_first_saved_becomes_a_draft(
    owner_client: Client, account: Account, place: Destination
) -> None:
    page = owner_client.post(NEW, composed(place, act="check")).headers["Location"]
    owner_client.post(page, composed(place))
    (subscription,) = Subscription.objects.all()

    late = composed(place, act="check") | {"tab": "two", "description": "Typed too late"}
    answer = owner_client.post(page, late, headers=HTMX)

    (draft,) = Draft.objects.open()
    assert answer.headers["HX-Redirect"] == reverse("subscriptions:draft", args=[draft.pk])
    assert (draft.content["description"], draft.subscription) == ("Typed too late", subscription)
    assert "What you typed since is kept" in html_of(owner_client.get(answer.headers["HX-Redirect"]))
    assert Subscription.objects.get().description == subscription.description


def test_what_is_typed_after_going_back_from_a_save_becomes_a_draft(owner_client: Client, place: Destination) -> None:
    page = owner_client.post(NEW, composed(place, act="check")).headers["Location"]
    owner_client.post(page, composed(place))
    typed = composed(place, act="check") | {"description": "After Back"}

    on_its_way = owner_client.post(page, typed)
    Draft.objects.update(updated_at=timezone.now() - timedelta(minutes=1))
    after_back = owner_client.post(page, typed)

    assert on_its_way.headers["Location"] == Subscription.objects.get().get_absolute_url()
    assert after_back.headers["Location"] == reverse("subscriptions:draft", args=[Draft.objects.open().get().pk])


def test_editing_starts_from_the_revision_and_makes_the_next(
    owner_client: Client, account: Account, place: Destination
) -> None:
    sources = [SourceSpec(HTTP, PORT_443, ["conn.server_name"]), SourceSpec(AUDIT)]
    subscription = make_subscription(account, place, sources=sources, description="Before")
    page = reverse("subscriptions:edit", args=[subscription.pk])

    opened = owner_client.get(page)
    assert opened.context["content"].sources[0].rows[0].values == ["443"]
    assert "Save as revision 2" in html_of(opened)
    response = owner_client.post(page, composed(place, draft=opened.context["draft"].pk), follow=True)

    assert "Saved as revision 2." in html_of(response)
    subscription.refresh_from_db()
    assert (subscription.name, subscription.revision) == ("Checkout", 2)


def test_a_limit_of_the_account_refuses_and_keeps_everything(
    owner_client: Client, account: Account, place: Destination
) -> None:
    Account.objects.filter(pk=account.pk).update(max_subscriptions=0)

    html = html_of(owner_client.post(NEW, composed(place)), 422)

    assert "This account has 0 subscriptions, its limit." in html
    assert 'value="Checkout"' in html
    assert Draft.objects.get().saved_as is None


def test_bad_input_comes_back_as_it_was_typed(owner_client: Client, account: Account) -> None:
    data = composed() | {f"{SLUG}-text": "ev.conn.server_nam == 'a'", "description": " "}

    html = html_of(owner_client.post(NEW, data), 422)

    assert "3 things to mend before this can be saved." in html
    assert "Line 1, column 9: there is no field server_nam. Did you mean server_name?" in html
    assert "        ^" in html
    assert "Choose at least one destination" in html
    assert "Write a few words on what it is for" in html
    assert "ev.conn.server_nam == &#x27;a&#x27;" in html
    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"source": []}, "Choose at least one source: without one nothing would be sent."),
        ({f"{SLUG}-fields": []}, "Choose at least one field, or take all 35."),
        ({"description": "x" * 256}, "256 characters; 255 is the most here. Take 1 out."),
        ({"metadata": "x" * 4097}, "4,097 characters; 4,096 is the most here. Take 1 out."),
        (conditions(("c1", "conn.server_port", "is", ["https"])), "A whole number is expected, such as 443"),
        (conditions(("c1", "conn.server_port", "is", [""])), "Type a value to compare with."),
        (conditions(("c1", "conn.server_name", "matches", ["^(10|172"])), "missing )"),
        (conditions(("c1", "http.response.status_code", "is", ["200"])), "can be selected but not filtered on"),
        (conditions(("g1", "", "", [])), "A group needs at least one condition."),
        ({f"{SLUG}-text": "ev.conn.server_port"}, "true or false"),
    ],
)
def test_each_fault_names_what_is_wrong_and_the_remedy(
    owner_client: Client, place: Destination, changes: dict[str, Any], sentence: str
) -> None:
    html = html_of(owner_client.post(NEW, composed(place, **changes)), 422)

    assert "1 thing to mend" in html
    assert sentence in html
    assert not Subscription.objects.exists()


def test_names_that_do_not_exist_are_left_out(owner_client: Client, account: Account) -> None:
    foreign = make_destination(make_account(name="Other"))
    data = composed(foreign, source=["no_such_type.v0"])

    html = html_of(owner_client.post(NEW, data), 422)

    assert "Choose at least one source" in html
    assert "Choose at least one destination" in html
    assert foreign.name not in html


def test_a_viewer_composes_nothing(viewer_client: Client, account: Account, place: Destination) -> None:
    subscription = make_subscription(account, place)

    for page in (NEW, reverse("subscriptions:edit", args=[subscription.pk])):
        assert viewer_client.get(page).status_code == 403
        assert viewer_client.post(page, composed(place)).status_code == 403
    assert not Draft.objects.exists()


def test_a_strangers_draft_is_as_missing_as_a_missing_one(
    owner_client: Client, stranger_client: Client, place: Destination
) -> None:
    pk = drafted(owner_client, place)

    for draft in (pk, new_id("dr")):
        for name in ("draft", "pick_sources", "pick_destinations", "restore_draft"):
            page = reverse(f"subscriptions:{name}", args=[draft])
            assert stranger_client.post(page, composed(draft=draft, act="check")).status_code == 404
    assert stranger_client.post(NEW, composed(draft=pk, act="check")).status_code == 404
    assert Draft.objects.get().content["destinations"] == [place.pk]


def test_composing_needs_a_person(client: Client, db: None) -> None:
    assert client.get(NEW).headers["Location"] == f"/sign-in/?next={NEW}"
    assert client.post(NEW, composed()).status_code == 302
    assert not Draft.objects.exists()


def test_wrong_methods_are_refused(owner_client: Client, place: Destination) -> None:
    pk = drafted(owner_client, place)

    assert owner_client.put(NEW).status_code == 405
    assert owner_client.delete(reverse("subscriptions:draft", args=[pk])).status_code == 405
    assert owner_client.get(reverse("subscriptions:restore_draft", args=[pk])).status_code == 405


def test_names_from_others_are_shown_as_text(owner_client: Client, owner: User, place: Destination) -> None:
    owner_client.post(NEW, composed(place, act="check", description="<script>alert(1)</script>"))

    html = html_of(owner_client.get(reverse("subscriptions:draft", args=[Draft.objects.get().pk])))

    assert "<script>alert" not in html


def test_typing_costs_the_same_with_more_of_everything(
    owner_client: Client, account: Account, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    places = [make_destination(account, description=str(number)) for number in range(8)]
    rows = conditions(*[(f"c{number}", "conn.server_port", "is", ["443"]) for number in range(1, 9)])
    data = composed(None, **rows, destination=[place.pk for place in places])
    data.pop("act")
    owner_client.post(NEW, data, headers=HTMX)

    with django_assert_max_num_queries(LIVE_QUERIES):  # type: ignore[attr-defined]
        owner_client.post(NEW, {**data, "description": "Changed"}, headers=HTMX)
