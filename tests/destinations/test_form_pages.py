"""Making and changing a destination by its form."""

import re

from django.test import Client

from accounts.models import Account
from destinations.models import Destination
from destinations.targets import all_targets
from tests.destinations.pages import DATADOG, text


def test_every_kind_of_target_is_offered_and_has_a_form(owner_client: Client, account: Account) -> None:
    choice = text(owner_client.get("/destinations/new/"))

    for slug, target in all_targets().items():
        assert f'href="/destinations/new/{slug}/"' in choice
        assert target.summary in choice
        form = owner_client.get(f"/destinations/new/{slug}/")
        assert form.status_code == 200
        assert all(f'name="target-{name}"' in text(form) for name in target.form_class.base_fields)


def test_an_unknown_kind_is_not_found(owner_client: Client) -> None:
    assert owner_client.get("/destinations/new/carrier_pigeon/").status_code == 404
    assert owner_client.post("/destinations/new/carrier_pigeon/send_test/").status_code == 404


def test_a_viewer_may_not_make_one(viewer_client: Client, account: Account) -> None:
    assert viewer_client.get("/destinations/new/").status_code == 403
    assert viewer_client.post("/destinations/new/datadog/", DATADOG).status_code == 403
    assert viewer_client.post("/destinations/new/datadog/send_test/", DATADOG).status_code == 403
    assert not Destination.objects.exists()


def test_creating_a_destination_leads_to_its_page(owner_client: Client, account: Account) -> None:
    response = owner_client.post("/destinations/new/datadog/", DATADOG)

    destination = Destination.objects.get(account=account)
    assert response.headers["Location"] == f"/destinations/{destination.pk}/"
    assert destination.secrets == {"api_key": DATADOG["target-api_key"]}


def test_a_refused_form_comes_back_as_typed_but_for_its_secrets(owner_client: Client, account: Account) -> None:
    typed = {**DATADOG, "description": "Kept <name>", "target-site": "datadoghq.example"}

    response = owner_client.post("/destinations/new/datadog/", typed)

    assert response.status_code == 422
    assert "Kept &lt;name&gt;" in text(response)
    assert "1 thing to mend" in text(response)
    assert DATADOG["target-api_key"] not in text(response)
    assert not Destination.objects.exists()


def test_the_accounts_limit_is_said_in_the_form(owner_client: Client, account: Account) -> None:
    account.max_destinations = 0
    account.save()

    response = owner_client.post("/destinations/new/datadog/", DATADOG)

    assert response.status_code == 422
    assert "its limit" in text(response)


def test_editing_keeps_the_secret_that_was_left_empty(owner_client: Client, destination: Destination) -> None:
    page = text(owner_client.get(f"/destinations/{destination.pk}/configuration/"))
    assert destination.secrets["api_key"] not in page
    assert "ends in …cdef" in page

    owner_client.post(
        f"/destinations/{destination.pk}/configuration/", {**DATADOG, "target-api_key": "", "description": "Renamed"}
    )

    changed = Destination.objects.get(pk=destination.pk)
    assert changed.description == "Renamed"
    assert changed.secrets == destination.secrets
    assert changed.revision == 2


def test_editing_asks_for_the_secret_again_only_where_the_address_changed(
    owner_client: Client, destination: Destination
) -> None:
    moved = {**DATADOG, "target-api_key": "", "target-site": "datadoghq.com"}

    response = owner_client.post(f"/destinations/{destination.pk}/configuration/", moved)

    assert response.status_code == 422
    assert "Type the API key again" in text(response)


def test_the_form_asks_what_becomes_of_records_that_are_too_old(owner_client: Client, destination: Destination) -> None:
    address = f"/destinations/{destination.pk}/configuration/"
    assert "Datadog takes nothing older than 18 hours." in text(owner_client.get(address))

    owner_client.post(address, {**DATADOG, "refuses_too_old": "on"})

    destination.refresh_from_db()
    assert (destination.refuses_too_old, destination.revision) == (True, 2)
    assert re.search(r'name="refuses_too_old"[^>]* checked', text(owner_client.get(address)))
    owner_client.post(address, DATADOG)
    destination.refresh_from_db()
    assert not destination.refuses_too_old


def test_the_form_does_not_ask_where_records_may_have_any_age(owner_client: Client, account: Account) -> None:
    assert "refuses_too_old" not in text(owner_client.get("/destinations/new/kinesis/"))


def test_who_changes_it_is_told_of_a_change_that_came_meanwhile(owner_client: Client, destination: Destination) -> None:
    address = f"/destinations/{destination.pk}/configuration/"
    assert f'name="revision" value="{destination.revision}"' in text(owner_client.get(address))
    seen = {**DATADOG, "revision": str(destination.revision)}
    owner_client.post(address, {**seen, "description": "Elsewhere", "target-site": "us3.datadoghq.com"})

    late = owner_client.post(address, {**seen, "description": "Here"})

    assert late.status_code == 422
    assert "now it is Elsewhere, Datadog at us3.datadoghq.com" in text(late)
    assert 'value="Here"' in text(late)
    destination.refresh_from_db()
    assert destination.description == "Elsewhere"
    assert f'name="revision" value="{destination.revision}"' in text(late)
    owner_client.post(address, {**seen, "description": "Here", "revision": str(destination.revision)})
    destination.refresh_from_db()
    assert destination.description == "Here"
