"""What people were told of: one row an episode, so that each is told once."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from destinations.models import Destination
from subscriptions.models import Subscription


class Notice(models.Model):
    """A destination or a subscription was in trouble of one kind, from when it was noticed until it was over."""

    class Kind(models.TextChoices):
        BLOCKED = "blocked", "Blocked"
        LAGGING = "lagging", "Behind"
        SILENT = "silent", "Silent"
        EXPIRING = "expiring", "Records will be lost"
        # One a warning, so that each is told.
        ENDS_IN_30 = "ends_30", "Credentials end within 30 days"
        ENDS_IN_7 = "ends_7", "Credentials end within 7 days"
        ENDS_IN_1 = "ends_1", "Credentials end within a day"
        ENDED = "ended", "Credentials ended"
        # Of a subscription; all others are of a destination.
        UNDECIDED = "undecided", "Filter error"

    destination = models.ForeignKey(Destination, models.CASCADE, null=True, related_name="notices")
    subscription = models.ForeignKey(Subscription, models.CASCADE, null=True, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    began_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    # False when another of its kind was mailed a short time before: a flapping destination fills no mailbox.
    was_mailed = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["destination", "kind"],
                condition=models.Q(ended_at=None),
                name="notice_open_once",
                violation_error_message="This is noticed already.",
            ),
            models.UniqueConstraint(
                fields=["subscription", "kind"],
                condition=models.Q(ended_at=None),
                name="notice_of_subscription_open_once",
                violation_error_message="This is noticed already.",
            ),
            models.CheckConstraint(
                condition=models.Q(destination=None) ^ models.Q(subscription=None),
                name="notice_is_of_one",
                violation_error_message="A notice is of one destination or of one subscription.",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["destination", "kind", "-began_at"], name="notice_by_destination")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.destination or self.subscription}"
