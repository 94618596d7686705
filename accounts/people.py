"""Who is in an account, in which role. Every change is checked here, so that no page or command can bypass it."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.access import Action, role_may, role_may_manage
from accounts.audit import Actor, record_change
from accounts.models import Account, APIKey, Membership, Role, User
from accounts.services import create_account, revoke_api_key

MAX_OWNED = 20


class PeopleError(Exception):
    """A change that is not possible, or not for this person; the message is for them."""


def member_resource(membership: Membership) -> dict[str, Any]:
    """A person in an account, as the audit trail shows them."""
    user = membership.user
    return {"user_id": user.pk, "email": user.email, "name": user.name, "role": membership.role}


def account_resource(account: Account) -> dict[str, Any]:
    return {"id": account.pk, "name": account.name, "requires_two_factor": account.requires_two_factor}


@transaction.atomic
def found_account(*, name: str, owner: User) -> Account:
    """A further account, made by the person who owns it. Raises PeopleError when they own too many."""
    if owner.memberships.filter(role=Role.OWNER).count() >= MAX_OWNED:
        raise PeopleError(f"You own {MAX_OWNED} accounts, the most there may be. Leave one first.")
    account = create_account(name=name, owner=owner)
    record_change(
        account=account,
        actor=Actor.person(owner),
        event_type="account_created",
        object_id=account.pk,
        before=None,
        after=account_resource(account),
    )
    return account


@transaction.atomic
def change_account(*, account: Account, by: Membership, name: str, requires_two_factor: bool) -> None:
    """Raises PeopleError when the role of `by` does not allow it."""
    if not role_may(by.role, Action.MANAGE_ACCOUNT):
        raise PeopleError("Only owners and admins may change the account.")
    current = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    before = account_resource(current)
    current.name, current.requires_two_factor = name, requires_two_factor
    if account_resource(current) == before:
        return
    current.full_clean()
    current.save(update_fields=["name", "requires_two_factor"])
    _record(current, Actor.person(by.user), "account_updated", current.pk, before, account_resource(current))


def add_member(*, account: Account, user: User, role: str, actor: Actor) -> Membership:
    """Call inside a transaction. A person who is in already keeps the role they have."""
    membership, created = Membership.objects.get_or_create(account=account, user=user, defaults={"role": role})
    if created:
        record_change(
            account=account,
            actor=actor,
            event_type="member_joined",
            object_id=user.pk,
            before=None,
            after=member_resource(membership),
        )
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: Role, by: Membership) -> None:
    """Raises PeopleError: not allowed to `by`, or the last owner would be none."""
    current = _lock(membership, by)
    if not (role_may_manage(by.role, current.role) and role_may_manage(by.role, role)):
        raise PeopleError("Only owners may make and unmake owners; admins may change everybody else.")
    _change_role(current, role, Actor.person(by.user))


@transaction.atomic
def change_role_as_staff(*, membership: Membership, role: Role, actor: Actor) -> None:
    """Staff are not bound by roles, but an account keeps its last owner. Raises PeopleError."""
    _change_role(_lock(membership), role, actor)


def _change_role(current: Membership, role: Role, actor: Actor) -> None:
    if current.role == role:
        return
    _keep_an_owner(current)
    before = member_resource(current)
    current.role = role
    current.save(update_fields=["role"])
    _record(current.account, actor, "member_role_changed", current.user_id, before, member_resource(current))


@transaction.atomic
def remove_member(*, membership: Membership, by: Membership) -> int:
    """Remove a person from the account, and revoke the keys they made in it; returns how many those were.

    Raises PeopleError: not allowed to `by`, or it is the last owner.
    """
    current = _lock(membership, by)
    if current.pk != by.pk and not role_may_manage(by.role, current.role):
        raise PeopleError("Only owners may remove owners; admins may remove everybody else.")
    kind = "member_left" if current.user_id == by.user_id else "member_removed"
    return _remove_member(current, kind, Actor.person(by.user))


@transaction.atomic
def remove_member_as_staff(*, membership: Membership, actor: Actor) -> int:
    """As `remove_member`, for staff, who are not bound by roles. Raises PeopleError for the last owner."""
    return _remove_member(_lock(membership), "member_removed", actor)


def _remove_member(current: Membership, kind: str, actor: Actor) -> int:
    _keep_an_owner(current)
    keys = list(keys_of(current))
    for key in keys:
        revoke_api_key(key=key, actor=actor)
    before = member_resource(current)
    current.delete()
    _record(current.account, actor, kind, current.user_id, before, None)
    return len(keys)


def keys_of(membership: Membership) -> Any:
    """The usable keys that this person made in this account."""
    now = timezone.now()
    return APIKey.objects.usable(now).filter(account_id=membership.account_id, owner_id=membership.user_id)


def is_last_owner(membership: Membership) -> bool:
    others = Membership.objects.filter(~Q(pk=membership.pk), account_id=membership.account_id, role=Role.OWNER)
    # An owner who is switched off cannot act for the account.
    return membership.role == Role.OWNER and not others.filter(user__is_active=True).exists()


def _lock(membership: Membership, by: Membership | None = None) -> Membership:
    """The membership as it is now; the role of `by` is read again too, since both may have changed meanwhile."""
    # The account's row: two owners who demote each other at once must not both succeed.
    Account.objects.select_for_update(no_key=True).get(pk=membership.account_id)
    current = Membership.objects.select_related("user", "account").filter(pk=membership.pk).first()
    if current is None:
        raise PeopleError("This person is not in the account any more.")
    if by is not None:
        acting = Membership.objects.filter(pk=by.pk).first()
        if acting is None:
            raise PeopleError("You are not in the account any more.")
        by.role = acting.role
    return current


def _keep_an_owner(membership: Membership) -> None:
    if is_last_owner(membership):
        raise PeopleError(
            f"{membership.user} is the last owner of {membership.account}. Make somebody else an owner first."
        )


def _record(
    account: Account,
    actor: Actor,
    event_type: str,
    object_id: str,
    before: dict[str, Any],
    after: dict[str, Any] | None,
) -> None:
    record_change(
        account=account,
        actor=actor,
        event_type=event_type,
        object_id=object_id,
        before=before,
        after=after,
    )
