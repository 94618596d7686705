"""What became of the records that a replay sent on: it is done when they are handed on, not when they have arrived."""

from dataclasses import dataclass

from django.db.models import Count, Sum

from delivery.models import Replay

NEWEST = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """Records by their fate; `newest` are the numbers of the last deliveries, newest first."""

    delivered: int
    waiting: int
    dead: int
    given_up: int
    deliveries: int
    newest: list[int]
    may_change: bool

    @property
    def earlier(self) -> int:
        return self.deliveries - len(self.newest)


def outcome_of(replay: Replay) -> Outcome:
    deliveries = replay.deliveries.order_by()
    sums = deliveries.aggregate(
        deliveries=Count("pk"),
        count=Sum("count", default=0),
        delivered=Sum("delivered_count", default=0),
        dead=Sum("dead_count", default=0),
        discarded=Sum("discarded_count", default=0),
        moved=Sum("moved_count", default=0),
    )
    given_up = sums["discarded"] + sums["moved"]
    waiting = sums["count"] - sums["delivered"] - sums["dead"] - given_up
    return Outcome(
        delivered=sums["delivered"],
        waiting=waiting,
        dead=sums["dead"],
        given_up=given_up,
        deliveries=sums["deliveries"],
        newest=list(deliveries.order_by("-pk").values_list("pk", flat=True)[:NEWEST]),
        may_change=waiting > 0 or replay.state == Replay.State.RUNNING,
    )
