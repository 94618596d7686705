"""Sending past events again."""

from typing import ClassVar

from django.db import models
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from delivery.models.carrying import Delivery
from destinations.models import Destination
from events.models import EventBatch
from subscriptions.models import Subscription


class Replay(models.Model):
    """Sending past events of a subscription again, to any destination: a cursor that moves over event batches.

    `event_ids` narrows it to single events; `filter` is a CEL expression that replaces the subscription's own,
    empty keeps that. Batches are taken in the order of their IDs, `next_batch` is the first not yet taken.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    account = models.ForeignKey(Account, models.CASCADE, related_name="replays", db_index=False)
    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="replays")
    destination = models.ForeignKey(Destination, models.PROTECT, related_name="replays")
    start = models.DateTimeField(help_text="First time of acceptance.")
    end = models.DateTimeField(help_text="End of the time of acceptance, exclusive.")
    event_ids = models.JSONField(default=list, blank=True)
    filter = models.TextField(blank=True)
    events_per_second = models.PositiveIntegerField(default=1000)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    next_batch = models.PositiveBigIntegerField(default=0)
    next_step_at = models.DateTimeField(default=timezone.now)
    batches_total = models.PositiveIntegerField(default=0)
    batches_done = models.PositiveIntegerField(default=0)
    scanned = models.PositiveBigIntegerField(default=0)
    matched = models.PositiveBigIntegerField(default=0)
    error = models.TextField(blank=True)
    created_by = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="replay_by_account"),
            models.Index(fields=["next_step_at"], condition=models.Q(state="running"), name="replay_running"),
        ]

    def __str__(self) -> str:
        return f"Replay {self.pk} of {self.subscription}"

    def get_absolute_url(self) -> str:
        return reverse("delivery:running_replay", args=[self.pk])


class ReplayedBatch(models.Model):
    """Which events of a batch a replay took: a bitmap, and where the first of them stands in the delivery."""

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="replayed_batches")
    event_batch = models.ForeignKey(EventBatch, models.CASCADE, related_name="replayed")
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="replayed_batches")
    start = models.PositiveIntegerField()
    bits = models.BinaryField()

    class Meta:
        verbose_name_plural = "replayed batches"

    def __str__(self) -> str:
        return f"Part of delivery {self.delivery_id}"
