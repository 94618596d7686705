"""Signing in under attack: guessing, listing who is here, forms from elsewhere."""

import time
from statistics import median

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.mail import send_due_mail
from accounts.models import OutgoingMail, User
from config import settings as product
from tests.accounts.signing_in import CHANGE, is_signed_in, sign_in
from tests.factories import BACKEND, PASSWORD, make_user


@pytest.fixture
def real_hashers(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = product.PASSWORD_HASHERS


def test_passwords_are_hashed_with_argon2(real_hashers: None, db: None) -> None:
    user = make_user("nora@acme.example")

    assert user.password.startswith("argon2$argon2id$")
    assert user.check_password(PASSWORD)


def test_an_older_hash_still_lets_in_and_is_replaced(settings: Settings, client: Client, owner: User) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    owner.set_password(PASSWORD)
    owner.save()
    settings.PASSWORD_HASHERS = product.PASSWORD_HASHERS

    sign_in(client, owner.email)

    owner.refresh_from_db()
    assert is_signed_in(client)
    assert owner.password.startswith("argon2$")


def test_one_address_is_guessed_at_five_times(client: Client, owner: User) -> None:
    for _ in range(5):
        sign_in(Client(), owner.email, "wrong")

    sign_in(client, owner.email)

    assert not is_signed_in(client)


def test_one_source_cannot_try_many_addresses(client: Client, owner: User) -> None:
    for number in range(10):
        sign_in(Client(), f"p{number}@acme.example", "wrong")

    sign_in(client, owner.email)

    assert not is_signed_in(client)


def test_a_forged_address_does_not_reset_the_count(client: Client, owner: User) -> None:
    for number in range(10):
        sign_in(Client(), f"p{number}@acme.example", "wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")

    sign_in(client, owner.email, HTTP_X_FORWARDED_FOR="203.0.113.99")

    assert not is_signed_in(client)


def test_behind_a_proxy_each_person_has_their_own_count(client: Client, owner: User, settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(10):
        sign_in(Client(), f"p{number}@acme.example", "wrong", HTTP_X_FORWARDED_FOR="203.0.113.7")

    sign_in(client, owner.email, HTTP_X_FORWARDED_FOR="203.0.113.99")

    assert is_signed_in(client)


def test_asking_for_links_is_throttled(owner: User) -> None:
    for _ in range(8):
        Client().post("/account/password/reset/", {"email": owner.email})

    assert OutgoingMail.objects.count() == 5


def test_a_wrong_password_takes_as_long_for_a_stranger(real_hashers: None, settings: Settings, owner: User) -> None:
    owner.set_password(PASSWORD)
    owner.save()
    settings.ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}

    known = median(_seconds("/sign-in/", login=owner.email, password="wrong") for _ in range(5))
    unknown = median(_seconds("/sign-in/", login="nobody@acme.example", password="wrong") for _ in range(5))

    # A hash takes tens of milliseconds; without one, the answer would come in a fifth of the time.
    assert 0.5 < known / unknown < 2


def test_asking_for_a_link_sends_nothing_while_the_page_waits(owner: User) -> None:
    Client().post("/account/password/reset/", {"email": owner.email})

    assert not mail.outbox
    assert send_due_mail() == 1
    assert mail.outbox[0].to == [owner.email]


def test_asking_for_a_link_costs_the_same_for_a_stranger(owner: User) -> None:
    # allauth notes a person's address at the first mail to them.
    Client().post("/account/password/reset/", {"email": owner.email})
    send_due_mail()
    written = []
    for email in (owner.email, "nobody@acme.example"):
        with CaptureQueriesContext(connection) as queries:
            Client().post("/account/password/reset/", {"email": email})
        written.append(sum('INSERT INTO "accounts_outgoingmail"' in query["sql"] for query in queries))

    assert written == [1, 1]
    assert send_due_mail() == 1


def test_the_answers_are_the_same_words(owner: User) -> None:
    answers = [
        Client().post("/account/password/reset/", {"email": email}, follow=True).content
        for email in (owner.email, "nobody@acme.example")
    ]

    assert answers[0] == answers[1]


def test_a_person_who_is_switched_off_is_no_different_without_the_password(client: Client, owner: User) -> None:
    owner.is_active = False
    owner.save()

    page = client.post("/sign-in/", {"login": owner.email, "password": "wrong"}).content.decode()

    assert "E-mail or password is wrong." in page


def _seconds(path: str, **data: str) -> float:
    client = Client()
    begun = time.perf_counter()
    client.post(path, data)
    return time.perf_counter() - begun


@pytest.mark.parametrize(
    "path",
    [
        "/sign-out/",
        "/account/choose/",
        "/account/new/",
        "/settings/people/",
        "/settings/account/",
        "/settings/sign-in/",
        "/settings/sign-in/sessions/end/",
        CHANGE,
        "/settings/notifications/",
    ],
)
def test_a_form_from_another_site_changes_nothing(owner: User, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, BACKEND)

    assert client.post(path, {"name": "Mine"}).status_code == 403


def test_a_replaced_address_neither_signs_in_nor_gets_a_link(client: Client, owner: User, viewer: User) -> None:
    viewer.is_staff = viewer.is_superuser = True
    viewer.save()
    staff = Client()
    staff.force_login(viewer, BACKEND)
    Client().post("/account/password/reset/", {"email": owner.email})
    old = owner.email
    form = staff.get(f"/admin/accounts/user/{owner.pk}/change/").context["adminform"].form
    inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}

    saved = staff.post(
        f"/admin/accounts/user/{owner.pk}/change/",
        {"email": "Olivia@new.example", "name": form["name"].value(), "is_active": "on", **inline},
    )

    assert saved.status_code == 302
    OutgoingMail.objects.all().delete()
    Client().post("/account/password/reset/", {"email": old})
    sign_in(client, old)
    assert send_due_mail() == 0
    assert not is_signed_in(client)
    sign_in(client, "olivia@new.example")
    assert is_signed_in(client)
