"""Composing with plain forms: the draft, what is refused, two tabs, who may."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from common.ids import new_id
from destinations.models import Destination
from events.publishing import publish
from subscriptions.backtest import run_backtest
from subscriptions.models import Backtest, Draft, Subscription
from subscriptions.services import SourceSpec
from tests.factories import AUDIT, HTTP, make_account, make_destination, make_event, make_subscription

NEW = "/subscriptions/new/"
SLUG = "http_request_complete_v0"
PORT_443 = "ev.conn.server_port == 443"
HTMX = {"HX-Request": "true"}
# Session, person and account in three; keeping the draft and starting the run are transactions with savepoints.
LIVE_QUERIES = 22


@pytest.fixture
def place(account: Account) -> Destination:
    return make_destination(account)


def composed(place: Destination | None = None, **changes: Any) -> dict[str, Any]:
    """The form of a whole subscription, as a browser would post it."""
    data: dict[str, Any] = {
        "draft": new_id("dr"),
        "tab": "one",
        "version": "0",
        "description": "Checkout",
        "source": [HTTP, AUDIT],
        f"{SLUG}-mode": "cel",
        f"{SLUG}-text": PORT_443,
        f"{SLUG}-fields": ["conn.server_name", "conn.server_port"],
        "destination": [place.pk] if place else [],
        "act": "save",
    }
    return {**data, **changes}


def conditions(*rows: tuple[str, str, str, list[str]], **changes: Any) -> dict[str, Any]:
    """Rows of (place, field, operator, values) as the form names them."""
    data: dict[str, Any] = {f"{SLUG}-mode": "conditions", f"{SLUG}-row": [row[0] for row in rows]}
    for place, field, operator, values in rows:
        prefix = f"{SLUG}-{place.rpartition('/')[2]}"
        data |= {f"{prefix}-field": field, f"{prefix}-operator": operator, f"{prefix}-value": values}
    return {**data, **changes}


def html_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


# Saving


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


# Refused


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


# The draft


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


# Two tabs


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


# Who may


def test_a_viewer_composes_nothing(viewer_client: Client, account: Account, place: Destination) -> None:
    subscription = make_subscription(account, place)

    for page in (NEW, reverse("subscriptions:edit", args=[subscription.pk])):
        assert viewer_client.get(page).status_code == 403
        assert viewer_client.post(page, composed(place)).status_code == 403
    assert not Draft.objects.exists()


def drafted(client: Client, place: Destination) -> str:
    data = composed(place, act="check")
    client.post(NEW, data)
    return str(data["draft"])


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


# By htmx


def test_typing_answers_with_pieces_and_never_with_the_form(owner_client: Client, place: Destination) -> None:
    data = composed(place, **{f"{SLUG}-text": "ev.conn.server_nam"})
    data.pop("act")

    response = owner_client.post(NEW, data, headers=HTMX)

    html = html_of(response)
    assert response.headers["HX-Replace-Url"] == reverse("subscriptions:draft", args=[data["draft"]])
    assert "<form" not in html
    assert "<textarea" not in html
    assert "there is no field server_nam" in html
    assert f'id="{SLUG}-count" hx-swap-oob="true">2 of 35' in html


def test_an_act_answers_with_the_form_and_where_the_focus_goes(owner_client: Client, place: Destination) -> None:
    data = composed(place, **conditions(), act=f"add_condition:{SLUG}")

    html = html_of(owner_client.post(NEW, data, headers=HTMX))

    assert f'data-focus="{SLUG}-c1-field"' in html
    assert "<html" not in html


def test_saving_by_htmx_goes_on_by_a_redirect_of_its_own(owner_client: Client, place: Destination) -> None:
    response = owner_client.post(NEW, composed(place), headers=HTMX)

    assert response.headers["HX-Redirect"] == reverse("subscriptions:detail", args=[Subscription.objects.get().pk])


def _content(client: Client, data: dict[str, Any]) -> Any:
    response = client.post(NEW, data, headers=HTMX)
    assert isinstance(response, HttpResponse)
    return response.context["content"]


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (f"remove_sources:{SLUG}", [AUDIT]),
        ("remove_sources:IP policies", [HTTP]),
        ("remove_sources:nothing", [HTTP, AUDIT]),
        ("nonsense", [HTTP, AUDIT]),
        (f"preset:{SLUG}:nonsense", [HTTP, AUDIT]),
        ("preset", [HTTP, AUDIT]),
    ],
)
def test_sources_are_removed_one_by_one_or_by_family(
    owner_client: Client, place: Destination, act: str, left: list[str]
) -> None:
    content = _content(owner_client, composed(place, act=act))

    assert [source.type for source in content.sources] == left


@pytest.mark.parametrize(("preset", "count"), [("all", 35), ("access_log", 12), ("none", 0)])
def test_presets_tick_their_fields(owner_client: Client, place: Destination, preset: str, count: int) -> None:
    content = _content(owner_client, composed(place, act=f"preset:{SLUG}:{preset}"))

    assert len(content.sources[0].fields) == count


def test_a_filter_changes_its_form_and_back(owner_client: Client, place: Destination) -> None:
    as_rows = _content(owner_client, composed(place, act=f"as_conditions:{SLUG}")).sources[0]
    assert (as_rows.mode, as_rows.rows[0].field, as_rows.rows[0].values) == (
        "conditions",
        "conn.server_port",
        ["443"],
    )

    rows = conditions(("c1", "conn.server_port", "is", ["443"]))
    as_text = _content(owner_client, composed(place, **rows, act=f"as_text:{SLUG}")).sources[0]
    assert (as_text.mode, as_text.text) == ("cel", PORT_443)


def test_a_filter_that_conditions_cannot_show_stays_text_and_says_why(owner_client: Client, place: Destination) -> None:
    data = composed(place, **{f"{SLUG}-text": "size(ev.conn.server_name) > 3"}, act=f"as_conditions:{SLUG}")

    html = html_of(owner_client.post(NEW, data, headers=HTMX))

    assert "which conditions cannot show. It works as text." in html
    assert "size(ev.conn.server_name)" in html


def test_a_wrong_condition_stays_until_it_is_mended(owner_client: Client, place: Destination) -> None:
    rows = conditions(("c1", "conn.server_port", "is", ["https"]))

    source = _content(owner_client, composed(place, **rows, act=f"as_text:{SLUG}")).sources[0]

    assert (source.mode, source.rows[0].values) == ("conditions", ["https"])


def test_the_suggested_word_takes_the_place_of_the_wrong_one(owner_client: Client, place: Destination) -> None:
    data = composed(place, **{f"{SLUG}-text": 'true &&\nev.conn.server_nam == "a"'}, act=f"use:{SLUG}")

    assert _content(owner_client, data).sources[0].text == 'true &&\nev.conn.server_name == "a"'


def test_rows_are_added_and_removed_and_the_focus_follows(owner_client: Client, place: Destination) -> None:
    rows = conditions(("c1", "conn.server_port", "is", ["443"]), ("c2", "conn.server_port", "is", ["80"]))

    for act, focus in [
        ("remove_row:{}:c1", f"{SLUG}-c2-remove"),
        ("remove_row:{}:c2", f"{SLUG}-add"),
        ("add_group:{}", f"{SLUG}-c4-field"),
    ]:
        response = owner_client.post(NEW, composed(place, **rows, act=act.format(SLUG)), headers=HTMX)
        assert response.context["page"].focus == focus


# Choosing sources and destinations


def test_a_whole_family_is_added_at_once(owner_client: Client, place: Destination) -> None:
    pk = drafted(owner_client, place)
    page = reverse("subscriptions:pick_sources", args=[pk])
    family = ["ip_policy_created.v0", "ip_policy_updated.v0", "ip_policy_deleted.v0"]
    assert "ip_policy_updated.v0" in html_of(owner_client.get(page))

    response = owner_client.post(page, {"type": [*family, "nonsense"]}, follow=True)

    assert "all 3 types, whole" in html_of(response)


def test_the_picker_is_a_dialog_by_htmx_and_then_gives_the_form_back(owner_client: Client, place: Destination) -> None:
    pk = drafted(owner_client, place)
    page = reverse("subscriptions:pick_sources", args=[pk])

    dialog = owner_client.get(page, headers=HTMX)
    assert "<html" not in html_of(dialog)
    assert dialog.headers["HX-Replace-Url"] == reverse("subscriptions:draft", args=[pk])

    response = owner_client.post(page, {"type": ["tcp_connection_closed.v0"]}, headers=HTMX)
    assert 'id="composer"' in html_of(response)
    assert "tcp_connection_closed.v0" in html_of(response)


def test_pressing_add_keeps_the_draft_first(owner_client: Client, place: Destination) -> None:
    data = composed(place, act="pick_destinations")

    response = owner_client.post(NEW, data)

    assert response.headers["Location"] == reverse("subscriptions:pick_destinations", args=[data["draft"]])
    assert Draft.objects.get().content["description"] == "Checkout"


def test_only_own_destinations_can_be_chosen(owner_client: Client, account: Account, place: Destination) -> None:
    foreign = make_destination(make_account(name="Other"), description="Not theirs")
    pk = drafted(owner_client, place)
    page = reverse("subscriptions:pick_destinations", args=[pk])
    assert "Not theirs" not in html_of(owner_client.get(page))
    other = make_destination(account, description="Second")

    owner_client.post(page, {"destination": [foreign.pk, other.pk]})

    assert Draft.objects.get().content["destinations"] == [place.pk, other.pk]


def test_the_picker_searches_on_the_server_and_keeps_what_is_ticked(
    owner_client: Client, account: Account, place: Destination
) -> None:
    for number in range(55):
        make_destination(account, description=f"Store {number:02}")
    last = make_destination(account, description="Zagreb")
    draft = Draft.objects.create(account=account)
    page = f"/subscriptions/drafts/{draft.pk}/destinations/"

    first = owner_client.get(page)
    found = owner_client.get(page, {"q": "zagr", "destination": [place.pk]})
    none = html_of(owner_client.get(page, {"q": "nowhere"}))

    assert len(first.context["places"]) == 50
    assert "7 more: type on." in html_of(first)
    assert found.context["places"] == [place, last]
    assert f'value="{place.pk}" checked' in html_of(found)
    assert "No destination has “nowhere” in its name." in none
    assert len(owner_client.get(page, {"q": "Datadog"}).context["places"]) == 50


def test_a_destination_is_made_in_the_middle_of_composing(owner_client: Client, place: Destination) -> None:
    pk = drafted(owner_client, place)
    page = reverse("subscriptions:new_destination", args=[pk, "datadog"])
    assert "New Datadog destination" in html_of(owner_client.get(page))
    fields = {"target-site": "datadoghq.eu", "target-api_key": "0123456789abcdef0123456789abcdef"}

    refused = owner_client.post(page, {"description": "", **fields})
    assert "New Datadog destination" in html_of(refused, 422)
    response = owner_client.post(page, {"description": "Made in between", **fields}, follow=True)

    assert "Made in between" in html_of(response)
    assert len(Draft.objects.get().content["destinations"]) == 2
    assert owner_client.get(reverse("subscriptions:new_destination", args=[pk, "pigeon"])).status_code == 404


def test_names_from_others_are_shown_as_text(owner_client: Client, owner: User, place: Destination) -> None:
    owner_client.post(NEW, composed(place, act="check", description="<script>alert(1)</script>"))

    html = html_of(owner_client.get(reverse("subscriptions:draft", args=[Draft.objects.get().pk])))

    assert "<script>alert" not in html


# Cost


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
