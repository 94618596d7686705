"""Checks that nobody asked for: of destinations that stand idle, and of those that have just become blocked.

They leave nothing at the target: every step but the writing ones. A blocked destination that passes is tried at once.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.models import Account
from common.crypto import SecretUnreadableError
from destinations.models import Destination, TestRun
from destinations.testing import start_test_run

log = structlog.get_logger(__name__)

# A destination that was neither sent to nor tested for this long is checked.
IDLE = timedelta(days=1)
# So that a great number falling due together does not hold up people's tests.
AT_ONCE = 10


def start_due_checks(now: datetime) -> int:
    """Hand what is due to the workers; returns how many. Two hosts that do so at once check each only once."""
    if not _due(now).exists():
        return 0
    with transaction.atomic():
        locked = _due(now).select_for_update(skip_locked=True, of=("self",)).select_related("account")
        due = list(locked.defer("secrets")[:AT_ONCE])
        for destination in due:
            is_blocked = destination.state == Destination.State.BLOCKED
            start_test_run(
                account=destination.account,
                target=destination.target,
                config=destination.config,
                secrets=_secrets_of(destination),
                destination=destination,
                purpose=TestRun.Purpose.BLOCKED if is_blocked else TestRun.Purpose.CHECK,
            )
    return len(due)


def _secrets_of(destination: Destination) -> dict[str, str]:
    """None where they can't be read: the check then says that they are missing, and to type them again."""
    try:
        return destination.secrets
    except SecretUnreadableError:
        log.error("secret_unreadable", destination=destination.pk)  # noqa: TRY400 - the reason is known
        return {}


def _due(now: datetime) -> QuerySet[Destination]:
    runs = TestRun.objects.filter(destination=OuterRef("pk"))
    lately = Exists(runs.filter(created_at__gt=now - IDLE))
    since_blocked = Exists(runs.filter(purpose=TestRun.Purpose.BLOCKED, created_at__gte=OuterRef("state_since")))
    silent = Q(last_attempt_at=None) | Q(last_attempt_at__lt=now - IDLE)
    idle = Q(state=Destination.State.ACTIVE, created_at__lt=now - IDLE) & silent & ~Q(lately)
    blocked = Q(state=Destination.State.BLOCKED) & ~Q(since_blocked)
    return Destination.objects.existing().filter(account__suspended_at=None).filter(idle | blocked).order_by("pk")


def failing_checks(account: Account) -> list[TestRun]:
    """The newest check of each active destination that failed it, as long as nothing was delivered since."""
    newer = TestRun.objects.filter(destination=OuterRef("destination"), created_at__gt=OuterRef("created_at"))
    failed = TestRun.objects.filter(
        account=account,
        purpose=TestRun.Purpose.CHECK,
        state=TestRun.State.FAILED,
        destination__deleted_at=None,
        destination__state=Destination.State.ACTIVE,
    )
    since = Q(destination__last_success_at=None) | Q(destination__last_success_at__lt=F("created_at"))
    found = failed.filter(since).exclude(Exists(newer)).select_related("destination").order_by("pk")
    # Secrets would be decrypted.
    return list(found.defer("secrets", "config", "record", "destination__secrets", "destination__metadata"))
