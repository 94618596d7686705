"""Carrying records, and counting them."""

from delivery.models.carrying import (
    Attempt,
    AttemptPart,
    DeadLetter,
    Delivery,
    DeliveryQuerySet,
    Origin,
    Replay,
    ReplayedBatch,
    RoutedBatch,
    Routing,
)
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
