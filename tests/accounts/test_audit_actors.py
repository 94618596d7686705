"""Choosing in the audit trail who acted: from a list, or by the name where many did."""

import pytest
from django.test import Client

from accounts.audit import Actor
from accounts.models import Account, User
from common.choice import FEW, SUGGESTED
from tests.accounts.trail import TRAIL, make_entry, shown


def make_people(account: Account, count: int) -> list[User]:
    """Who have each done something; numbered from 0, the last two with the same name."""
    people = User.objects.bulk_create(
        User(email=f"person{number:03}@acme.example", name=f"Person {min(number, count - 2):03}")
        for number in range(count)
    )
    for each in people:
        make_entry(account, Actor.person(each))
    return people


def suggested(client: Client, text: str) -> list[str]:
    page = client.get(f"{TRAIL}actors/", {"of": "actor", "actor": text}).content.decode()
    return [part.split('"')[0] for part in page.split('<option value="')[1:]]


def test_of_few_who_acted_one_is_chosen_from_a_list(owner_client: Client, account: Account) -> None:
    make_people(account, 3)

    page = owner_client.get(TRAIL).content.decode()

    assert '<select id="id_actor" name="actor"' in page
    assert "Anybody" in page
    assert page.count("Person 000</option>") == 1


def test_of_many_who_acted_one_is_found_by_the_name(owner_client: Client, account: Account) -> None:
    people = make_people(account, FEW + 1)

    page = owner_client.get(TRAIL).content.decode()
    assert 'list="id_actor-list"' in page
    assert suggested(owner_client, "son 00") == [f"Person 00{number}" for number in range(10)]
    assert len(suggested(owner_client, "")) == SUGGESTED
    for text in ("Person 007", people[7].pk):
        response = owner_client.get(TRAIL, {"actor": text})
        assert [row["entry"].actor_id for row in response.context["rows"]] == [people[7].pk]
        assert 'value="Person 007"' in response.content.decode()


def test_people_of_one_name_are_told_apart(owner_client: Client, account: Account) -> None:
    people = make_people(account, FEW + 1)

    names = suggested(owner_client, "Person 049")

    assert names == [f"Person 049 ({each.pk})" for each in sorted(people[-2:], key=lambda each: each.pk)]
    rows = owner_client.get(TRAIL, {"actor": names[0]}).context["rows"]
    assert [row["entry"].actor_id for row in rows] == [names[0][-32:-1].rpartition("(")[2]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("son 007", "One who acted here has “son 007” in the name: choose from the list."),
        ("Person", "51 who acted here have “Person” in their names: choose one from the list."),
        ("Zoë", "Nobody who acted here has “Zoë” in the name."),
    ],
)
def test_a_part_of_a_name_chooses_nobody_and_brings_the_list(
    owner_client: Client, account: Account, text: str, words: str
) -> None:
    make_people(account, FEW + 1)

    response = owner_client.get(TRAIL, {"actor": text})

    assert response.status_code == 422
    assert words in response.content.decode()


def test_who_acted_elsewhere_is_nobody_here(owner_client: Client, stranger: User, account: Account) -> None:
    make_people(account, FEW + 1)
    make_entry(Account.objects.get(name="Other"), Actor.person(stranger))

    assert suggested(owner_client, stranger.email) == []
    assert suggested(owner_client, stranger.pk) == []
    assert owner_client.get(TRAIL, {"actor": stranger.pk}).status_code == 422


def test_an_old_actor_is_found_though_not_in_the_list(
    owner_client: Client, owner: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.actors.CHOICES_FROM", 1)
    old = make_entry(account, Actor.person(owner))
    make_entry(account)

    assert shown(owner_client, f"?actor={owner.pk}") == [old.pk]


def test_the_filter_tells_no_name_of_somebody_elsewhere(owner_client: Client, stranger: User, account: Account) -> None:
    make_entry(account)

    page = owner_client.get(f"{TRAIL}?actor={stranger.pk}").content.decode()

    assert stranger.email not in page
