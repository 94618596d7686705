"""How a subscription fares, in the word, tone and icon that every page shows."""

from collections.abc import Iterable
from dataclasses import dataclass

from common.templatetags.words import are
from destinations.models import Destination
from subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class Condition:
    """What components/_pill.html takes, and the reason that stands beside it."""

    word: str
    tone: str
    icon: str
    reason: str = ""


STATES = {
    Subscription.State.ACTIVE: Condition("Active", "ok", "check-circle"),
    Subscription.State.PAUSED: Condition(
        "Paused", "held", "pause-circle", "It goes on capturing; records are held, not lost."
    ),
    Subscription.State.OFF: Condition("Off", "mute", "power", "Its events are not captured and cannot be sent later."),
}


def condition_of(
    subscription: Subscription, undecided: int = 0, places: Iterable[Destination] | None = None
) -> Condition:
    """Its own state first, then what stops its records elsewhere. Needs `destinations` prefetched, or its `places`."""
    state = STATES[Subscription.State(subscription.state)]
    if subscription.state == Subscription.State.OFF:
        return state
    if undecided:
        reason = f"A filter no longer compiles: {are(undecided, 'event')} held until it is mended."
        return Condition("Filter error", "bad", "exclamation-triangle", reason)
    own = subscription.destinations.all() if places is None else places
    stopped = [place for place in own if place.state != Destination.State.ACTIVE]
    if subscription.state == Subscription.State.ACTIVE and stopped:
        names = ", ".join(f"{place.name} is {place.get_state_display().lower()}" for place in stopped)
        return Condition("Held by destination", "held", "pause-circle", f"{names}. Records are held, not lost.")
    return state
