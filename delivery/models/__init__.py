"""Carrying records, sending past ones again, and counting them all."""

from delivery.models.carrying import (
    Attempt,
    AttemptPart,
    DeadLetter,
    Delivery,
    DeliveryQuerySet,
    Origin,
    RoutedBatch,
    Routing,
)
from delivery.models.replaying import Replay, ReplayedBatch
from delivery.models.tallies import AccountTally, Tally

__all__ = [
    "AccountTally",
    "Attempt",
    "AttemptPart",
    "DeadLetter",
    "Delivery",
    "DeliveryQuerySet",
    "Origin",
    "Replay",
    "ReplayedBatch",
    "RoutedBatch",
    "Routing",
    "Tally",
]
