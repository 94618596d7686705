"""Let subscriptions and destinations go on."""

from argparse import ArgumentParser
from typing import Any

from accounts.audit import Actor
from delivery.held import Resume, resume
from delivery.staff import Stoppable, SwitchCommand
from destinations.models import Destination
from subscriptions.models import Subscription
from subscriptions.services import update_subscription


class Command(SwitchCommand):
    help = "Resume subscriptions and destinations; what was held goes out."
    verb = "resume"
    wanted = "active"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--newest-first", action="store_true", help="Of destinations: send the newest held first.")

    def refusal(self, found: Stoppable) -> str:
        is_off = isinstance(found, Subscription) and found.state == Subscription.State.OFF
        return f"{found.pk} ({found.name}) is off. Its owner switches it on in the dashboard." if is_off else ""

    def switch(self, found: Stoppable, actor: Actor, options: dict[str, Any]) -> None:
        if isinstance(found, Destination):
            how = Resume.NEWEST_FIRST if options["newest_first"] else Resume.IN_ORDER
            resume(destination=found, how=how, actor=actor)
        else:
            update_subscription(subscription=found, actor=actor, state=Subscription.State.ACTIVE)
