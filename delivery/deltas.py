"""Deltas of the tallies, summed before they are written: one row for each minute, way and event type."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from delivery.models import Delivery, Tally

Key = tuple[Any, ...]


class Deltas:
    """What became of records, under the minute in which their delivery was routed."""

    def __init__(self) -> None:
        self._counts: dict[Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def add(self, delivery: Delivery, fate: str, types: Mapping[str, int]) -> None:
        """`fate` is a column of Tally: fan_out, delivered, dead, discarded or moved; `types` counts by event type."""
        for event_type, number in types.items():
            self._counts[_key(delivery, event_type)][fate] += number

    def save(self) -> None:
        """Insert the sums; call in the transaction that changes the deliveries."""
        Tally.objects.bulk_create(self.tallies())

    def tallies(self) -> list[Tally]:
        """The sums, not saved."""
        return [
            Tally(
                account_id=account,
                minute=minute,
                subscription_id=subscription,
                revision=revision,
                destination_id=destination,
                origin=origin,
                event_type=event_type,
                **counts,
            )
            for (account, minute, subscription, revision, destination, origin, event_type), counts in (
                self._counts.items()
            )
        ]


def _key(delivery: Delivery, event_type: str) -> Key:
    return (
        delivery.account_id,
        delivery.routed_at.replace(second=0, microsecond=0),
        delivery.subscription_id,
        delivery.revision,
        delivery.destination_id,
        delivery.origin,
        event_type,
    )
