"""Revisions: the list, what changed, going back; and duplicating."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit import SYSTEM
from accounts.models import Account
from subscriptions.models import Draft, Revision, Subscription
from subscriptions.services import SourceSpec, update_subscription
from tests.factories import AUDIT, HTTP, make_destination, make_subscription

OLD = "ev.conn.server_port == 443"
NEW = "ev.conn.server_port == 80"


@pytest.fixture
def changed(account: Account) -> Subscription:
    """Two revisions: another filter, fewer fields, another name, one more source, another destination."""
    first, second = make_destination(account, description="First"), make_destination(account, description="Second")
    sources = [SourceSpec(HTTP, OLD, ["conn.server_name", "conn.server_port"])]
    subscription = make_subscription(account, first, sources=sources, description="Before")
    return update_subscription(
        subscription=subscription,
        actor=SYSTEM,
        description="After",
        sources=[SourceSpec(HTTP, NEW, ["conn.server_name"]), SourceSpec(AUDIT)],
        destinations=[second],
    )


def address(name: str, subscription: Subscription, *numbers: int) -> str:
    return reverse(f"subscriptions:{name}", args=[subscription.pk, *numbers])


def test_the_list_names_who_changed_it(viewer_client: Client, changed: Subscription) -> None:
    html = viewer_client.get(address("revisions", changed)).content.decode()

    assert "Revision 2" in html
    assert "the command line" in html
    assert "by the API" not in html
    assert address("roll_back", changed, 1) not in html


def test_a_revision_shows_what_changed(owner_client: Client, changed: Subscription) -> None:
    changes = owner_client.get(address("revision", changed, 2)).context["changes"]

    shown = {change.label: [(line.kind, line.text) for line in change.lines] for change in changes}
    assert shown == {
        "Description": [("del", "Before"), ("add", "After")],
        "Sources": [("add", AUDIT)],
        f"Filter of {HTTP}": [("del", OLD), ("add", NEW)],
        f"Fields of {HTTP}": [("del", "conn.server_port")],
        "Destinations": [("del", "First"), ("add", "Second")],
    }


def test_the_first_revision_and_others_can_be_compared(owner_client: Client, changed: Subscription) -> None:
    page = address("revision", changed, 1)

    assert "Nothing came before it." in owner_client.get(page).content.decode()
    other_way = owner_client.get(f"{page}?against=2").context["changes"]
    assert [line.text for line in other_way[0].lines] == ["After", "Before"]
    assert owner_client.get(f"{page}?against=x").status_code == 200
    assert owner_client.get(address("revision", changed, 9)).status_code == 404


def test_of_many_revisions_any_can_be_compared_by_its_number(owner_client: Client, changed: Subscription) -> None:
    latest = changed.revisions.latest("number")
    Revision.objects.bulk_create(
        Revision(subscription=changed, number=number, snapshot=latest.snapshot, actor=latest.actor)
        for number in range(latest.number + 1, latest.number + 60)
    )
    Subscription.objects.filter(pk=changed.pk).update(revision=latest.number + 59)
    page = address("revision", changed, latest.number + 50)

    first = owner_client.get(page, {"against": "1"})
    missing = owner_client.get(page, {"against": "500"})

    assert first.context["other"].number == 1
    assert [change.label for change in first.context["changes"]]
    assert 'type="number" min="1"' in first.content.decode()
    assert 'value="1"' in first.content.decode()
    assert f"There is no revision 500 to compare with: they go from 1 to {latest.number + 59}." in (
        missing.content.decode()
    )


def test_going_back_asks_and_then_makes_a_new_revision(owner_client: Client, changed: Subscription) -> None:
    page = address("roll_back", changed, 1)

    question = owner_client.get(page).content.decode()
    assert "Roll back to revision 1" in question
    assert NEW in question
    answer = owner_client.post(page, follow=True).content.decode()

    assert "Rolled back to revision 1, as revision 3." in answer
    changed.refresh_from_db()
    assert (changed.name, changed.revision) == ("Before", 3)
    assert [(s.filter, s.fields) for s in changed.sources.all()] == [(OLD, ["conn.server_name", "conn.server_port"])]
    assert [place.name for place in changed.destinations.all()] == ["First"]


def test_going_back_to_what_no_longer_compiles_is_refused(owner_client: Client, changed: Subscription) -> None:
    first = Revision.objects.get(subscription=changed, number=1)
    first.snapshot["sources"][0]["filter"] = "ev.nothing == 1"
    first.save()

    response = owner_client.post(address("roll_back", changed, 1))

    assert response.status_code == 422
    assert "Revision 1 cannot be taken over as it is" in response.content.decode()
    changed.refresh_from_db()
    assert changed.revision == 2


def test_a_duplicate_is_a_draft(owner_client: Client, changed: Subscription) -> None:
    response = owner_client.post(address("duplicate", changed), follow=True)

    assert "It sends nothing until you save it." in response.content.decode()
    draft = Draft.objects.get()
    assert (draft.content["description"], draft.subscription) == ("After (copy)", None)
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize("name", ["roll_back", "duplicate"])
def test_a_viewer_changes_nothing(viewer_client: Client, changed: Subscription, name: str) -> None:
    page = address(name, changed, *([1] if name == "roll_back" else []))

    assert viewer_client.post(page).status_code == 403
    assert not Draft.objects.exists()


@pytest.mark.parametrize(("name", "numbers"), [("revisions", []), ("revision", [1]), ("roll_back", [1])])
def test_strangers_find_nothing(
    stranger_client: Client, client: Client, changed: Subscription, name: str, numbers: list[int]
) -> None:
    page = address(name, changed, *numbers)

    assert stranger_client.get(page).status_code == 404
    assert client.get(page).headers["Location"] == f"/sign-in/?next={page}"
