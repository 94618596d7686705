"""How many records went which way: what pages and the ledger add up."""

from typing import ClassVar

from django.db import models

from accounts.models import Account
from delivery.models.carrying import Origin
from destinations.models import Destination
from subscriptions.models import Subscription


class Tally(models.Model):
    """Insert-only deltas under the minute of routing; pages and the ledger sum them.

    `destination` is null for what routing decided (matched, filtered, undecided), set for what was sent on.
    """

    account = models.ForeignKey(Account, models.CASCADE, db_index=False)
    minute = models.DateTimeField()
    subscription = models.ForeignKey(Subscription, models.CASCADE, db_index=False)
    revision = models.PositiveIntegerField()
    destination = models.ForeignKey(Destination, models.CASCADE, null=True, db_index=False)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.ROUTING)
    event_type = models.CharField(max_length=100)
    matched = models.IntegerField(default=0)
    filtered = models.IntegerField(default=0)
    undecided = models.IntegerField(default=0)
    fan_out = models.IntegerField(default=0)
    delivered = models.IntegerField(default=0)
    dead = models.IntegerField(default=0)
    discarded = models.IntegerField(default=0)
    moved = models.IntegerField(default=0)
    # How many minutes it sums up: 1 as it is written, later those of its quarter or hour, under the first of these.
    span = models.PositiveSmallIntegerField(default=1)

    class Meta:
        verbose_name_plural = "tallies"
        indexes: ClassVar = [
            models.Index(fields=["minute"], condition=models.Q(span=1), name="tally_by_the_minute"),
            models.Index(fields=["minute"], condition=models.Q(span=15), name="tally_by_the_quarter"),
            models.Index(fields=["account", "minute"], condition=models.Q(span=1), name="tally_not_summed"),
            models.Index(fields=["subscription"], condition=~models.Q(undecided=0), name="tally_undecided"),
            models.Index(fields=["account", "minute"], name="tally_by_account"),
            models.Index(fields=["subscription", "minute"], name="tally_by_subscription"),
            models.Index(fields=["destination", "minute"], name="tally_by_destination"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} at {self.minute:%H:%M}"


class AccountTally(models.Model):
    """The sums of an account's tallies by the quarter, without those that are not summed up yet.

    With a thousand subscriptions a day has a hundred thousand tallies, which a page cannot add up each time.
    """

    account = models.ForeignKey(Account, models.CASCADE, db_index=False)
    minute = models.DateTimeField()
    matched = models.BigIntegerField(default=0)
    filtered = models.BigIntegerField(default=0)
    undecided = models.BigIntegerField(default=0)
    fan_out = models.BigIntegerField(default=0)
    delivered = models.BigIntegerField(default=0)
    dead = models.BigIntegerField(default=0)
    discarded = models.BigIntegerField(default=0)
    moved = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "account tallies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "minute"], name="account_tally_once_a_quarter"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.minute:%H:%M}"
