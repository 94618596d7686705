"""Who is in an account: roles, removing, leaving, further accounts."""

from threading import Barrier, Thread

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from accounts.audit import SYSTEM
from accounts.models import Account, APIKey, AuditEntry, Membership, Role, User
from accounts.people import MAX_OWNED, PeopleError, change_role, found_account, remove_member
from accounts.services import create_api_key
from events.audit import publish_audit_entries
from events.models import EventBatch
from tests.factories import BACKEND, make_account, make_member, make_user


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)


@pytest.fixture
def editor(account: Account) -> User:
    return make_member(account, "edda@acme.example", Role.EDITOR)


def test_the_page_lists_everybody_with_their_role(owner_client: Client, viewer: User, stranger: User) -> None:
    page = owner_client.get("/settings/people/").content.decode()

    assert viewer.email in page
    assert stranger.email not in page


def test_an_owner_changes_a_role_and_the_trail_says_so(owner_client: Client, owner: User, editor: User) -> None:
    owner_client.post(reverse("change_member", args=[editor.pk]), {"role": "admin"}, HTTP_USER_AGENT="Firefox/140.0")

    assert membership(editor).role == Role.ADMIN
    entry = AuditEntry.objects.get()
    assert (entry.event_type, entry.actor_id, entry.object_id) == ("member_role_changed", owner.pk, editor.pk)
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["role"], entry.after["role"]) == ("editor", "admin")
    assert (entry.ip, entry.user_agent) == ("127.0.0.1", "Firefox/140.0")


def test_an_admin_makes_no_owner_and_unmakes_none(account: Account, owner: User, editor: User) -> None:
    admin = make_member(account, "ada@acme.example", Role.ADMIN)

    with pytest.raises(PeopleError, match="Only owners"):
        change_role(membership=membership(editor), role=Role.OWNER, by=membership(admin))
    with pytest.raises(PeopleError, match="Only owners"):
        change_role(membership=membership(owner), role=Role.VIEWER, by=membership(admin))
    with pytest.raises(PeopleError, match="Only owners"):
        remove_member(membership=membership(owner), by=membership(admin))


def test_a_role_that_was_taken_meanwhile_counts_no_more(account: Account, owner: User, editor: User) -> None:
    admin = make_member(account, "ada@acme.example", Role.ADMIN)
    stale = membership(admin)
    change_role(membership=membership(admin), role=Role.VIEWER, by=membership(owner))

    with pytest.raises(PeopleError, match="Only owners"):
        remove_member(membership=membership(editor), by=stale)
    remove_member(membership=membership(admin), by=membership(owner))
    with pytest.raises(PeopleError, match="not in the account any more"):
        change_role(membership=membership(editor), role=Role.VIEWER, by=stale)


def test_nobody_raises_themselves(account: Account, editor: User) -> None:
    with pytest.raises(PeopleError):
        change_role(membership=membership(editor), role=Role.ADMIN, by=membership(editor))


def test_the_last_owner_stays_an_owner(owner_client: Client, owner: User, editor: User) -> None:
    demoted = owner_client.post(reverse("change_member", args=[owner.pk]), {"role": "viewer"}, follow=True)
    left = owner_client.post(reverse("remove_member", args=[owner.pk]))

    assert "last owner" in demoted.content.decode()
    assert left.status_code == 422
    assert membership(owner).role == Role.OWNER


def test_an_owner_who_is_switched_off_does_not_count(account: Account, owner: User) -> None:
    other = make_member(account, "otto@acme.example", Role.OWNER)
    other.is_active = False
    other.save()

    with pytest.raises(PeopleError, match="last owner"):
        change_role(membership=membership(owner), role=Role.ADMIN, by=membership(owner))


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_demote_each_other_at_once_leave_one(account: Account, owner: User) -> None:
    other = make_member(account, "otto@acme.example", Role.OWNER)
    start = Barrier(2)

    def demote(who: User, by: User) -> None:
        try:
            start.wait(5)
            change_role(membership=membership(who), role=Role.VIEWER, by=membership(by))
        except PeopleError:
            pass
        finally:
            connections.close_all()

    threads = [Thread(target=demote, args=pair) for pair in ((owner, other), (other, owner))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert account.memberships.filter(role=Role.OWNER).count() == 1


def test_removing_names_the_keys_and_revokes_them(owner_client: Client, account: Account, editor: User) -> None:
    key, _ = create_api_key(account=account, actor=SYSTEM, owner=editor, scopes=["api"], description="Edda's script")
    elsewhere = make_account(name="Elsewhere")
    kept, _ = create_api_key(account=elsewhere, actor=SYSTEM, owner=editor, scopes=["api"])
    address = reverse("remove_member", args=[editor.pk])

    assert "Edda&#x27;s script" in owner_client.get(address).content.decode()
    response = owner_client.post(address)

    assert response.headers["Location"] == "/settings/people/"
    assert not Membership.objects.filter(user=editor).exists()
    assert APIKey.objects.get(pk=key.pk).revoked_at is not None
    assert APIKey.objects.get(pk=kept.pk).revoked_at is None
    assert [entry.event_type for entry in AuditEntry.objects.filter(account=account).order_by("pk")] == [
        "api_key_created.v0",
        "api_key_deleted.v0",
        "member_removed",
    ]


def test_a_removed_person_sees_the_account_no_more(account: Account, owner: User, editor: User) -> None:
    client = Client()
    client.force_login(editor, BACKEND)
    remove_member(membership=membership(editor), by=membership(owner))

    assert client.get("/catalogue/").status_code == 403


def test_everybody_but_the_last_owner_may_leave(viewer_client: Client, viewer: User) -> None:
    response = viewer_client.post(reverse("remove_member", args=[viewer.pk]))

    assert response.headers["Location"] == "/"
    assert not Membership.objects.filter(user=viewer).exists()
    assert AuditEntry.objects.get().event_type == "member_left"


def test_a_person_makes_a_further_account_and_is_taken_there(viewer_client: Client, viewer: User) -> None:
    response = viewer_client.post("/account/new/", {"name": "Acme Staging"})

    made = Account.objects.get(name="Acme Staging")
    assert response.cookies["account"].value == made.pk
    assert made.memberships.get().role == Role.OWNER
    assert viewer_client.get("/catalogue/").context["account"] == made


@pytest.mark.parametrize("name", ["", "x" * 101, "  "])
def test_an_account_needs_a_name(owner_client: Client, account: Account, name: str) -> None:
    assert owner_client.post("/account/new/", {"name": name}).status_code == 422
    assert owner_client.post("/settings/account/", {"name": name}).status_code == 422
    account.refresh_from_db()
    assert account.name == "Acme Edge"


def test_renaming_is_written_down(owner_client: Client, account: Account) -> None:
    owner_client.post("/settings/account/", {"name": "Acme Core"})

    entry = AuditEntry.objects.get()
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["name"], entry.after["name"]) == ("Acme Edge", "Acme Core")


def test_what_has_no_type_in_the_catalogue_stays_in_the_trail(owner_client: Client, account: Account) -> None:
    owner_client.post("/settings/account/", {"name": "Acme Core"})
    create_api_key(account=account, actor=SYSTEM, scopes=["api"])

    assert publish_audit_entries() == 1
    assert EventBatch.objects.get().types == {"api_key_created.v0": 1}


def test_the_list_costs_the_same_with_many_people(
    owner_client: Client, account: Account, django_assert_max_num_queries: object
) -> None:
    for number in range(20):
        make_member(account, f"p{number}@acme.example", Role.VIEWER)

    with django_assert_max_num_queries(8):  # type: ignore[operator]
        owner_client.get("/settings/people/")


def test_a_person_without_an_account_may_make_one(client: Client, db: None) -> None:
    client.force_login(make_user("nobody@acme.example"), BACKEND)

    assert client.get("/account/new/").status_code == 200
    assert client.post("/account/new/", {"name": "Mine"}).headers["Location"] == "/"
    assert client.get("/catalogue/").status_code == 200


def test_nobody_owns_accounts_without_end(owner_client: Client, owner: User) -> None:
    for number in range(MAX_OWNED - 1):
        found_account(name=str(number), owner=owner)

    response = owner_client.post("/account/new/", {"name": "One more"})

    assert response.status_code == 422
    assert owner.accounts.count() == MAX_OWNED


def test_addresses_are_kept_in_lower_case(db: None) -> None:
    user = User(email="Nora@Acme.example", password="x")

    user.full_clean()

    assert user.email == "nora@acme.example"
