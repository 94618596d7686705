"""The composer by htmx: what is answered to typing, and the acts that change the shape of a draft."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from destinations.models import Destination
from subscriptions.models import Subscription
from tests.factories import AUDIT, HTTP, PORT_443
from tests.subscriptions.composing import HTMX, NEW, SLUG, composed, conditions, html_of


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


@pytest.mark.parametrize(
    ("length", "said"), [(255, ""), (256, "256 characters; 255 is the most here. Take 1 out."), (0, "")]
)
def test_what_is_too_long_is_told_while_typing(
    owner_client: Client, place: Destination, length: int, said: str
) -> None:
    data = composed(place, description="x" * length, metadata="x" * 4097)
    data.pop("act")

    html = html_of(owner_client.post(NEW, data, headers=HTMX))

    slots = dict(re.findall(r'id="(description|metadata)-error" hx-swap-oob="true">(.*?)</div>', html))
    assert re.sub("<.*?>", "", slots["description"]).strip() == said
    assert "4,097 characters; 4,096 is the most here." in slots["metadata"]


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
