"""The state of a delivery as a pill. A builtin library: no template has to load it."""

from django import template
from django.utils.safestring import SafeString

from common.templatetags.components import pill
from delivery.models import Delivery
from destinations.models import Destination
from destinations.standing import Look
from subscriptions.models import Subscription

register = template.Library()

HELD = Look("Held", "held", "pause-circle")
RETRYING = Look("Retrying", "warn", "arrow-path")
IN_PART = Look("Delivered in part", "warn", "exclamation-triangle")
LOOKS = {
    Delivery.State.WAITING: Look("Waiting", "held", "clock"),
    Delivery.State.DELIVERED: Look("Delivered", "ok", "check-circle"),
    Delivery.State.DEAD: Look("Dead", "bad", "x-circle"),
    Delivery.State.MOVED: Look("Moved", "mute", "arrow-right"),
    Delivery.State.DISCARDED: Look("Discarded", "mute", "trash"),
}


@register.simple_tag
def delivery_pill(delivery: Delivery, *, shared: bool = False) -> SafeString:
    """`shared` where the page has put delivery/_delivery_symbols.html into the block symbols."""
    look = look_of(delivery)
    return pill(look.tone, look.icon, look.word, shared=shared)


def look_of(delivery: Delivery) -> Look:
    """What waits for a stopped destination, or of a paused subscription, is held."""
    if delivery.state == Delivery.State.WAITING:
        if (
            delivery.destination.state != Destination.State.ACTIVE
            or delivery.subscription.state == Subscription.State.PAUSED
        ):
            return HELD
        return RETRYING if delivery.attempts else LOOKS[Delivery.State.WAITING]
    if delivery.state == Delivery.State.DELIVERED and delivery.dead_count:
        return IN_PART
    return LOOKS[Delivery.State(delivery.state)]
