"""Following one record: from the delivery that routing made, through attempts, dead letters and moves, to where it is.

A delivery has no row for a record. Its position tells: the rank of the event's bit among the matched bits of the run,
and in a delivery made from another one, the rank among the positions that were taken over.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, Q

from common import bitmap
from delivery.models import AttemptPart, DeadLetter, Delivery

# A record that was moved or replayed more often than this has a longer story than is told.
MAX_HOPS = 10
MAX_PARTS = 500


@dataclass(slots=True)
class Stop:
    """One delivery that held the record, where in it, and what happened to it there; parts are the oldest first."""

    delivery: Delivery
    position: int
    parts: list[AttemptPart] = field(default_factory=list)
    letter: DeadLetter | None = None

    @property
    def is_open(self) -> bool:
        remaining = self.delivery.remaining
        if self.delivery.state != Delivery.State.WAITING or self.letter is not None:
            return False
        return remaining is None or bitmap.is_set(remaining, self.position)

    @property
    def was_given_up(self) -> bool:
        """Whether it was among those discarded or moved, not settled before."""
        if self.delivery.state not in {Delivery.State.DISCARDED, Delivery.State.MOVED} or self.letter is not None:
            return False
        return self.delivery.remaining is None or bitmap.is_set(self.delivery.remaining, self.position)

    def delivered_by(self) -> AttemptPart | None:
        return next((part for part in reversed(self.parts) if delivered(part, self.position)), None)


def carried(part: AttemptPart, position: int) -> bool:
    """Whether this call held the record."""
    if part.carried is not None:
        return bitmap.is_set(part.carried, position)
    return part.first <= position <= part.last


def delivered(part: AttemptPart, position: int) -> bool:
    if part.kept is not None:
        return not bitmap.is_set(part.kept, position)
    return part.delivered > 0


def follow(starts: Iterable[tuple[Delivery, int]], event_id: str) -> list[Stop]:
    """Every delivery that held the record, beginning with `starts`: (delivery, position). More hops, more queries."""
    letters = {
        letter.delivery_id: letter
        for letter in DeadLetter.objects.filter(event_id=event_id).defer("payload").order_by("pk")
    }
    stops: list[Stop] = []
    hop = [Stop(delivery, position, letter=letters.get(delivery.pk)) for delivery, position in starts]
    for _ in range(MAX_HOPS):
        stops += hop
        hop = [Stop(delivery, position, letter=letters.get(delivery.pk)) for delivery, position in _next_hop(hop)]
        if not hop:
            break
    _add_parts(stops)
    return stops


def _next_hop(stops: Sequence[Stop]) -> list[tuple[Delivery, int]]:
    moved = {stop.delivery.pk: stop for stop in stops if stop.delivery.state == Delivery.State.MOVED}
    moved = {pk: stop for pk, stop in moved.items() if stop.was_given_up}
    revived = {stop.letter.replayed_as_id: stop.letter for stop in stops if stop.letter and stop.letter.replayed_as_id}
    if not moved and not revived:
        return []
    ranks = _ranks(revived)
    found = []
    is_revival = Exists(DeadLetter.objects.filter(replayed_as=OuterRef("pk")))
    wanted = Q(parent__in=moved) & ~is_revival | Q(pk__in=revived)
    for child in Delivery.objects.filter(wanted).select_related("destination", "subscription").defer("payload"):
        if child.pk in revived:
            found.append((child, ranks.get(child.pk, 0)))
        elif child.parent_id in moved:
            parent = moved[child.parent_id]
            remaining = parent.delivery.remaining
            position = parent.position if remaining is None else bitmap.rank(remaining, parent.position)
            found.append((child, position))
    return found


def _ranks(revived: dict[int, DeadLetter]) -> dict[int, int]:
    """How many letters of the same replay stand before each of these."""
    if not revived:
        return {}
    before = Q(pk__in=())
    for replayed_as, letter in revived.items():
        before |= Q(replayed_as=replayed_as, delivery=letter.delivery_id, position__lt=letter.position)
    rows = DeadLetter.objects.filter(before).order_by().values("replayed_as").annotate(number=Count("pk"))
    return {row["replayed_as"]: row["number"] for row in rows}


def _add_parts(stops: Sequence[Stop]) -> None:
    if not stops:
        return
    wanted = Q(pk__in=())
    for stop in stops:
        wanted |= Q(delivery=stop.delivery.pk, first__lte=stop.position, last__gte=stop.position)
    by_delivery: dict[int, list[AttemptPart]] = defaultdict(list)
    for part in AttemptPart.objects.filter(wanted).select_related("attempt").order_by("-pk")[:MAX_PARTS]:
        by_delivery[part.delivery_id].insert(0, part)
    for stop in stops:
        stop.parts = [part for part in by_delivery[stop.delivery.pk] if carried(part, stop.position)]
