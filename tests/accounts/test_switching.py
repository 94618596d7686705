"""The accounts of a person who has more of them than a menu can list."""

import pytest
from django.test import Client

from accounts.models import Account, Membership, Role, User
from common.choice import FEW
from tests.factories import make_account

CHOOSE = "/account/choose/"
SETTINGS = "/settings/"


@pytest.fixture
def many(owner: User, account: Account) -> list[Account]:
    """One more than few, numbered from 0, beside "Acme Edge"."""
    made = Account.objects.bulk_create(Account(name=f"Customer {number:03}") for number in range(FEW + 1))
    Membership.objects.bulk_create(Membership(account=each, user=owner, role=Role.VIEWER) for each in made)
    return made


def offered(page: str) -> list[str]:
    return [part.partition("</span>")[0].rpartition(">")[2] for part in page.split('name="account"')[1:]]


def page_of(client: Client, address: str, query: str = "", **headers: str) -> str:
    return client.get(address, {"q": query}, headers=headers).content.decode()


def test_a_menu_of_few_lists_them_all(owner_client: Client, owner: User, account: Account) -> None:
    Membership.objects.create(account=make_account(name="Second"), user=owner)

    page = page_of(owner_client, SETTINGS)

    assert offered(page) == ["Acme Edge", "Second"]
    assert "Find an account" not in page


def test_a_menu_of_many_shows_the_first_and_a_search(owner_client: Client, many: list[Account]) -> None:
    page = page_of(owner_client, SETTINGS)

    assert offered(page)[:2] == ["Acme Edge", "Customer 000"]
    assert len(offered(page)) == 20
    assert f'action="{CHOOSE}"' in page
    assert "Find an account" in page


def test_accounts_are_found_by_a_part_of_the_name_and_by_id(owner_client: Client, many: list[Account]) -> None:
    part = {"HX-Request": "true"}

    assert offered(page_of(owner_client, CHOOSE, "MER 01", **part)) == [f"Customer 01{number}" for number in range(10)]
    assert offered(page_of(owner_client, CHOOSE, many[7].pk, **part)) == ["Customer 007"]
    nothing = page_of(owner_client, CHOOSE, "nothing", **part)
    assert "No account has this in its name." in nothing
    assert 'innerHTML:#say">0 accounts</div>' in nothing
    assert 'innerHTML:#say">The first 50 accounts</div>' in page_of(owner_client, CHOOSE, "customer", **part)


def test_the_last_of_many_is_chosen_and_stays(owner_client: Client, many: list[Account]) -> None:
    assert owner_client.post(CHOOSE, {"account": many[-1].pk}).status_code == 302

    assert 'aria-label="Account Customer 050"' in page_of(owner_client, SETTINGS)
    assert 'aria-current="true"' in page_of(owner_client, CHOOSE, "050", **{"HX-Request": "true"})


def test_others_are_neither_found_nor_chosen(
    owner_client: Client, owner: User, many: list[Account], stranger: User
) -> None:
    foreign = Account.objects.get(name="Other")
    gone = many[3]
    Membership.objects.filter(account=gone).delete()

    assert "Other" not in offered(page_of(owner_client, CHOOSE, "Other"))
    for account in (foreign, gone):
        assert owner_client.post(CHOOSE, {"account": account.pk}).status_code == 404
    assert owner_client.post(CHOOSE, {"account": "a\0b"}).status_code == 404
    assert page_of(owner_client, CHOOSE, "a\0b")


def test_a_cookie_of_an_account_that_one_has_left_leads_to_the_first(owner_client: Client, many: list[Account]) -> None:
    owner_client.post(CHOOSE, {"account": many[-1].pk})
    Membership.objects.filter(account=many[-1]).delete()

    assert 'aria-label="Account Acme Edge"' in page_of(owner_client, SETTINGS)


def test_a_page_reads_no_more_than_a_menu_may_show(owner_client: Client, owner: User, many: list[Account]) -> None:
    more = Account.objects.bulk_create(Account(name=f"More {number:03}") for number in range(300))
    Membership.objects.bulk_create(Membership(account=each, user=owner, role=Role.VIEWER) for each in more)
    owner_client.post(CHOOSE, {"account": more[-1].pk})

    response = owner_client.get(SETTINGS)

    assert len(response.context["memberships"]) == FEW + 1
    assert len(offered(response.content.decode())) == 20
