"""Single sign-on, against a real provider on loopback."""

from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.invitations import invite
from accounts.models import Account, AuditEntry, Membership, Role, User
from tests.factories import make_member
from tests.oidc import CLIENT_ID, CLIENT_SECRET, Provider

START = "/sign-in/sso/login/"


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    with Provider() as server:
        settings.OIDC_ISSUER = server.issuer
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.OIDC_NAME = "Acme ID"
        yield server


def sign_in(client: Client, provider: Provider, email: str, *, verified: object = True, query: str = "") -> str:
    """Through the provider and back; the address or the page that the person lands on."""
    provider.claims = {"sub": f"id-of-{email}", "email": email, "email_verified": verified, "name": "Nora New"}
    begun = client.get(START + query)
    answer = client.get(_follow(begun.headers["Location"]))
    return str(answer.headers.get("Location", answer.content.decode()))


def _follow(url: str) -> str:
    """What the browser does at the provider: it is sent back to us."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=5)
    connection.request("GET", f"{parts.path}?{parts.query}")
    back = urlsplit(connection.getresponse().headers["Location"])
    connection.close()
    return f"{back.path}?{back.query}"


def is_signed_in(client: Client) -> bool:
    return client.get("/catalogue/").status_code == 200


def test_a_person_is_matched_by_their_verified_address(client: Client, provider: Provider, owner: User) -> None:
    landed = sign_in(client, provider, owner.email.upper(), query="?next=/catalogue/")

    assert landed == "/catalogue/"
    assert client.get("/catalogue/").context["user"] == owner
    assert AuditEntry.objects.get().event_type == "single_sign_on_connected"


def test_the_second_time_the_provider_s_id_counts(client: Client, provider: Provider, owner: User) -> None:
    sign_in(client, provider, owner.email)

    again = Client()
    assert sign_in(again, provider, owner.email) == "/"
    assert is_signed_in(again)
    assert SocialAccount.objects.filter(user=owner).count() == 1


@pytest.mark.parametrize("verified", [False, "false", None, "true"])
def test_an_address_that_is_not_verified_lets_nobody_in(
    client: Client, provider: Provider, owner: User, verified: object
) -> None:
    page = sign_in(client, provider, owner.email, verified=verified)

    assert "cannot know that it is yours" in page
    assert not is_signed_in(client)
    assert not SocialAccount.objects.filter(user=owner).exists()


def test_a_stranger_gets_no_account(client: Client, provider: Provider, account: Account) -> None:
    page = sign_in(client, provider, "nobody@acme.example")

    assert "Nobody here has the address nobody@acme.example" in page
    assert not User.objects.exists()
    assert not is_signed_in(client)


def test_somebody_invited_gets_in(client: Client, provider: Provider, account: Account, owner: User) -> None:
    by = Membership.objects.get(user=owner)
    invite(account=account, by=by, email="nora@acme.example", role=Role.EDITOR)

    sign_in(client, provider, "nora@acme.example")

    nora = User.objects.get(email="nora@acme.example")
    assert (nora.name, nora.has_usable_password()) == ("Nora New", False)
    assert Membership.objects.get(user=nora).role == Role.EDITOR
    assert is_signed_in(client)


def test_only_the_listed_domains_may_use_it(
    client: Client, provider: Provider, account: Account, settings: Settings
) -> None:
    settings.OIDC_ALLOWED_DOMAINS = ["acme.example"]
    make_member(account, "olga@evil-acme.example")

    page = sign_in(client, provider, "olga@evil-acme.example")

    assert "is not of a domain that may sign in here by Acme ID" in page
    assert not is_signed_in(client)


def test_a_person_who_is_switched_off_stays_out(client: Client, provider: Provider, owner: User) -> None:
    owner.is_active = False
    owner.save()

    sign_in(client, provider, owner.email)

    assert not is_signed_in(client)


def test_a_refusal_by_the_provider_is_told_in_words(client: Client, provider: Provider, owner: User) -> None:
    provider.refuses = True

    page = sign_in(client, provider, owner.email)

    assert "did not let you in" in page


def test_an_answer_that_nobody_asked_for_is_refused(client: Client, provider: Provider, owner: User) -> None:
    provider.claims = {"sub": "1", "email": owner.email, "email_verified": True}
    answer = _follow(client.get(START).headers["Location"])

    stranger = Client()
    response = stranger.get(answer)

    assert response.status_code == 403
    assert not is_signed_in(stranger)


def test_a_wrong_secret_lets_nobody_in(client: Client, provider: Provider, owner: User, settings: Settings) -> None:
    settings.OIDC_CLIENT_SECRET = "wrong"

    assert "did not let you in" in sign_in(client, provider, owner.email)
    assert not is_signed_in(client)


def test_it_never_leads_elsewhere(client: Client, provider: Provider, owner: User) -> None:
    assert sign_in(client, provider, owner.email, query="?next=https://evil.example/") == "/"


def test_without_a_provider_there_is_no_such_sign_in(client: Client, db: None) -> None:
    assert client.get(START).status_code == 404
    assert "/sign-in/sso/" not in client.get("/sign-in/").content.decode()


def test_the_sign_in_page_names_the_provider(client: Client, provider: Provider, db: None) -> None:
    assert "Sign in with Acme ID" in client.get("/sign-in/").content.decode()


def test_of_the_second_factor_the_provider_takes_care(
    client: Client, provider: Provider, account: Account, owner: User
) -> None:
    account.requires_two_factor = True
    account.save()

    sign_in(client, provider, owner.email)

    assert is_signed_in(client)
