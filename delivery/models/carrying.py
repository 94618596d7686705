"""CARRYING: what routing decided, what is on its way, and every call that was made for it.

Foreign keys with `db_index=False` come first in an index of their own; another would only cost at each insert.
"""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from common.ids import IDField
from destinations.models import Destination
from events.models import EventBatch
from subscriptions.models import Subscription


class Origin(models.TextChoices):
    ROUTING = "routing", "Routing"
    REPLAY = "replay", "Replay"


class Routing(models.Model):
    """One run over some of an account's event batches, under one configuration version."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="routings", db_index=False)
    configuration_version = models.PositiveBigIntegerField()
    routed_at = models.DateTimeField(default=timezone.now)
    batches = models.PositiveIntegerField()
    events = models.PositiveIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "routed_at"], name="routing_by_time")]

    def __str__(self) -> str:
        return f"Run {self.pk}: {self.events} events"


class RoutedBatch(models.Model):
    """What a run decided about an event batch: for each listening subscription a bitmap, one bit an event.

    `outcome` is `[{"subscription", "revision", "types", "of_types", "matched", "matched_bits", "errors", "undecided",
    "undecided_types"}]`: which types of the batch it takes, how many events were of these, how many matched, which ones
    (base64, lowest bit first), the positions whose evaluation ended in an error, how many await a mended filter, and
    the types of these. `expired_types`, where there are any, are those whose filter nobody mended in time.
    A batch has one row, and one more for each run that decided later what its own run could not (delivery/mending.py).
    """

    event_batch = models.ForeignKey(EventBatch, models.CASCADE, related_name="routed")
    routing = models.ForeignKey(Routing, models.CASCADE, related_name="routed_batches")
    position = models.PositiveIntegerField(help_text="Order within the run.")
    outcome = models.JSONField(default=list)
    is_undecided = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "routed batches"
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(is_undecided=True), name="routed_batch_undecided"),
        ]

    def __str__(self) -> str:
        return f"Outcome of {self.event_batch}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def waiting(self) -> Self:
        return self.filter(state=Delivery.State.WAITING)

    def due(self, now: datetime) -> Self:
        """Waiting, not leased, its time come, and its subscription not paused."""
        free = models.Q(lease_expires_at=None) | models.Q(lease_expires_at__lte=now)
        return (
            self.waiting().filter(free, next_attempt_at__lte=now).exclude(subscription__state=Subscription.State.PAUSED)
        )

    def free(self, now: datetime) -> Self:
        """Those that no worker has under its lease, locked, in the order of their IDs; inside a transaction."""
        return self.exclude(lease_expires_at__gt=now).select_for_update(of=("self",), no_key=True).order_by("pk")


class Delivery(models.Model):
    """The records of one run for one subscription and destination, on their way until none remains."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Dead"
        DISCARDED = "discarded", "Discarded"
        MOVED = "moved", "Moved"

    account = models.ForeignKey(Account, models.CASCADE, related_name="deliveries", db_index=False)
    routing = models.ForeignKey(Routing, models.CASCADE, null=True, related_name="deliveries")
    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="deliveries", db_index=False)
    revision = models.PositiveIntegerField()
    destination = models.ForeignKey(Destination, models.PROTECT, related_name="deliveries", db_index=False)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.ROUTING)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    routed_at = models.DateTimeField()

    replay = models.ForeignKey("Replay", models.SET_NULL, null=True, blank=True, related_name="deliveries")

    count = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField(help_text="Size of the NDJSON, uncompressed.")
    types = models.JSONField(default=dict, help_text="Event type to number of records.")
    payload = models.BinaryField(null=True, help_text="NDJSON of the records, zstd; gone when settled.")
    # One bit a record, set while its fate is open; null means all while it waits, and none once it is settled.
    remaining = models.BinaryField(null=True)
    delivered_count = models.PositiveIntegerField(default=0)
    dead_count = models.PositiveIntegerField(default=0)
    discarded_count = models.PositiveIntegerField(default=0)
    moved_count = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True)
    lease_token = models.CharField(max_length=32, blank=True)
    lease_expires_at = models.DateTimeField(null=True)

    objects: ClassVar[DeliveryQuerySet] = DeliveryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(fields=["destination", "id"], condition=models.Q(state="waiting"), name="delivery_waiting"),
            models.Index(fields=["routed_at"], condition=models.Q(state="waiting"), name="delivery_waiting_by_time"),
            # How many workers are at a destination, however much waits for it.
            models.Index(
                fields=["destination"],
                condition=models.Q(state="waiting", lease_expires_at__isnull=False),
                name="delivery_leased",
            ),
            models.Index(fields=["account", "-id"], name="delivery_by_account"),
            models.Index(fields=["destination", "-id"], name="delivery_by_destination"),
            models.Index(fields=["subscription", "-id"], name="delivery_by_subscription"),
            # What a person looks for among millions that went well.
            models.Index(fields=["account", "-id"], condition=models.Q(dead_count__gt=0), name="delivery_refused"),
            models.Index(
                fields=["account", "-id"],
                condition=models.Q(state__in=["dead", "discarded", "moved"]),
                name="delivery_not_delivered",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    count__gte=models.F("delivered_count")
                    + models.F("dead_count")
                    + models.F("discarded_count")
                    + models.F("moved_count")
                ),
                name="delivery_settles_no_more_than_it_has",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} records of {self.routed_at:%H:%M:%S}"

    def get_absolute_url(self) -> str:
        return reverse("delivery:delivery", args=[self.pk])

    @property
    def waiting_count(self) -> int:
        return self.count - self.delivered_count - self.dead_count - self.discarded_count - self.moved_count


class Attempt(models.Model):
    """One call to a target: when, how long, and what it said."""

    destination = models.ForeignKey(Destination, models.CASCADE, related_name="attempts", db_index=False)
    destination_revision = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20)
    code = models.CharField(max_length=100, blank=True)
    message = models.TextField(blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    records = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["destination", "-started_at"], name="attempt_by_destination")]

    def __str__(self) -> str:
        return f"{self.outcome} {self.code}".strip()


class AttemptPart(models.Model):
    """The part of an attempt that concerned one delivery: which records, and what became of them.

    `carried` is a bitmap of their positions, null when they are all from `first` to `last`; `kept` one of those
    that this call did not deliver, null when that follows from the counts (none or all of them).
    """

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="parts")
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="parts")
    first = models.PositiveIntegerField(help_text="Position of its first record in the delivery.")
    last = models.PositiveIntegerField()
    carried = models.BinaryField(null=True)
    kept = models.BinaryField(null=True)
    delivered = models.PositiveIntegerField(default=0)
    dead = models.PositiveIntegerField(default=0)
    retried = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"Records {self.first} to {self.last} of delivery {self.delivery_id}"


class DeadLetter(models.Model):
    """One record that was refused for good, with its payload; it can be replayed."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="dead_letters", db_index=False)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="dead_letters", db_index=False)
    destination = models.ForeignKey(Destination, models.CASCADE, related_name="dead_letters", db_index=False)
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="dead_letters")
    position = models.PositiveIntegerField()
    event_id = IDField(prefix="ev")
    event_type = models.CharField(max_length=100)
    code = models.CharField(max_length=100)
    reason = models.TextField()
    payload = models.BinaryField()
    died_at = models.DateTimeField(default=timezone.now)
    replayed_as = models.ForeignKey(Delivery, models.SET_NULL, null=True, blank=True, related_name="revived")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="dead_letter_by_account"),
            models.Index(fields=["event_id"], name="dead_letter_by_event"),
            models.Index(fields=["destination", "code"], name="dead_letter_by_reason"),
            # For the figure beside the navigation's link: read on every page, and small, however many were sent again.
            models.Index(
                fields=["account", "id"], condition=models.Q(replayed_as=None), name="dead_letter_not_sent_again"
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "position"], name="dead_letter_once"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.code}"

    def get_absolute_url(self) -> str:
        return reverse("delivery:dead_letter", args=[self.pk])
