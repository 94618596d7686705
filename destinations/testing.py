""" "Send test event" and the doctor: the same target code as every delivery, step by step, on a worker.

A change at a service takes its time to count (a role at Azure up to 30 min), and what was written shows only later. A
test that meets such a step waits, and goes on from it by itself; what passed is not repeated.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import orjson
import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import Account, User
from common import wake
from common.ids import new_id
from destinations.credentials import switch_over
from destinations.doctor.checks import checks_of
from destinations.doctor.remedies import advice_on, to_copy
from destinations.models import Destination, TestRun
from destinations.opening import open_target
from destinations.outcome import DeliveryError, RetryableError
from destinations.records import as_record
from destinations.services import retry_destination_now
from destinations.targets import NotYetError, Step, StepResult, Target
from events.catalog import catalog

log = structlog.get_logger(__name__)

EXAMPLE_TYPE = "http_request_complete.v0"
UNCHECKED = "unchecked"
DONE = frozenset({"passed", "warned", UNCHECKED})
# Between tests of a change that has to count first: often at the beginning, then every minute.
SOON = timedelta(seconds=15)
LATER = timedelta(minutes=1)
SOON_TIMES = 8


@dataclass(slots=True)
class StepReport:
    """A step as the page shows it; `status` is waiting, running, passed, warned, unchecked, failed or skipped.

    Of a failed one: likely `cause`, `remedy`, who acts, whether it `heals`, and what to copy for it.
    """

    label: str
    status: str = "waiting"
    detail: str = ""
    said: str = ""
    code: str = ""
    cause: str = ""
    remedy: str = ""
    who: str = ""
    heals: str = ""
    copy_words: str = ""
    copy: str = ""
    request_id: str = ""
    request: str = ""
    reply: str = ""
    duration_ms: int | None = None


def example_record(account: Account) -> bytes:
    """The catalogue's example as a record, marked as a test."""
    event = catalog()[EXAMPLE_TYPE].example_event(account.pk)
    stamp = timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({**event, "event_id": new_id("ev"), "event_timestamp": stamp, "test": True})


@transaction.atomic
def start_test_run(  # noqa: PLR0913
    *,
    account: Account,
    target: str,
    config: Mapping[str, str],
    secrets: Mapping[str, str],
    destination: Destination | None = None,
    record: bytes | None = None,
    purpose: str = TestRun.Purpose.TEST,
    started_by: User | None = None,
    rotation: Mapping[str, Any] | None = None,
) -> TestRun:
    """Hand a test to the workers. It never counts in the tallies, and works on a paused destination.

    An older test of the same that waits to go on is given up; `started_by` is the person, if one did.
    """
    record = record or example_record(account)
    _give_up_older(account, target, destination, purpose, started_by)
    run = TestRun(
        account=account,
        destination=destination,
        target=target,
        config=dict(config),
        secrets=dict(secrets),
        record=record,
        purpose=purpose,
        started_by=started_by,
        rotation=dict(rotation or {}),
    )
    opened = open_target(target, config, secrets, account)
    run.steps = [asdict(StepReport(step.label)) for step in _steps(run, opened)]
    opened.close()
    run.save()
    wake.test_run(run.pk)
    return run


def _give_up_older(
    account: Account, target: str, destination: Destination | None, purpose: str, started_by: User | None
) -> None:
    """What somebody tests anew need not go on waiting; of unsaved configurations only their own."""
    same = TestRun.objects.filter(account=account, target=target, destination=destination, purpose=purpose)
    if destination is None:
        same = same.filter(started_by=started_by)
    ended: dict[str, Any] = {"finished_at": timezone.now(), "due_at": None, "config": {}, "secrets": {}, "rotation": {}}
    same.filter(state=TestRun.State.WAITING).update(state=TestRun.State.FAILED, **ended)


def run_test(run_id: int) -> None:
    """Run a queued test to its end, or to where it has to wait, saving each step as it happens.

    A second call finds nothing to do.
    """
    now = timezone.now()
    claimed = TestRun.objects.filter(pk=run_id).claimable(now)
    if not claimed.update(state=TestRun.State.RUNNING, started_at=now, due_at=None):
        return
    run = TestRun.objects.select_related("account", "destination", "started_by").get(pk=run_id)
    target = open_target(run.target, run.config, run.secrets, run.account)
    try:
        _run_steps(run, _steps(run, target))
    finally:
        target.close()


def _steps(run: TestRun, target: Target) -> list[Step]:
    """A check on schedule leaves nothing at the target; a rotation ends with what it is for."""
    is_rotation = run.purpose == TestRun.Purpose.ROTATION
    writes = is_rotation or run.purpose == TestRun.Purpose.TEST
    steps = checks_of(target, as_record(bytes(run.record)), writes=writes)
    return [*steps, Step("Switch over", lambda: switch_over(run))] if is_rotation else steps


def _run_steps(run: TestRun, steps: list[Step]) -> None:
    """From the first step that has not passed yet."""
    reports = [StepReport(**report) for report in run.steps]
    wait: timedelta | None = None
    is_failed = False
    for step, report in zip(steps, reports, strict=True):
        if report.status in DONE:
            continue
        if is_failed or wait:
            report.status, report.detail = "skipped", "Needs the step above."
            continue
        wait = _run_step(run, step, report, reports)
        is_failed = report.status == "failed"
    run.steps = [asdict(report) for report in reports]
    if wait:
        _wait(run, wait)
    else:
        _finish(run, reports)


def _wait(run: TestRun, wait: timedelta) -> None:
    run.state, run.due_at, run.repeats = TestRun.State.WAITING, timezone.now() + wait, run.repeats + 1
    run.save(update_fields=["steps", "state", "due_at", "repeats"])


def _finish(run: TestRun, reports: list[StepReport]) -> None:
    statuses = {report.status for report in reports}
    run.state = TestRun.State.WARNED if "warned" in statuses else TestRun.State.PASSED
    if "failed" in statuses:
        run.state = TestRun.State.FAILED
    elif run.destination and run.destination.state == Destination.State.BLOCKED:
        retry_destination_now(destination=run.destination)
    run.finished_at = timezone.now()
    run.config, run.secrets, run.rotation = {}, {}, {}
    run.save(update_fields=["steps", "state", "finished_at", "config", "secrets", "rotation"])


def _run_step(run: TestRun, step: Step, report: StepReport, reports: list[StepReport]) -> timedelta | None:
    """Run one step into its report; returns how long to wait before it is tried again, if it is."""
    for name, value in asdict(StepReport(step.label, "running")).items():
        setattr(report, name, value)
    TestRun.objects.filter(pk=run.pk).update(steps=[asdict(each) for each in reports])
    started = time.perf_counter()
    wait: timedelta | None = None
    try:
        result = step.run()
    except NotYetError as not_yet:
        wait = _not_yet(run, not_yet, report)
    except DeliveryError as error:
        wait = _failed(run, error, report)
    except Exception:
        log.exception("test_step_failed", run=run.pk, step=step.label)
        fault = RetryableError("Something went wrong on our side; it was logged.", code="internal_error")
        wait = _failed(run, fault, report)
    else:
        report.status = _status_of(result)
        report.detail, report.said = result.detail, result.warning
        report.code, report.remedy = result.code, result.remedy
        report.copy_words, report.copy = to_copy(result.offers, run.config, run.account)
        report.request, report.reply = result.request, result.reply
    report.duration_ms = round((time.perf_counter() - started) * 1000)
    return wait


def _status_of(result: StepResult) -> str:
    if not result.is_checked:
        return UNCHECKED
    return "warned" if result.warning else "passed"


def _not_yet(run: TestRun, not_yet: NotYetError, report: StepReport) -> timedelta | None:
    """What is looked for too often is a warning: the service took the record, where it is now nobody knows."""
    if run.repeats < not_yet.times:
        report.status = "waiting"
        report.detail = f"{not_yet.detail} We look again by ourselves."
        return timedelta(seconds=not_yet.seconds)
    report.status, report.detail = "warned", not_yet.detail
    report.said = "The record was taken but did not show. Look at the stream's own errors and metrics at AWS."
    return None


def _failed(run: TestRun, error: DeliveryError, report: StepReport) -> timedelta | None:
    report.status, report.detail, report.said = "failed", error.message, error.said
    report.code, report.remedy, report.request_id = error.code, error.remedy, error.request_id
    advice = advice_on(run.target, run.config, run.account, error)
    if advice is None:
        return None
    report.cause, report.remedy, report.who, report.heals = advice.cause, advice.remedy, advice.who, advice.healing
    report.copy_words, report.copy = advice.copy_words, advice.copy
    is_over = timezone.now() - run.created_at >= timedelta(minutes=advice.minutes)
    if is_over or run.purpose not in {TestRun.Purpose.TEST, TestRun.Purpose.ROTATION}:
        return None
    return SOON if run.repeats < SOON_TIMES else LATER


def summary(run: TestRun) -> dict[str, Any]:
    """What the head of the step list says; `done` counts what needs no more doing, checked or not."""
    done = sum(step["status"] in DONE for step in run.steps)
    unchecked = sum(step["status"] == UNCHECKED for step in run.steps)
    total_ms = sum(step.get("duration_ms") or 0 for step in run.steps)
    return {
        "done": done,
        "of": len(run.steps),
        "passed": done - unchecked,
        "unchecked": unchecked,
        "total_ms": total_ms,
    }
