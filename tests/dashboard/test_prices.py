"""The account's own prices, and the list prices under them."""

from decimal import Decimal

from django.test import Client

from accounts.models import Account, AuditEntry, User
from subscriptions.models import TargetPrice
from subscriptions.pricing import list_prices, prices_for
from tests.factories import make_destination

PAGE = "/settings/prices/datadog/"
OWN = {"per_gb": "0.07", "per_million_records": "1", "currency": "EUR", "as_of": "2026-01-31", "source": "Contract 7"}


def test_an_account_sets_its_own_price_and_takes_it_back(owner_client: Client, account: Account) -> None:
    make_destination(account)
    assert "Price list" in owner_client.get("/settings/prices/").content.decode()

    assert owner_client.post(PAGE, OWN).status_code == 302
    price = prices_for(account)["datadog"]
    assert (price.per_gb, price.currency, price.is_own) == (Decimal("0.07"), "EUR", True)
    html = owner_client.get("/settings/prices/").content.decode()
    for shown in ("0.07 EUR", "Your own, of 31 Jan 2026", "Contract 7"):
        assert shown in html
    assert owner_client.post(PAGE, {**OWN, "per_gb": "0.08"}).status_code == 302
    assert TargetPrice.objects.get().per_gb == Decimal("0.08")
    owner_client.post(f"{PAGE}forget/")

    assert prices_for(account)["datadog"] == list_prices()["datadog"]


def test_the_form_begins_with_the_list_price(owner_client: Client) -> None:
    form = owner_client.get(PAGE).context["form"]

    assert form["per_million_records"].value() == "1.70"


def test_a_wrong_price_is_refused_and_kept_in_the_form(owner_client: Client) -> None:
    response = owner_client.post(PAGE, {**OWN, "per_gb": "-1", "currency": "eur"})

    assert response.status_code == 422
    html = response.content.decode()
    for shown in ("A price is 0 or more.", "Write three capital letters.", 'value="eur"', "Contract 7"):
        assert shown in html
    assert not TargetPrice.objects.exists()


def test_only_editors_set_prices_and_only_of_their_account(
    viewer_client: Client, stranger_client: Client, account: Account
) -> None:
    assert viewer_client.get("/settings/prices/").status_code == 200
    assert viewer_client.post(PAGE, OWN).status_code == 403
    assert stranger_client.post(PAGE, OWN).status_code == 302

    assert not prices_for(account)["datadog"].is_own


def test_a_target_that_is_not_known_has_no_price(owner_client: Client) -> None:
    for page in ("/settings/prices/nothing/", "/settings/prices/nothing/forget/"):
        assert owner_client.post(page, OWN).status_code == 404


def test_each_change_of_a_price_stands_in_the_trail(owner_client: Client, account: Account, owner: User) -> None:
    owner_client.post(PAGE, OWN)
    owner_client.post(PAGE, OWN)
    owner_client.post(PAGE, {**OWN, "per_gb": "0.08"})
    owner_client.post(f"{PAGE}forget/")
    owner_client.post(f"{PAGE}forget/")

    entries = AuditEntry.objects.filter(account=account, object_id="datadog").order_by("pk")
    assert [entry.event_type for entry in entries] == ["price_set", "price_set", "price_forgotten"]
    first, second, third = entries
    assert (first.before, first.after) == (None, {**OWN, "target": "datadog", "name": "Datadog"})
    assert second.before == first.after
    assert second.after == third.before == {**OWN, "target": "datadog", "name": "Datadog", "per_gb": "0.08"}
    assert third.after is None
    assert {entry.actor_id for entry in entries} == {owner.pk}
    assert "Price set" in owner_client.get("/settings/audit/").content.decode()
