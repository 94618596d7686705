"""The sweep: finds due work whose wake-up was lost. The database is the truth, Redis only a hint."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from django.db import Error as DatabaseError
from django.db.models import Exists, OuterRef

from accounts.models import AuditEntry, OutgoingMail
from common import wake
from common.clock import database_now
from delivery.expiry import expire_held
from delivery.models import Delivery, Replay, RoutedBatch
from destinations.doctor.schedule import start_due_checks
from destinations.models import Destination, TestRun
from events.models import EventBatch

log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 5.0
# A test that no worker took in this time has lost its wake-up; one that still runs after it lost its worker.
TEST_PATIENCE = timedelta(seconds=10)
TEST_DEADLINE = timedelta(minutes=2)


def sweep() -> int:
    """Wake everything due and unleased, expire what was held too long, check destinations that stand idle.

    Returns how many things were touched.
    """
    return sum(map(_count, STEPS))


def _count(step: Callable[[], int]) -> int:
    """What one step touched. A row that our own code stumbles over keeps the others from nothing."""
    try:
        return step()
    except DatabaseError:
        raise
    except Exception:
        log.exception("sweep_step_failed", step=step.__name__)
        return 0


def _sweep_routing() -> int:
    accounts = EventBatch.objects.filter(routed_at=None).values_list("account_id", flat=True).distinct()
    for account_id in (ids := list(accounts)):
        wake.route(account_id)
    return len(ids)


def _sweep_undecided() -> int:
    undecided = RoutedBatch.objects.filter(is_undecided=True)
    for account_id in (ids := list(undecided.values_list("routing__account_id", flat=True).distinct())):
        wake.mend(account_id)
    return len(ids)


def _sweep_draining() -> int:
    now = database_now()
    due = Delivery.objects.due(now).filter(destination=OuterRef("pk"))
    return Destination.objects.sendable(now).filter(Exists(due)).wake()


def _sweep_replays() -> int:
    due = Replay.objects.filter(state=Replay.State.RUNNING, next_step_at__lte=database_now())
    for replay_id in (ids := list(due.values_list("pk", flat=True))):
        wake.replay(replay_id)
    return len(ids)


def _sweep_tests() -> int:
    now = database_now()
    lost = TestRun.objects.filter(state=TestRun.State.RUNNING, started_at__lt=now - TEST_DEADLINE)
    lost.update(state=TestRun.State.FAILED, finished_at=now, config={}, secrets={}, rotation={})
    queued = TestRun.objects.claimable(now).filter(created_at__lt=now - TEST_PATIENCE)
    for run_id in (ids := list(queued.values_list("pk", flat=True))):
        wake.test_run(run_id)
    return len(ids)


def _sweep_audit() -> int:
    if not AuditEntry.objects.to_publish().exists():
        return 0
    wake.audit()
    return 1


def _sweep_mail() -> int:
    wake.notices()
    if not OutgoingMail.objects.filter(due_at__lte=database_now()).exists():
        return 0
    wake.mail()
    return 1


def _start_checks() -> int:
    return start_due_checks(database_now())


STEPS: Sequence[Callable[[], int]] = (
    _sweep_routing,
    _sweep_undecided,
    _sweep_draining,
    _sweep_tests,
    _sweep_audit,
    _sweep_mail,
    _sweep_replays,
    expire_held,
    _start_checks,
)
