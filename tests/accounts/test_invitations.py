"""Inviting and joining."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.invitations import MAX_OPEN, invite
from accounts.mail import send_due_mail
from accounts.models import Account, AuditEntry, Invitation, Membership, OutgoingMail, Role, User
from accounts.people import PeopleError
from tests.factories import PASSWORD, make_account, make_member, make_user

EMAIL = "nora@acme.example"
JOIN = {"name": "Nora New", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def by(owner: User) -> Membership:
    return Membership.objects.get(user=owner)


def link() -> str:
    """The path of the link in the newest mail."""
    send_due_mail()
    found = re.search(r"http://127\.0\.0\.1:8000(/invitations/\S+)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def send(account: Account, by: Membership, email: str = EMAIL, role: Role = Role.EDITOR) -> str:
    invite(account=account, by=by, email=email, role=role)
    return link()


def test_an_owner_invites_and_a_new_person_joins(owner_client: Client, account: Account) -> None:
    response = owner_client.post("/settings/people/", {"email": "Nora@acme.example", "role": "editor"}, follow=True)
    assert "Invited: nora@acme.example" in response.content.decode()
    path = link()
    assert mail.outbox[0].to == [EMAIL]
    assert mail.outbox[0].subject == "olivia@acme.example invites you to Acme Edge"

    newcomer = Client()
    assert "Acme Edge" in newcomer.get(path).content.decode()
    joined = newcomer.post(path, JOIN)

    nora = User.objects.get(email=EMAIL)
    assert joined.headers["Location"] == "/"
    assert joined.cookies["account"].value == account.pk
    assert newcomer.get("/catalogue/").context["user"] == nora
    assert Membership.objects.get(user=nora).role == Role.EDITOR
    assert nora.check_password(PASSWORD)
    assert [entry.event_type for entry in AuditEntry.objects.order_by("pk")] == ["member_invited", "member_joined"]


def test_a_link_is_good_once(account: Account, by: Membership) -> None:
    path = send(account, by)
    Client().post(path, JOIN)

    assert Client().get(path).status_code == 404
    assert Client().post(path, {**JOIN, "name": "Mallory"}).status_code == 404
    assert User.objects.filter(email=EMAIL).count() == 1


def test_a_link_runs_out_after_a_week(account: Account, by: Membership) -> None:
    path = send(account, by)

    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        assert Client().post(path, JOIN).status_code == 404
    assert Client().get(path).status_code == 200


def test_the_token_is_stored_nowhere(account: Account, by: Membership) -> None:
    invite(account=account, by=by, email=EMAIL, role=Role.EDITOR)
    stored = str(list(Invitation.objects.values())) + str(list(AuditEntry.objects.values()))
    path = link()

    assert path.split("/")[2] not in stored
    assert OutgoingMail.objects.get().content == {}


def test_a_person_who_is_here_joins_after_signing_in(account: Account, by: Membership, client: Client) -> None:
    nora = make_member(make_account(name="Other"), EMAIL)
    path = send(account, by)

    assert "Sign in to join" in client.get(path).content.decode()
    assert client.post(path, JOIN).status_code == 200
    assert not account.memberships.filter(user=nora).exists()
    client.post("/sign-in/", {"login": EMAIL, "password": PASSWORD})
    client.post(path)

    assert account.memberships.get(user=nora).role == Role.EDITOR
    assert client.get("/catalogue/").context["account"] == account


def test_somebody_else_cannot_use_the_link(account: Account, by: Membership, stranger_client: Client) -> None:
    path = send(account, by)

    response = stranger_client.post(path)

    assert response.status_code == 403
    assert f"This invitation is for {EMAIL}" in response.content.decode()
    assert account.memberships.count() == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"name": ""}, "This field is required."),
        ({"password2": "another phrase entirely"}, "The two passwords are not the same."),
        ({"password1": "short", "password2": "short"}, "at least 12 characters"),
        ({"password1": "password1234", "password2": "password1234"}, "too common"),
        ({"password1": "nora@acme.example", "password2": "nora@acme.example"}, "too similar"),
    ],
)
def test_joining_with_bad_input_is_refused(
    account: Account, by: Membership, changed: dict[str, str], reason: str
) -> None:
    response = Client().post(send(account, by), {**JOIN, **changed})

    assert response.status_code == 422
    assert reason in response.content.decode()
    assert not User.objects.filter(email=EMAIL).exists()


def test_sending_again_voids_the_link_before(owner_client: Client, account: Account, by: Membership) -> None:
    first = send(account, by)
    address = reverse("resend_invitation", args=[Invitation.objects.get().pk])

    too_early = owner_client.post(address, follow=True).content.decode()
    Invitation.objects.update(sent_at=timezone.now() - timedelta(days=8), expires_at=timezone.now() - timedelta(days=1))
    owner_client.post(address)

    assert "less than a minute ago" in too_early
    assert Client().get(first).status_code == 404
    assert Client().get(link()).status_code == 200


def test_a_revoked_invitation_lets_nobody_in(owner_client: Client, account: Account, by: Membership) -> None:
    path = send(account, by)
    address = reverse("revoke_invitation", args=[Invitation.objects.get().pk])

    owner_client.post(address)

    assert Client().post(path, JOIN).status_code == 404
    assert owner_client.post(address).status_code == 404


@pytest.mark.parametrize("name", ["resend_invitation", "revoke_invitation"])
def test_a_stranger_finds_no_invitation(
    stranger_client: Client, viewer_client: Client, account: Account, by: Membership, name: str
) -> None:
    send(account, by)
    address = reverse(name, args=[Invitation.objects.get().pk])

    assert stranger_client.post(address).status_code == 404
    assert viewer_client.post(address).status_code == 403
    assert stranger_client.get(address).status_code == 405


def test_who_is_in_or_invited_is_not_invited_again(account: Account, by: Membership, viewer: User) -> None:
    send(account, by)

    with pytest.raises(PeopleError, match="invited already"):
        invite(account=account, by=by, email=EMAIL.upper(), role=Role.VIEWER)
    with pytest.raises(PeopleError, match="in this account already"):
        invite(account=account, by=by, email=viewer.email, role=Role.EDITOR)


def test_an_admin_invites_no_owner(account: Account) -> None:
    admin = Membership.objects.get(user=make_member(account, "ada@acme.example", Role.ADMIN))

    with pytest.raises(PeopleError, match="Only owners may invite owners"):
        invite(account=account, by=admin, email=EMAIL, role=Role.OWNER)


def test_invitations_cannot_be_used_to_flood(account: Account, by: Membership) -> None:
    now = timezone.now()
    Invitation.objects.bulk_create(
        Invitation(account=account, email=f"{n}@x.example", token_hash=str(n), expires_at=now) for n in range(MAX_OPEN)
    )

    with pytest.raises(PeopleError, match="100 invitations are open"):
        invite(account=account, by=by, email=EMAIL, role=Role.VIEWER)


@pytest.mark.parametrize("data", [{}, {"email": "not an address", "role": "viewer"}, {"email": EMAIL, "role": "king"}])
def test_bad_input_invites_nobody(owner_client: Client, data: dict[str, str]) -> None:
    response = owner_client.post("/settings/people/", data)

    assert response.status_code == 422
    assert not Invitation.objects.exists()


def test_a_suspended_account_takes_nobody(account: Account, by: Membership) -> None:
    path = send(account, by)
    Account.objects.filter(pk=account.pk).update(suspended_at=timezone.now())

    assert Client().get(path).status_code == 404


def test_joining_gives_the_browser_a_new_session(account: Account, by: Membership) -> None:
    path = send(account, by)
    client = Client()
    client.get("/sign-in/")
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = str(session.session_key)

    client.post(path, JOIN)

    assert client.cookies["sessionid"].value != session.session_key


def test_an_inviter_s_name_cannot_inject_headers_or_markup(account: Account) -> None:
    user = make_user("eve@acme.example", name="Eve\r\nBcc: all@acme.example <script>")
    by = Membership.objects.create(account=account, user=user, role=Role.OWNER)
    send(account, by)

    message = mail.outbox[0]
    assert "\n" not in message.subject
    assert message.recipients() == [EMAIL]
    assert "<script>" not in str(message.alternatives[0].content)  # type: ignore[attr-defined]
