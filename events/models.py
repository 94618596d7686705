"""WHAT HAPPENED: accepted events, and who may publish them."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from common.ids import IDField


class PublisherKeyQuerySet(models.QuerySet["PublisherKey"]):
    def usable(self, now: datetime) -> Self:
        return self.filter(revoked_at=None).exclude(expires_at__lte=now)


class PublisherKey(models.Model):
    """A platform service's key, issued by staff. Its events name the account each belongs to."""

    id = IDField(prefix="pub", primary_key=True)
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    # Empty lists allow every account and every type.
    allowed_accounts = models.ManyToManyField(Account, blank=True)
    allowed_types = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[PublisherKeyQuerySet] = PublisherKeyQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name


class PublishRequest(models.Model):
    """A request that carried an Idempotency-Key: the same key answers the same for 24 hours."""

    publisher = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    answer = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["publisher", "idempotency_key"], name="publish_request_once"),
        ]

    def __str__(self) -> str:
        return self.idempotency_key


class EventBatch(models.Model):
    """The accepted events of one request and one account, as NDJSON of whole envelopes.

    Requests with one event that share a commit, a publisher and an account share a batch as well (events/singles.py).
    The IDs of a batch follow each other, so an event is found by the range it lies in.
    """

    class Encoding(models.TextChoices):
        RAW = "raw", "NDJSON"
        ZSTD = "zstd", "NDJSON, zstd"

    account = models.ForeignKey(Account, models.CASCADE, related_name="event_batches", db_index=False)
    publisher = models.CharField(max_length=40)
    accepted_at = models.DateTimeField(default=timezone.now)
    count = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField(help_text="Size of the NDJSON, uncompressed.")
    first_event_id = IDField(prefix="ev")
    last_event_id = IDField(prefix="ev")
    types = models.JSONField(help_text="Event type to number of events.")
    encoding = models.CharField(max_length=4, choices=Encoding.choices)
    payload = models.BinaryField(null=True)
    routed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "event batches"
        indexes: ClassVar = [
            models.Index(fields=["account", "id"], condition=models.Q(routed_at=None), name="batch_not_routed"),
            models.Index(fields=["account", "first_event_id"], name="batch_by_event"),
            models.Index(fields=["account", "accepted_at"], name="batch_by_time"),
            models.Index(fields=["accepted_at"], condition=models.Q(payload__isnull=False), name="batch_with_payload"),
        ]

    def __str__(self) -> str:
        return f"{self.count} events from {self.first_event_id}"

    def get_absolute_url(self) -> str:
        return reverse("delivery:event", args=[self.first_event_id])
