"""WHICH EVENTS: what an account subscribes to, filtered and selected, and where it goes."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from common.ids import IDField
from destinations.models import Destination
from destinations.targets import target_choices
from events.catalog import EventType, get_event_type


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def light(self) -> Self:
        """For lists."""
        return self.defer("metadata")

    def capturing(self) -> Self:
        """Those that take part in routing: a paused one captures too, its records are held."""
        return self.existing().exclude(state=Subscription.State.OFF)


class Subscription(models.Model):
    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        OFF = "off", "Off"

    id = IDField(prefix="esb", primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="subscriptions")
    description = models.CharField(max_length=255, blank=True)
    metadata = models.TextField(max_length=4096, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    revision = models.PositiveIntegerField(default=1, editable=False)
    destinations = models.ManyToManyField(Destination, related_name="subscriptions", blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[SubscriptionQuerySet] = SubscriptionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "-id"], name="subscription_by_account")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("subscriptions:detail", args=[self.pk])

    @property
    def name(self) -> str:
        return self.description or f"Subscription {self.pk[-6:]}"


class Source(models.Model):
    """An event type within a subscription; an empty filter takes all, `fields` null selects every field."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="sources")
    event_type = models.CharField(max_length=100)
    filter = models.TextField(blank=True)
    fields = models.JSONField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subscription", "event_type"], name="source_once_per_subscription"),
        ]

    def __str__(self) -> str:
        return self.event_type

    @property
    def catalogued(self) -> EventType | None:
        return get_event_type(self.event_type)


class Revision(models.Model):
    """What a subscription was from one change to the next. Events are routed, and shown, under its number."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    snapshot = models.JSONField()
    actor = models.JSONField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subscription", "number"], name="revision_numbered_once"),
        ]

    def __str__(self) -> str:
        return f"Revision {self.number} of {self.subscription}"


# After this a discarded draft cannot be had back, and a saved one no longer answers a second press of Save.
DRAFT_KEPT = timedelta(hours=24)


class DraftQuerySet(models.QuerySet["Draft"]):
    def open(self) -> Self:
        return self.filter(discarded_at=None, saved_as=None)

    def joined(self) -> Self:
        return self.select_related("subscription", "updated_by", "saved_as")

    def over(self, now: datetime) -> Self:
        return self.exclude(discarded_at=None, saved_as=None).filter(updated_at__lt=now - DRAFT_KEPT)


class Draft(models.Model):
    """A subscription in the making, or changes to one, as typed; see subscriptions/drafting.

    `version` counts changes and `tab` names the page that made the last one: a page that has seen an older version,
    and did not make the newer itself, is told so before it overwrites anything.
    """

    id = IDField(prefix="dr", primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="drafts")
    subscription = models.ForeignKey(Subscription, models.CASCADE, null=True, related_name="drafts")
    base_revision = models.PositiveIntegerField(default=0)
    content = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    tab = models.CharField(max_length=32, blank=True)
    updated_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    updated_at = models.DateTimeField(default=timezone.now)
    discarded_at = models.DateTimeField(null=True)
    saved_as = models.ForeignKey(Subscription, models.CASCADE, null=True, related_name="+")

    objects: ClassVar[DraftQuerySet] = DraftQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "-updated_at"], name="draft_by_account")]

    def __str__(self) -> str:
        return self.content.get("description") or "a new subscription"


class Backtest(models.Model):
    """An unsaved set of sources tried on the account's stored events. Kept for an hour.

    `key` names what is being edited, such as a draft: a newer run of the same key cancels the older.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    class Window(models.TextChoices):
        HOUR = "1h", "1 h"
        DAY = "24h", "24 h"
        ALL = "all", "All kept"

    id = IDField(prefix="bt", primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="backtests")
    key = models.CharField(max_length=80)
    sources = models.JSONField(help_text="For each: event_type, filter, fields, conditions (a group, or null).")
    destinations = models.JSONField(default=list, help_text="IDs of the destinations to put a price to.")
    window = models.CharField(max_length=4, choices=Window.choices, default=Window.DAY)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    reading = models.JSONField(null=True, help_text="The figures so far; see subscriptions/backtest_figures.py.")
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["account", "key"], name="backtest_by_key")]

    def __str__(self) -> str:
        return f"Backtest of {self.key}"

    @property
    def is_over(self) -> bool:
        return self.state not in {self.State.QUEUED, self.State.RUNNING}


class TargetPrice(models.Model):
    """What an account pays a target's service, in place of the list price in subscriptions/prices.json."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="target_prices")
    target = models.CharField(max_length=40, choices=target_choices)
    per_gb = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    per_million_records = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    currency = models.CharField(max_length=3, default="USD")
    source = models.CharField(max_length=255, blank=True, help_text="Where the price is from, such as a contract.")
    as_of = models.DateField(default=timezone.localdate)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "target"], name="price_once_per_target"),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.per_gb} {self.currency} a GB, {self.per_million_records} a million records"
