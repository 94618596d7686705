"""Staff pages: people, memberships and keys."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, APIKey, AuditEntry, Membership, User
from destinations.models import Destination
from events.models import PublisherKey
from tests.staff.acting import act

pytestmark = pytest.mark.django_db


def memberships(staff: Client, account: Account, *rows: dict[str, str]) -> str:
    """Save an account's page with these memberships; the page that comes back."""
    columns = ("max_subscriptions", "max_destinations", "max_destinations_per_subscription", "payload_retention_days")
    data = {"name": account.name, **{name: str(getattr(account, name)) for name in columns}}
    existing = sum("id" in row for row in rows)
    data |= {"memberships-TOTAL_FORMS": str(len(rows)), "memberships-INITIAL_FORMS": str(existing)}
    for number, row in enumerate(rows):
        data |= {f"memberships-{number}-{name}": value for name, value in {"account": account.pk, **row}.items()}
    address = reverse("admin:accounts_account_change", args=[account.pk])
    return staff.post(address, data, follow=True).content.decode()


def test_staff_cannot_take_an_accounts_last_owner(staff: Client, account: Account, owner: User) -> None:
    own = {"id": str(Membership.objects.get(user=owner).pk), "user": owner.pk, "role": "viewer"}

    assert "keeps at least one owner" in memberships(staff, account, own)
    assert "keeps at least one owner" in memberships(staff, account, {**own, "role": "owner", "DELETE": "on"})

    assert Membership.objects.get(user=owner).role == "owner"
    assert not AuditEntry.objects.filter(account=account, event_type__startswith="member_").exists()


def test_memberships_changed_by_staff_stand_in_the_trail(
    staff: Client, account: Account, owner: User, stranger: User
) -> None:
    own = {"id": str(Membership.objects.get(user=owner).pk), "user": owner.pk}
    memberships(staff, account, {**own, "role": "editor"}, {"user": stranger.pk, "role": "owner"})
    joined = Membership.objects.get(account=account, user=stranger)
    memberships(
        staff,
        account,
        {**own, "role": "editor", "DELETE": "on"},
        {"id": str(joined.pk), "user": stranger.pk, "role": "owner"},
    )

    entries = AuditEntry.objects.filter(account=account, event_type__startswith="member_").order_by("pk")
    assert [(entry.event_type, entry.object_id) for entry in entries] == [
        ("member_joined", stranger.pk),
        ("member_role_changed", owner.pk),
        ("member_removed", owner.pk),
    ]
    assert {entry.actor_id for entry in entries} == {User.objects.get(email="staff@example.com").pk}
    assert {entry.actor["source"] for entry in entries} == {"Administration"}


def test_a_person_is_not_deleted_by_staff(staff: Client, owner: User) -> None:
    assert staff.post(reverse("admin:accounts_user_delete", args=[owner.pk]), {"post": "yes"}).status_code == 403


def test_staff_issue_a_publisher_key_whose_token_is_shown_once(staff: Client) -> None:
    data = {"name": "edge", "allowed_types": "[]"}
    page = staff.post(reverse("admin:events_publisherkey_add"), data, follow=True).content.decode()

    key = PublisherKey.objects.get()
    assert "shown only now" in page
    assert key.token_hash not in page
    again = staff.get(reverse("admin:events_publisherkey_change", args=[key.pk])).content.decode()
    assert key.token_hash not in again


def test_staff_revoke_a_publisher_key(staff: Client) -> None:
    staff.post(reverse("admin:events_publisherkey_add"), {"name": "edge", "allowed_types": "[]"})
    key = PublisherKey.objects.get()

    act(staff, PublisherKey, "revoke", key.pk)

    key.refresh_from_db()
    assert key.revoked_at is not None


def test_staff_give_a_one_time_password_that_is_shown_once(staff: Client, owner: User) -> None:
    page = act(staff, User, "give_one_time_password", owner.pk)

    shown = re.search(rf"One-time password of {owner.email}, shown once: ([\w-]+)", page)
    assert shown is not None
    owner.refresh_from_db()
    assert owner.has_one_time_password
    assert owner.check_password(shown[1])
    entry = AuditEntry.objects.get(event_type="one_time_password_given", object_id=owner.pk)
    assert entry.actor["source"] == "Administration"


def test_staff_revoke_an_api_key(staff: Client, world: Destination) -> None:
    key = APIKey.objects.get()

    act(staff, APIKey, "revoke", key.pk)

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert AuditEntry.objects.latest("pk").actor["source"] == "Administration"
