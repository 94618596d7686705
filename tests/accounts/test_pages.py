"""Signing in and out, passwords, accounts, themes, and pages for what goes wrong."""

import re

import pytest
from django.core import mail
from django.template import loader
from django.test import Client

from accounts.mail import send_due_mail
from accounts.models import Account, Membership, OutgoingMail, Role, User
from tests.factories import BACKEND, PASSWORD, make_account, make_member, make_user

HOME = "/catalogue/"
NEW_PASSWORD = "a quite different phrase"


def sign_in(client: Client, email: str, password: str, page: str = HOME) -> str:
    response = client.post(f"/sign-in/?next={page}", {"login": email, "password": password, "next": page})
    return str(response.headers.get("Location", response.content.decode()))


def test_a_person_signs_in_and_lands_on_the_page_asked_for(client: Client, owner: User) -> None:
    asked = client.get(HOME)

    assert asked.headers["Location"] == f"/sign-in/?next={HOME}"
    assert sign_in(client, owner.email, PASSWORD) == HOME
    assert client.get(HOME).status_code == 200


def test_a_wrong_password_says_so_without_saying_which_is_wrong(client: Client, owner: User) -> None:
    wrong_password = sign_in(client, owner.email, "wrong")
    wrong_person = sign_in(client, "nobody@acme.example", "wrong")

    assert "E-mail or password is wrong." in wrong_password
    assert "E-mail or password is wrong." in wrong_person


def test_five_wrong_tries_make_a_pause(client: Client, owner: User) -> None:
    for _ in range(5):
        sign_in(client, owner.email, "wrong")

    assert "Wait for 5 minutes" in sign_in(client, owner.email, PASSWORD)


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_elsewhere(client: Client, owner: User, page: str) -> None:
    assert "evil" not in sign_in(client, owner.email, PASSWORD, page)


def test_signing_out_needs_a_post(owner_client: Client) -> None:
    assert owner_client.get("/sign-out/").status_code == 405

    assert owner_client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert owner_client.get(HOME).status_code == 302


def test_nobody_signs_up_by_themselves(client: Client) -> None:
    assert client.get("/account/signup/").status_code == 404


def test_a_one_time_password_is_good_only_for_choosing_one(client: Client, account: Account) -> None:
    user = make_member(account, "nora@acme.example")
    one_time = user.give_one_time_password()
    sign_in(client, user.email, one_time)

    page = client.get("/deliveries/?state=dead").headers["Location"]
    assert page == "/account/choose-password/?next=/deliveries/%3Fstate%3Ddead"

    chosen = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    asked_for = client.get(page).context["request"].GET["next"]
    assert f'name="next" value="{asked_for}"' in client.get(page).content.decode()
    assert client.post(page, chosen | {"next": asked_for}).headers["Location"] == "/deliveries/?state=dead"
    assert client.get(HOME).status_code == 200
    user.refresh_from_db()
    assert not user.has_one_time_password
    assert user.check_password(NEW_PASSWORD)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (NEW_PASSWORD, "another", "The two passwords are not the same."),
        ("short", "short", "at least 12 characters"),
        ("", "", "This field is required."),
        (None, None, "This is the one-time password."),
    ],
)
def test_a_bad_choice_is_refused_with_the_reason(
    client: Client, account: Account, first: str | None, second: str | None, reason: str
) -> None:
    user = make_member(account, "nora@acme.example")
    one_time = user.give_one_time_password()
    sign_in(client, user.email, one_time)

    chosen = [one_time if password is None else password for password in (first, second)]
    response = client.post("/account/choose-password/", {"new_password1": chosen[0], "new_password2": chosen[1]})

    assert response.status_code == 422
    assert "to mend before this can be saved." in response.content.decode()
    assert reason in response.content.decode()


def test_a_password_of_ones_own_cannot_be_replaced_without_it(owner_client: Client, owner: User) -> None:
    chosen = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}

    assert owner_client.post("/account/choose-password/", chosen).headers["Location"] == "/"
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_a_forgotten_password_is_replaced_by_a_link(client: Client, account: Account) -> None:
    user = make_member(account, "nora@acme.example")
    user.give_one_time_password()
    client.post("/account/password/reset/", {"email": user.email})
    send_due_mail()
    link = re.search(r"http://testserver(\S+/key/\S+)", str(mail.outbox[0].body))
    assert link is not None

    form = client.get(link[1], follow=True)
    page = str(form.wsgi_request.path)
    done = client.post(page, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}, follow=True)

    assert "Your password is changed" in done.content.decode()
    assert sign_in(client, user.email, NEW_PASSWORD) == HOME
    assert client.get(HOME).status_code == 200
    assert "This link is used up" in Client().get(link[1], follow=True).content.decode()


def test_an_unknown_address_gets_the_same_answer(client: Client, db: None) -> None:
    response = client.post("/account/password/reset/", {"email": "nobody@acme.example"}, follow=True)

    assert "Look into your mail" in response.content.decode()
    assert send_due_mail() == 0
    assert not OutgoingMail.objects.exists()


def test_a_person_switches_between_their_accounts(owner_client: Client, owner: User) -> None:
    other = make_account(name="Acme Staging")
    Membership.objects.create(account=other, user=owner, role=Role.VIEWER)

    response = owner_client.post("/account/choose/", {"account": other.pk, "next": HOME})

    assert response.headers["Location"] == HOME
    assert response.cookies["account"]["samesite"] == "Lax"
    assert response.cookies["account"]["httponly"]
    assert owner_client.get(HOME).context["account"] == other


def test_a_foreign_account_cannot_be_chosen(owner_client: Client, stranger: User) -> None:
    foreign = stranger.accounts.get()

    assert owner_client.post("/account/choose/", {"account": foreign.pk}).status_code == 404
    owner_client.cookies["account"] = foreign.pk
    assert owner_client.get(HOME).context["account"] != foreign


@pytest.mark.parametrize("address", ["/account/choose/", "/account/theme/"])
def test_choices_need_a_person(client: Client, db: None, address: str) -> None:
    for answer in (client.get(address), client.post(address)):
        assert answer.headers["Location"].startswith("/sign-in/")


def test_a_theme_is_posted_and_an_account_is_not_changed_by_looking(owner_client: Client) -> None:
    assert owner_client.get("/account/theme/").status_code == 405
    assert "account" not in owner_client.get("/account/choose/").cookies


def test_the_theme_is_in_the_page_from_the_first_byte(owner_client: Client) -> None:
    owner_client.post("/account/theme/", {"theme": "dark", "density": "compact"})

    html = owner_client.get(HOME).content.decode()
    assert 'data-theme="dark"' in html
    assert 'data-density="compact"' in html


def test_an_unknown_theme_changes_nothing(owner_client: Client) -> None:
    response = owner_client.post("/account/theme/", {"theme": '"><script>', "next": "//evil.example"})

    assert not response.cookies
    assert response.headers["Location"] == "/"
    owner_client.cookies["theme"] = "evil"
    assert "data-theme" not in owner_client.get(HOME).content.decode()


def test_a_person_without_an_account_is_told_so(client: Client, db: None) -> None:
    client.force_login(make_user("nobody@acme.example"), BACKEND)

    response = client.get(HOME)

    assert response.status_code == 403
    assert "You are in no account" in response.content.decode()


def test_the_base_page_has_what_every_page_needs(owner_client: Client) -> None:
    html = owner_client.get(HOME).content.decode()

    assert '<a class="skip" href="#main">' in html
    assert re.search(r'<a href="/catalogue/" aria-current="page">', html)
    assert html.count('aria-current="page"') == 2  # in the bar and in the menu
    assert '<div id="say" role="status"></div>' in html
    assert '<div id="shout" role="alert"></div>' in html
    assert not re.search(r"<style|<script>|\sstyle=|\son\w+=|hx-on", html)


def test_a_name_cannot_inject_markup(client: Client, account: Account) -> None:
    account.name = "<script>alert(1)</script>"
    account.save()
    client.force_login(make_member(account, "x@acme.example"), BACKEND)

    assert "<script>alert" not in client.get(HOME).content.decode()


def test_an_unknown_page_answers_like_a_foreign_one(owner_client: Client) -> None:
    response = owner_client.get("/nothing/here/")

    assert response.status_code == 404
    assert "There is nothing here, or it is not in this account." in response.content.decode()


def test_the_error_page_needs_no_database_and_no_context() -> None:
    assert "Something went wrong on our side" in loader.get_template("500.html").render()


@pytest.mark.parametrize("name", ["403.html", "403_csrf.html", "429.html"])
def test_refusals_need_no_context(name: str) -> None:
    assert "<h1>" in loader.get_template(name).render()


def test_a_form_without_our_token_is_refused_in_words(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post("/sign-in/", {"login": owner.email, "password": PASSWORD})

    assert response.status_code == 403
    assert "The page was out of date" in response.content.decode()
