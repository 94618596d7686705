"""Credentials that end: a warning before, and new ones that are tested before they take over.

Dates are the last day on which a key or secret works, as a person typed it: no service tells us.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.audit import Actor
from accounts.models import Account
from destinations.models import Destination, TestRun
from destinations.outcome import ConfigurationError
from destinations.services import set_expiry, update_destination
from destinations.targets import StepResult

# Days before the end at which a warning becomes more urgent.
WARNINGS = (30, 7, 1)


@dataclass(frozen=True, slots=True)
class Expiry:
    """A destination whose credentials end soon, or have ended; `threshold` is the warning that counts: 30, 7, 1, 0."""

    destination: Destination
    on: date
    days: int
    threshold: int

    @property
    def is_over(self) -> bool:
        return self.days < 0

    @property
    def words(self) -> str:
        name = self.destination.name
        if self.is_over:
            return (
                f"The credentials of {name} ended on {self.on.day} {self.on:%b}. Rotate them before records are held."
            )
        when = {0: "today", 1: "tomorrow"}.get(self.days, f"in {self.days} days, on {self.on.day} {self.on:%b}")
        return f"The credentials of {name} end {when}. Rotate them before."


def ending_soon(now: datetime) -> Q:
    """The destinations that there is something to warn of."""
    return Q(credentials_expire_on__lte=timezone.localdate(now) + timedelta(days=max(WARNINGS)))


def expiring(account: Account, now: datetime) -> list[Expiry]:
    """The destinations of an account whose credentials end within 30 days, the most urgent first. One query."""
    soon = Destination.objects.light().existing().filter(ending_soon(now), account=account)
    soon = soon.order_by("credentials_expire_on", "pk")
    return [expiry for destination in soon if (expiry := expiry_of(destination, now))]


def expiry_of(destination: Destination, now: datetime) -> Expiry | None:
    """None while there is nothing to warn of."""
    on = destination.credentials_expire_on
    if on is None:
        return None
    days = (on - timezone.localdate(now)).days
    reached = [each for each in (*WARNINGS, -1) if days <= each]
    return Expiry(destination, on, days, max(min(reached), 0)) if reached else None


def switch_over(run: TestRun) -> StepResult:
    """The last step of a rotation: what has just been tested takes over. Raises DeliveryError."""
    with transaction.atomic():
        found = (
            Destination.objects.select_for_update(no_key=True).filter(pk=run.destination_id, deleted_at=None).first()
        )
        if found is None or found.revision != run.rotation.get("revision"):
            raise ConfigurationError("Not switched: the destination was changed meanwhile.", code="overtaken")
        actor = Actor(**run.rotation["actor"])
        update_destination(destination=found, actor=actor, config=run.config, secrets=run.secrets)
        ends = run.rotation.get("expires_on")
        set_expiry(destination=found, actor=actor, on=date.fromisoformat(ends) if ends else None)
    return StepResult("The new credentials have taken over. The old ones may be deleted at the service.")
