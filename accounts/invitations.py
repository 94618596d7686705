"""Inviting people by e-mail: a link that is good once, for a week, and lets in only whom it was sent to."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.access import role_may_manage
from accounts.audit import Actor, record_change
from accounts.mail import queue_template
from accounts.models import (
    INVITATION_LIFETIME,
    Account,
    Invitation,
    Membership,
    Role,
    User,
    hash_token,
    make_token,
)
from accounts.people import PeopleError, add_member

# Neither may an account be used to flood strangers with mail.
MAX_OPEN = 100
RESEND_AFTER = timedelta(minutes=1)


def invitation_resource(invitation: Invitation) -> dict[str, Any]:
    """The invitation as the audit trail shows it: without its link."""
    return {"id": invitation.pk, "email": invitation.email, "role": invitation.role}


@transaction.atomic
def invite(*, account: Account, by: Membership, email: str, role: Role) -> Invitation:
    """Raises PeopleError: not allowed to `by`, in the account or invited already, too many open."""
    _require_may(by, role)
    email = email.lower()
    if Membership.objects.filter(account=account, user__email=email).exists():
        raise PeopleError(f"{email} is in this account already. Change the role in the list.")
    if account.invitations.open().count() >= MAX_OPEN:
        raise PeopleError(f"{MAX_OPEN} invitations are open, the most there may be. Revoke one first.")
    token = make_token()
    invitation = Invitation(
        account=account,
        email=email,
        role=role,
        invited_by=by.user,
        token_hash=hash_token(token),
        expires_at=timezone.now() + INVITATION_LIFETIME,
    )
    try:
        with transaction.atomic():
            invitation.save()
    except IntegrityError as error:
        raise PeopleError(f"{email} is invited already. Send that invitation again, or revoke it.") from error
    _mail(invitation, token)
    _record(invitation, Actor.person(by.user), "member_invited")
    return invitation


@transaction.atomic
def resend(*, invitation: Invitation, by: Membership) -> None:
    """A new link, good for a week from now; the one sent before stops working."""
    _require_may(by, invitation.role)
    now = timezone.now()
    token = make_token()
    renewed = {"token_hash": hash_token(token), "sent_at": now, "expires_at": now + INVITATION_LIFETIME}
    waited = Invitation.objects.open().filter(pk=invitation.pk, sent_at__lt=now - RESEND_AFTER)
    if not waited.update(**renewed):
        raise PeopleError("It was sent less than a minute ago, or is no longer open.")
    invitation.refresh_from_db()
    _mail(invitation, token)
    _record(invitation, Actor.person(by.user), "invitation_sent_again")


@transaction.atomic
def revoke(*, invitation: Invitation, by: Membership) -> None:
    _require_may(by, invitation.role)
    if Invitation.objects.open().filter(pk=invitation.pk).update(revoked_at=timezone.now()):
        _record(invitation, Actor.person(by.user), "invitation_revoked")


def find_by_token(token: str) -> Invitation | None:
    """The invitation that this link opens, while it does."""
    usable = Invitation.objects.usable(timezone.now()).select_related("account", "invited_by")
    return usable.filter(token_hash=hash_token(token)).first()


def find_by_email(email: str) -> Invitation | None:
    """The newest usable invitation to an address that its owner has proved by other means (single sign-on)."""
    usable = Invitation.objects.usable(timezone.now()).select_related("account", "invited_by")
    return usable.filter(email=email.lower()).order_by("-sent_at").first()


@transaction.atomic
def accept(*, invitation: Invitation, user: User) -> Membership:
    """Raises PeopleError when it was used, revoked or ran out meanwhile, or is for somebody else."""
    if user.email != invitation.email:
        raise PeopleError(f"This invitation is for {invitation.email}.")
    now = timezone.now()
    # Conditional: a second click, or a revocation, may come at the same time.
    if not Invitation.objects.usable(now).filter(pk=invitation.pk).update(accepted_at=now):
        raise PeopleError("This invitation does not work any more. Ask for a new one.")
    return add_member(account=invitation.account, user=user, role=invitation.role, actor=Actor.person(user))


@transaction.atomic
def accept_as_new_person(*, invitation: Invitation, name: str, password: str | None) -> Membership:
    """The person, who has proved their address by the link, and their membership. Without password: single sign-on."""
    user = User.objects.create_user(invitation.email, password, name=name)
    return accept(invitation=invitation, user=user)


def _require_may(by: Membership, role: str) -> None:
    if not role_may_manage(by.role, role):
        raise PeopleError("Only owners may invite owners; admins may invite everybody else.")


def _mail(invitation: Invitation, token: str) -> None:
    inviter = invitation.invited_by
    context = {
        "invitation": invitation,
        "inviter": inviter,
        "url": f"{settings.BASE_URL}{reverse('invitation', args=[token])}",
    }
    subject = f"{inviter} invites you to {invitation.account}"
    queue_template(to=invitation.email, subject=subject, template="accounts/email/invitation", context=context)


def _record(invitation: Invitation, actor: Actor, event_type: str) -> None:
    record_change(
        account=invitation.account,
        actor=actor,
        event_type=event_type,
        object_id=invitation.pk,
        before=None if event_type == "member_invited" else invitation_resource(invitation),
        after=None if event_type == "invitation_revoked" else invitation_resource(invitation),
    )
