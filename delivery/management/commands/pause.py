"""Pause subscriptions and destinations."""

from typing import Any

from accounts.audit import Actor
from delivery.staff import Stoppable, SwitchCommand
from destinations.models import Destination
from destinations.services import pause_destination
from subscriptions.models import Subscription
from subscriptions.services import update_subscription


class Command(SwitchCommand):
    help = "Pause subscriptions and destinations: they go on capturing, and their records are held."
    verb = "pause"
    wanted = "paused"

    def refusal(self, found: Stoppable) -> str:
        is_off = isinstance(found, Subscription) and found.state == Subscription.State.OFF
        return f"{found.pk} ({found.name}) is off: it captures nothing that could be held." if is_off else ""

    def switch(self, found: Stoppable, actor: Actor, options: dict[str, Any]) -> None:
        if isinstance(found, Destination):
            pause_destination(destination=found, user=None, actor=actor)
        else:
            update_subscription(subscription=found, actor=actor, state=Subscription.State.PAUSED)
