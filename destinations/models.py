"""WHERE TO: configured targets, and the tests of them."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from common import wake
from common.crypto import EncryptedJSONField
from common.ids import IDField
from destinations.doctor.remedies import Advice, advice_on
from destinations.outcome import DeliveryError
from destinations.targets import Target, all_targets, target_choices

PROBE_INTERVAL = timedelta(minutes=5)


class DestinationQuerySet(models.QuerySet["Destination"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def light(self) -> Self:
        """For lists: without what only sending and a page of its own need. Decrypting a secret takes 50 µs."""
        return self.defer("secrets", "metadata", "error_said", "error_remedy")

    def sendable(self, now: datetime) -> Self:
        """Active ones whose backoff is over, and blocked ones whose next probe is due."""
        return self.existing().exclude(state=Destination.State.PAUSED).exclude(retry_at__gt=now)

    def stopped(self) -> Self:
        """By a person."""
        return self.filter(models.Q(state=Destination.State.PAUSED) | models.Q(deleted_at__isnull=False))

    def note_success(self, now: datetime) -> None:
        """All is well with these, as it was. Those that somebody is changing just now are left out."""
        with transaction.atomic():
            # Two workers that note it of the same ones in different order must not wait for each other.
            free = self.select_for_update(skip_locked=True, no_key=True).values("pk")
            Destination.objects.filter(pk__in=free).update(last_attempt_at=now, last_success_at=now)

    def wake(self) -> int:
        """After the commit: what waits for these is due. Returns how many they are."""
        failures = dict(self.values_list("pk", "consecutive_failures"))
        wake.drain(*(pk for pk, number in failures.items() if not number))
        wake.drain(*(pk for pk, number in failures.items() if number), slow=True)
        return len(failures)


class Destination(models.Model):
    """A target with its configuration and how it fares. One may serve many subscriptions."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        BLOCKED = "blocked", "Blocked"

    id = IDField(prefix="ed", primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="destinations")
    description = models.CharField(max_length=255, blank=True)
    metadata = models.TextField(max_length=4096, blank=True)
    # As the client wrote it, in whichever case: what it reads back must be what it sent.
    format = models.CharField(max_length=10, default="json", editable=False)
    target = models.CharField(max_length=40, choices=target_choices)
    config = models.JSONField(default=dict)
    secrets = EncryptedJSONField(default=dict, blank=True, editable=False)
    # The last day on which key or secret works, as a person typed it.
    credentials_expire_on = models.DateField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    paused_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False)
    state_since = models.DateTimeField(default=timezone.now, editable=False)

    # Health: what the last attempts came to. `retry_at` ends the backoff, or is the next probe when blocked.
    consecutive_failures = models.PositiveIntegerField(default=0, editable=False)
    retry_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_attempt_at = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    error_code = models.CharField(max_length=100, blank=True, editable=False)
    error_message = models.TextField(blank=True, editable=False)
    error_said = models.TextField(blank=True, editable=False)
    error_remedy = models.TextField(blank=True, editable=False)

    # How it is sent to: so many claims at once (in order when one), the newest waiting records first until none
    # waits, and whether a record too old for the service is refused instead of stamped with the time of sending.
    slots = models.PositiveSmallIntegerField(default=1, editable=False)
    newest_first = models.BooleanField(default=False, editable=False)
    refuses_too_old = models.BooleanField(default=False)
    # What was held past the retention and became dead letters.
    expired_count = models.PositiveBigIntegerField(default=0, editable=False)
    last_expired_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[DestinationQuerySet] = DestinationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "-id"], name="destination_by_account")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("delivery:destination", args=[self.pk])

    def clean(self) -> None:
        if self.refuses_too_old and self.target_class.oldest is None:
            raise ValidationError({"refuses_too_old": f"{self.target_class.label} takes records of any age."})

    @property
    def name(self) -> str:
        return self.description or self.where

    @property
    def target_class(self) -> type[Target]:
        return all_targets()[self.target]

    @property
    def where(self) -> str:
        return self.target_class.describe(self.config)

    @property
    def advice(self) -> Advice | None:
        """The last failure in the error table's words; None when all is well, or for an unknown code."""
        if not self.error_code:
            return None
        error = DeliveryError(self.error_message, code=self.error_code, said=self.error_said, remedy=self.error_remedy)
        return advice_on(self.target, self.config, self.account, error)

    @property
    def holds_for(self) -> timedelta:
        """How long records wait before the first is lost: the retention, or the age that the service takes at most."""
        return held_for(self.target_class, self.account, refuses_too_old=self.refuses_too_old)

    @property
    def is_failing(self) -> bool:
        return self.consecutive_failures > 0

    def note_success(self, now: datetime) -> None:
        """Clear every trace of failure; a blocked destination heals."""
        changed: dict[str, object] = {"last_attempt_at": now, "last_success_at": now}
        if self.is_failing or self.state == self.State.BLOCKED:
            changed |= {"consecutive_failures": 0, "retry_at": None, "failing_since": None}
            changed |= {"error_code": "", "error_message": "", "error_said": "", "error_remedy": ""}
        self._update(changed)
        self._leave(self.State.BLOCKED, self.State.ACTIVE, now)

    def note_failure(self, error: DeliveryError, retry_at: datetime, now: datetime) -> bool:
        """False where it was changed while the request was under way: what failed says nothing of what is set now."""
        return self._update(
            {
                "last_attempt_at": now,
                "consecutive_failures": self.consecutive_failures + 1,
                "failing_since": self.failing_since or now,
                "retry_at": retry_at,
                "error_code": error.code[:100],
                "error_message": error.message,
                "error_said": error.said,
                "error_remedy": error.remedy,
            },
            revision=self.revision,
        )

    def block(self, error: DeliveryError, now: datetime) -> None:
        """Stop sending until a probe succeeds: somebody has to change a setting."""
        if self.note_failure(error, now + PROBE_INTERVAL, now):
            self._leave(self.State.ACTIVE, self.State.BLOCKED, now)

    def _leave(self, old: "Destination.State", new: "Destination.State", now: datetime) -> None:
        # Conditional: a person may have paused it while the request was under way.
        if Destination.objects.filter(pk=self.pk, state=old).update(state=new, state_since=now):
            self.state, self.state_since = new, now

    def _update(self, changed: dict[str, object], **only_if: object) -> bool:
        for name, value in changed.items():
            setattr(self, name, value)
        return bool(Destination.objects.filter(pk=self.pk, **only_if).update(**changed))


def held_for(target: type[Target], account: Account, *, refuses_too_old: bool) -> timedelta:
    """As `Destination.holds_for`, from the columns that it depends on."""
    kept = timedelta(days=account.payload_retention_days)
    return min(kept, target.oldest) if refuses_too_old and target.oldest is not None else kept


def warned_before(kept: timedelta, usual: timedelta) -> timedelta:
    """How long before the first loss people are warned: what is kept for a day would be warned of at once."""
    return min(usual, kept / 3)


class TestRunQuerySet(models.QuerySet["TestRun"]):
    def claimable(self, now: datetime) -> Self:
        """Queued ones, and waiting ones that are due."""
        due = models.Q(state=TestRun.State.WAITING, due_at__lte=now)
        return self.filter(models.Q(state=TestRun.State.QUEUED) | due)


class TestRun(models.Model):
    """One "send test event" or check: its steps as they happen. Configuration and secrets go when it ends."""

    __test__ = False

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        WAITING = "waiting", "Tested again soon"
        PASSED = "passed", "Passed"
        WARNED = "warned", "Passed, with a warning"
        FAILED = "failed", "Failed"

    class Purpose(models.TextChoices):
        TEST = "test", "Test event"
        CHECK = "check", "Check on schedule"
        BLOCKED = "blocked", "Check because it is blocked"
        ROTATION = "rotation", "Test of new credentials"

    account = models.ForeignKey(Account, models.CASCADE, related_name="test_runs")
    destination = models.ForeignKey(Destination, models.CASCADE, null=True, related_name="test_runs")
    target = models.CharField(max_length=40, choices=target_choices)
    config = models.JSONField(default=dict)
    secrets = EncryptedJSONField(default=dict, blank=True, editable=False)
    record = models.BinaryField(help_text="The record that is sent.")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.TEST)
    # Of a rotation: what is switched to when it passes, who asked for it, and at which revision.
    rotation = models.JSONField(default=dict, blank=True, editable=False)
    started_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    steps = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    # Of a waiting one: when it is tested again, and how often it was.
    due_at = models.DateTimeField(null=True, editable=False)
    repeats = models.PositiveSmallIntegerField(default=0, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[TestRunQuerySet] = TestRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "created_at"], name="test_run_by_state")]

    def __str__(self) -> str:
        return f"Test of {self.destination or self.target} at {self.created_at:%H:%M:%S}"

    @property
    def is_over(self) -> bool:
        return self.finished_at is not None
