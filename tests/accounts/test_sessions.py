"""Sessions, and the password of one's own, which ends them."""

from django.core import mail
from django.test import Client

from accounts.mail import send_due_mail
from accounts.models import AuditEntry, OutgoingMail, User
from tests.accounts.signing_in import CHANGE, NEW_PASSWORD, is_signed_in, sign_in
from tests.factories import PASSWORD


def test_signing_in_gives_a_new_session(client: Client, owner: User) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    fixed = session.session_key
    client.cookies["sessionid"] = str(fixed)

    sign_in(client, owner.email)

    assert client.cookies["sessionid"].value != fixed
    victim = Client()
    victim.cookies["sessionid"] = str(fixed)
    assert not is_signed_in(victim)


def test_signing_out_ends_the_session_for_whoever_copied_it(client: Client, owner: User) -> None:
    sign_in(client, owner.email)
    thief = Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value

    client.post("/sign-out/")

    assert not is_signed_in(thief)


def test_the_page_lists_where_one_is_signed_in(owner: User) -> None:
    here, there = Client(), Client()
    sign_in(
        there, owner.email, HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )
    sign_in(here, owner.email, HTTP_USER_AGENT="curl/8.5.0")

    page = here.get("/settings/sign-in/").content.decode()

    assert "Firefox on Linux" in page
    assert "curl/8.5.0" in page
    assert page.count("(this one)") == 1


def test_signing_out_elsewhere_leaves_only_this_one(owner: User) -> None:
    here, there = Client(), Client()
    sign_in(here, owner.email)
    sign_in(there, owner.email)

    here.post("/settings/sign-in/sessions/end/")

    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_nobody_ends_the_sessions_of_others(client: Client, owner: User, stranger_client: Client) -> None:
    sign_in(client, owner.email)

    stranger_client.post("/settings/sign-in/sessions/end/")

    assert is_signed_in(client)


def test_changing_the_password_needs_the_old_one(client: Client, owner: User) -> None:
    sign_in(client, owner.email)

    client.post(CHANGE, {"oldpassword": "wrong", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_changing_the_password_ends_every_other_session(owner: User) -> None:
    here, there = Client(), Client()
    sign_in(here, owner.email)
    sign_in(there, owner.email)

    response = here.post(CHANGE, {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    assert response.headers["Location"] == "/settings/sign-in/"
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert AuditEntry.objects.get().event_type == "password_changed"
    assert OutgoingMail.objects.get().subject == "Your password was changed"
    assert "(this one)" in here.get("/settings/sign-in/").content.decode()


def test_resetting_the_password_ends_every_session(client: Client, owner: User) -> None:
    sign_in(client, owner.email)
    Client().post("/account/password/reset/", {"email": owner.email})
    send_due_mail()
    link = next(word for word in str(mail.outbox[0].body).split() if "/key/" in word)
    other = Client()
    form = other.get(link.removeprefix("http://testserver"), follow=True)

    other.post(str(form.wsgi_request.path), {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    assert not is_signed_in(client)
    assert AuditEntry.objects.get().event_type == "password_reset"
