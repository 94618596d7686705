"""How many workers send to one destination at once: one, in order, until it falls behind.

Additive increase, multiplicative decrease, as congestion control does it: a slot more for each claim that leaves
due work behind, half of them when the service throttles or fails, one fewer when nothing is left over.
"""

from django.db.models import F

from delivery.claim import Claim
from destinations.models import Destination

MAX_SLOTS = 8


def after_success(claimed: Claim) -> None:
    destination = claimed.destination
    if claimed.is_behind and destination.slots < MAX_SLOTS:
        Destination.objects.filter(pk=destination.pk, slots__lt=MAX_SLOTS).update(slots=F("slots") + 1)
    elif not claimed.is_behind and destination.slots > 1:
        Destination.objects.filter(pk=destination.pk, slots__gt=1).update(slots=F("slots") - 1)


def after_failure(claimed: Claim) -> None:
    destination = claimed.destination
    if destination.slots > 1:
        Destination.objects.filter(pk=destination.pk).update(slots=max(1, destination.slots // 2))
