"""The page of API keys."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, APIKey, AuditEntry, Role, User
from tests.factories import BACKEND, make_api_key, make_member


def test_an_owner_makes_a_key_and_sees_it_once(owner_client: Client, account: Account, owner: User) -> None:
    response = owner_client.post(
        "/settings/api-keys/", {"description": "CI", "scopes": ["publish"], "expires_in": "30"}
    )

    key = APIKey.objects.get()
    token = response.context["token"]
    assert (key.account, key.owner, key.description, key.scopes) == (account, owner, "CI", ["publish"])
    assert key.expires_at is not None
    assert token in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert token not in owner_client.get("/settings/api-keys/").content.decode()
    assert AuditEntry.objects.get().actor == {"id": owner.pk, "kind": "user", "source": "Dashboard"}


@pytest.mark.parametrize("data", [{}, {"scopes": ["everything"]}, {"scopes": ["api"], "description": "x" * 300}])
def test_a_key_with_bad_input_is_refused(owner_client: Client, data: dict[str, object]) -> None:
    response = owner_client.post("/settings/api-keys/", data)

    assert response.status_code == 422
    assert "1 thing to mend before this can be created." in response.content.decode()
    assert not APIKey.objects.exists()


def test_revoking_asks_first_and_then_does_it(owner_client: Client, account: Account) -> None:
    make_api_key(account)
    key = APIKey.objects.get()
    address = reverse("accounts:revoke_api_key", args=[key.pk])

    assert "Revoke Test?" in owner_client.get(address).content.decode()
    response = owner_client.post(address, follow=True)

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "Revoked: Test." in response.content.decode()
    assert owner_client.post(address).status_code == 404


def test_a_stranger_finds_no_key(stranger_client: Client, account: Account) -> None:
    make_api_key(account)
    key = APIKey.objects.get()

    assert stranger_client.post(reverse("accounts:revoke_api_key", args=[key.pk])).status_code == 404
    assert key.pk not in stranger_client.get("/settings/api-keys/").content.decode()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_keys_are_for_admins(client: Client, account: Account, role: Role) -> None:
    make_api_key(account)
    client.force_login(make_member(account, "ed@acme.example", role), BACKEND)

    response = client.get("/settings/api-keys/")

    assert response.status_code == 403
    assert f"This needs the role Admin; in Acme Edge yours is {role.label}." in response.content.decode()
    assert client.post(reverse("accounts:revoke_api_key", args=[APIKey.objects.get().pk])).status_code == 403


def test_keys_need_a_person(client: Client, db: None) -> None:
    assert client.get("/settings/api-keys/").headers["Location"] == "/sign-in/?next=/settings/api-keys/"
