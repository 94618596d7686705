"""Telling people by mail: each episode once, to whoever wants to know, on the workers' own mail queue.

An episode begins when a destination or a subscription is first found in trouble and ends when it no longer is. Its row
and its mails are written in one transaction; that two workers look at once is settled by the constraint on the row.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.access import Action, role_may
from accounts.mail import queue_template
from accounts.models import Account, Membership
from dashboard.models import Notice
from dashboard.notice_words import context_of, subject_of
from dashboard.noticing import OF_CREDENTIALS, Backlog, FilterFinding, Finding, backlogs, describe, findings
from destinations.models import Destination

QUIET = timedelta(hours=1)
# Rows of what is over long ago say nothing to anybody.
KEPT_FOR = timedelta(days=30)


class Wanted(models.TextChoices):
    """What a person may choose to be told of: the troubles, and that one is over. The label completes "when …"."""

    BLOCKED = "blocked", "a destination is blocked: somebody has to change a setting"
    HEALED = "healed", "it delivers again after that"
    LAGGING = "lagging", "it falls behind: records wait for more than 15 minutes"
    SILENT = "silent", "it falls silent: nothing was sent for a day, though on most days something is"
    EXPIRING = "expiring", "records that wait for it will be lost within a day"
    CREDENTIALS = "credentials", "its key or secret ends: 30, 7 and 1 days before, and when it has ended"
    UNDECIDED = "undecided", "a subscription's filter no longer compiles, and its events wait for a mended one"


def wants(membership: Membership, wanted: Wanted) -> bool:
    """What the person chose; until then whoever can do something about it is told."""
    chosen = membership.notices.get(wanted.value)
    return bool(role_may(membership.role, Action.EDIT) if chosen is None else chosen)


def wanted_of(kind: Notice.Kind) -> Wanted:
    return Wanted.CREDENTIALS if kind in OF_CREDENTIALS.values() else Wanted(kind.value)


def recipients(account: Account, wanted: Wanted) -> list[str]:
    members = account.memberships.filter(user__is_active=True).select_related("user")
    return [member.user.email for member in members if wants(member, wanted)]


def notify() -> int:
    """Tell of what began or ended since the last look; returns how many mails were queued."""
    now = timezone.now()
    found = {(_key_of(finding), str(finding.kind)): finding for finding in findings(now)}
    known = {(notice.destination_id or notice.subscription_id, notice.kind): notice for notice in _open_notices()}
    mailed = sum(_begin(finding, now) for key, finding in found.items() if key not in known)
    mailed += sum(_end(notice, now) for key, notice in known.items() if key not in found)
    Notice.objects.filter(ended_at__lt=now - KEPT_FOR).delete()
    return mailed


def _open_notices() -> list[Notice]:
    notices = Notice.objects.filter(ended_at=None).select_related("destination__account")
    return list(notices.defer("destination__secrets"))


def _key_of(finding: Finding | FilterFinding) -> str:
    (about,) = finding.about.values()
    return about.pk


def _begin(finding: Finding | FilterFinding, now: datetime) -> int:
    lately = Notice.objects.filter(**finding.about, kind=finding.kind, was_mailed=True, began_at__gt=now - QUIET)
    was_mailed = not lately.exists()
    try:
        with transaction.atomic():
            Notice.objects.create(**finding.about, kind=finding.kind, began_at=now, was_mailed=was_mailed)
            return _mail(finding, wanted_of(finding.kind)) if was_mailed else 0
    except IntegrityError:
        # Another worker was quicker, and tells of it.
        return 0


@transaction.atomic
def _end(notice: Notice, now: datetime) -> int:
    if not Notice.objects.filter(pk=notice.pk, ended_at=None).update(ended_at=now):
        return 0
    destination = notice.destination
    if destination is None or notice.kind != Notice.Kind.BLOCKED or not notice.was_mailed:
        return 0
    if destination.state != Destination.State.ACTIVE or destination.deleted_at is not None:
        return 0
    backlog = backlogs(destination).get(destination.pk, Backlog())
    return _mail(describe(destination, backlog, Notice.Kind.BLOCKED), Wanted.HEALED)


def _mail(finding: Finding | FilterFinding, wanted: Wanted) -> int:
    context = context_of(finding, wanted.value)
    addresses = recipients(finding.account, wanted)
    for address in addresses:
        queue_template(
            to=address, subject=subject_of(finding, wanted.value), template="dashboard/email/notice", context=context
        )
    return len(addresses)
