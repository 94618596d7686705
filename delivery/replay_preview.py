"""What a replay would do, before it is started."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Sum
from django.utils import timezone

from delivery.decide import decide
from delivery.models import Tally
from delivery.replay_scope import Wanted, ahead_of, batches_of, plan_for, records_of
from destinations.models import Destination
from destinations.records import Records
from events.models import EventBatch

# A preview looks into so many batches, evenly spread, and reckons the rest from them.
SAMPLE_BATCHES = 40


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would do. `matched`, `bytes` and `too_old` are reckoned from a sample where `is_estimate`.

    `delivered_before` counts records of that time which this destination has already, by minute of routing;
    `gone` the events whose payload is no longer kept; `seconds` how long it takes at the rate.
    """

    events: int
    gone: int
    matched: int
    delivered_before: int
    too_old: int
    bytes: int
    seconds: float
    is_estimate: bool


def preview(wanted: Wanted) -> Preview:
    """Raises ReplayRefusedError."""
    plan = plan_for(wanted)
    batches = batches_of(wanted)
    if wanted.event_ids:
        keys = list(ahead_of(wanted, 0).values_list("pk", flat=True))
        kept, gone = len(wanted.event_ids), 0
    else:
        keys = list(ahead_of(wanted, 0).values_list("pk", flat=True))
        sums = batches.aggregate(events=Sum("count", default=0))
        kept = batches.filter(payload__isnull=False).aggregate(events=Sum("count", default=0))["events"]
        gone = sums["events"] - kept
    sampled = keys[:: max(1, len(keys) // SAMPLE_BATCHES)]
    run = decide(wanted.subscription.account_id, plan, list(EventBatch.objects.filter(pk__in=sampled).order_by("pk")))
    lines = records_of(wanted, run)
    share = len(keys) / len(sampled) if sampled else 1.0
    matched = round(len(lines) * share)
    return Preview(
        events=kept,
        gone=gone,
        matched=matched,
        delivered_before=_delivered_before(wanted),
        too_old=round(_too_old(wanted.destination, lines) * share),
        bytes=round(sum(map(len, lines)) * share),
        seconds=matched / wanted.events_per_second,
        is_estimate=len(sampled) < len(keys),
    )


def _delivered_before(wanted: Wanted) -> int:
    tallies = Tally.objects.filter(
        subscription=wanted.subscription,
        destination=wanted.destination,
        minute__gte=wanted.start.replace(second=0, microsecond=0),
        minute__lt=wanted.end,
    )
    return int(tallies.aggregate(number=Sum("delivered", default=0))["number"])


def _too_old(destination: Destination, lines: Sequence[bytes]) -> int:
    oldest = destination.target_class.oldest
    if oldest is None:
        return 0
    first_ms = int((timezone.now() - oldest).timestamp() * 1000)
    return sum(stamp < first_ms for stamp in Records(lines).timestamps_ms)
