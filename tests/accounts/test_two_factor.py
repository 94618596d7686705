"""The second factor: setting up, signing in with it, recovery codes, and accounts that require it."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.mail import send_due_mail
from accounts.models import Account, AuditEntry, Membership, OutgoingMail, Role, User
from common import crypto
from tests.factories import PASSWORD, make_account

SET_UP = "/settings/sign-in/two-factor/"


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(timezone.now().timestamp()) // 30)))


def give_second_factor(user: User) -> str:
    """The secret that the person's app holds."""
    secret = str(generate_totp_secret())
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def sign_in(client: Client, user: User) -> str:
    return client.post("/sign-in/", {"login": user.email, "password": PASSWORD}).headers["Location"]


@pytest.fixture
def fresh_client(owner: User) -> Client:
    """Signed in, and the password typed again a moment ago."""
    client = Client()
    sign_in(client, owner)
    client.post("/sign-in/again/", {"password": PASSWORD})
    return client


def set_up(client: Client) -> str:
    page = client.get(SET_UP).content.decode()
    secret = re.search(r'<code id="secret">(\w+)</code>', page)
    assert secret is not None
    response = client.post(SET_UP, {"code": code_of(secret[1])})
    assert response.headers["Location"] == "/settings/sign-in/recovery-codes/"
    return secret[1]


@pytest.mark.django_db(transaction=True)
def test_setting_up_gives_recovery_codes_a_mail_and_an_entry(fresh_client: Client, owner: User) -> None:
    set_up(fresh_client)

    codes = fresh_client.get("/settings/sign-in/recovery-codes/").content.decode()
    assert len(re.findall(r"^(?:.*>)?\d{8}$", codes, re.MULTILINE)) == 10
    assert AuditEntry.objects.get().event_type == "second_factor_added"
    assert OutgoingMail.objects.get().subject == "Your second factor is on"
    assert send_due_mail() == 1


def test_the_secret_is_encrypted_at_rest(fresh_client: Client, owner: User) -> None:
    secret = set_up(fresh_client)

    stored = Authenticator.objects.get(user=owner, type="totp").data["secret"]
    assert secret not in stored
    assert crypto.decrypt(stored) == secret


def test_a_wrong_code_switches_nothing_on(fresh_client: Client, owner: User) -> None:
    fresh_client.get(SET_UP)

    response = fresh_client.post(SET_UP, {"code": "000000"})

    assert "This code is wrong" in response.content.decode()
    assert not Authenticator.objects.exists()


def test_signing_in_then_takes_password_and_code(client: Client, owner: User) -> None:
    secret = give_second_factor(owner)

    assert sign_in(client, owner) == "/sign-in/code/"
    assert client.get("/catalogue/").status_code == 302
    assert client.post("/sign-in/code/", {"code": code_of(secret)}).headers["Location"] == "/"
    assert client.get("/catalogue/").status_code == 200


def test_a_code_is_good_once(owner: User) -> None:
    secret = give_second_factor(owner)
    code = code_of(secret)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, owner)

    first.post("/sign-in/code/", {"code": code})
    again = second.post("/sign-in/code/", {"code": code})

    assert first.get("/catalogue/").status_code == 200
    assert "used before" in again.content.decode()
    assert second.get("/catalogue/").status_code == 302


def test_codes_cannot_be_tried_out(client: Client, owner: User) -> None:
    secret = give_second_factor(owner)
    sign_in(client, owner)
    for _ in range(5):
        client.post("/sign-in/code/", {"code": "000000"})

    response = client.post("/sign-in/code/", {"code": code_of(secret)})

    assert response.status_code == 200
    assert client.get("/catalogue/").status_code == 302


def test_a_recovery_code_lets_in_once(owner: User) -> None:
    give_second_factor(owner)
    codes = RecoveryCodes(Authenticator.objects.get(user=owner, type="recovery_codes")).get_unused_codes()
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, owner)

    first.post("/sign-in/code/", {"code": codes[0]})
    second.post("/sign-in/code/", {"code": codes[0]})

    assert first.get("/catalogue/").status_code == 200
    assert second.get("/catalogue/").status_code == 302


def test_the_code_page_is_nothing_without_the_password(client: Client, owner: User) -> None:
    secret = give_second_factor(owner)

    response = client.post("/sign-in/code/", {"code": code_of(secret)})

    assert response.headers["Location"] == "/sign-in/"
    assert client.get("/catalogue/").status_code == 302


@pytest.mark.parametrize("path", [SET_UP, f"{SET_UP}switch-off/", "/settings/sign-in/recovery-codes/new/"])
def test_an_open_browser_is_not_enough_to_change_it(owner_client: Client, owner: User, path: str) -> None:
    if path != SET_UP:
        give_second_factor(owner)

    for response in (owner_client.get(path), owner_client.post(path)):
        assert response.headers["Location"].startswith("/sign-in/again/")
    assert Authenticator.objects.count() == (0 if path == SET_UP else 2)


def test_the_password_typed_again_counts_for_five_minutes(fresh_client: Client) -> None:
    assert fresh_client.get(SET_UP).status_code == 200

    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert fresh_client.get(SET_UP).status_code == 302


def test_a_wrong_password_confirms_nothing(owner_client: Client) -> None:
    page = owner_client.post("/sign-in/again/", {"password": "wrong"})

    assert page.status_code == 200
    assert owner_client.get(SET_UP).status_code == 302


def test_recovery_codes_are_shown_only_to_whoever_confirmed(owner_client: Client, owner: User) -> None:
    give_second_factor(owner)
    codes = RecoveryCodes(Authenticator.objects.get(user=owner, type="recovery_codes")).get_unused_codes()

    shown = owner_client.get("/settings/sign-in/recovery-codes/", follow=True).content.decode()
    downloaded = owner_client.get("/settings/sign-in/recovery-codes/download/", follow=True).content.decode()

    assert not any(code in shown + downloaded for code in codes)


def test_switching_off_takes_the_recovery_codes_with_it(owner: User, client: Client) -> None:
    secret = give_second_factor(owner)
    sign_in(client, owner)
    client.post("/sign-in/code/", {"code": code_of(secret)})
    client.post("/sign-in/again/", {"password": PASSWORD})

    client.post(f"{SET_UP}switch-off/")

    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.get().event_type == "second_factor_removed"


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_confirming_never_leads_elsewhere(owner_client: Client, page: str) -> None:
    response = owner_client.post(f"/sign-in/again/?next={page}", {"password": PASSWORD, "next": page})

    assert response.headers["Location"] == "/"


# Accounts that require it


def test_only_who_has_one_can_require_it(owner_client: Client, owner: User, account: Account) -> None:
    wanted = {"name": "Acme Edge", "requires_two_factor": "on"}

    refused = owner_client.post("/settings/account/", wanted)
    give_second_factor(owner)
    owner_client.post("/settings/account/", wanted)

    assert refused.status_code == 422
    account.refresh_from_db()
    assert account.requires_two_factor
    after = AuditEntry.objects.get().after
    assert after is not None
    assert after["requires_two_factor"] is True


def test_an_account_that_requires_it_opens_only_with_it(viewer_client: Client, viewer: User, account: Account) -> None:
    account.requires_two_factor = True
    account.save()

    refused = viewer_client.get("/catalogue/")
    assert refused.status_code == 403
    assert "requires a second factor" in refused.content.decode()
    assert viewer_client.post("/settings/notifications/").status_code == 403
    assert viewer_client.get("/settings/sign-in/").status_code == 200

    give_second_factor(viewer)
    assert viewer_client.get("/catalogue/").status_code == 200


def test_other_accounts_stay_open(viewer_client: Client, viewer: User, account: Account) -> None:
    account.requires_two_factor = True
    account.save()
    other = make_account(name="Other")
    Membership.objects.create(account=other, user=viewer, role=Role.VIEWER)

    viewer_client.post("/account/choose/", {"account": other.pk})

    assert viewer_client.get("/catalogue/").status_code == 200


def test_staff_take_it_away_from_whoever_lost_it(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    give_second_factor(owner)

    call_command("one_time_password", owner.email, without_second_factor=True)

    assert not Authenticator.objects.exists()
    owner.refresh_from_db()
    assert owner.check_password(capsys.readouterr().out.strip())
    told = AuditEntry.objects.order_by("pk").values_list("event_type", "actor_id")
    command = "manage.py one_time_password"
    assert list(told) == [("second_factor_removed", command), ("one_time_password_given", command)]


def test_the_administration_asks_for_it_too(client: Client, owner: User) -> None:
    owner.is_staff = owner.is_superuser = True
    owner.save()
    give_second_factor(owner)

    page = client.get("/admin/", follow=True)
    client.post("/admin/login/", {"username": owner.email, "password": PASSWORD})

    assert page.wsgi_request.path == "/sign-in/"
    assert client.get("/admin/").status_code == 302
