"""What a destination would cost a month: the account's own price, else the list price in prices.json.

The list is data to be edited: prices change, differ by region, and contracts differ from them. Each says what it
counts, where it is from and of which day it is. Only what grows with the events is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec

from accounts.models import Account
from destinations.models import Destination
from subscriptions.models import TargetPrice

LIST = Path(__file__).parent / "prices.json"
GB = Decimal(10**9)
MILLION = Decimal(10**6)
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Price:
    """A service's price. It counts each record with `extra_bytes` and rounded up to `rounded_to_bytes`."""

    per_gb: Decimal
    per_million_records: Decimal
    currency: str
    as_of: date
    source: str
    basis: str = ""
    extra_bytes: int = 0
    rounded_to_bytes: int = 1
    is_own: bool = False

    @property
    def counting(self) -> tuple[int, int]:
        """How bytes are counted: two prices that count alike need one sum."""
        return self.extra_bytes, self.rounded_to_bytes

    def of(self, records: float, counted_bytes: float) -> Decimal:
        cost = self.per_gb * Decimal(counted_bytes) / GB + self.per_million_records * Decimal(records) / MILLION
        return cost.quantize(CENT)


class ListEntry(msgspec.Struct, forbid_unknown_fields=True):
    per_gb: Decimal
    per_million_records: Decimal
    extra_bytes: int
    rounded_to_bytes: int
    basis: str
    source: str


class PriceList(msgspec.Struct, forbid_unknown_fields=True):
    as_of: date
    currency: str
    targets: dict[str, ListEntry]


@cache
def list_prices() -> Mapping[str, Price]:
    """By target."""
    read = msgspec.json.decode(LIST.read_bytes(), type=PriceList)
    return {
        target: Price(
            entry.per_gb,
            entry.per_million_records,
            read.currency,
            read.as_of,
            entry.source,
            entry.basis,
            entry.extra_bytes,
            entry.rounded_to_bytes,
        )
        for target, entry in read.targets.items()
    }


def prices_for(account: Account) -> dict[str, Price]:
    """By target: list prices, and over them what the account pays. How a service counts bytes stays the list's."""
    prices = dict(list_prices())
    for own in TargetPrice.objects.filter(account=account):
        listed = prices.get(own.target)
        prices[own.target] = Price(
            own.per_gb,
            own.per_million_records,
            own.currency,
            own.as_of,
            own.source,
            extra_bytes=listed.extra_bytes if listed else 0,
            rounded_to_bytes=listed.rounded_to_bytes if listed else 1,
            is_own=True,
        )
    return prices


def counted_bytes(size: int, counting: tuple[int, int]) -> int:
    """What a service counts for a record of `size` bytes."""
    extra, step = counting
    return -(-(size + extra) // step) * step


@dataclass(frozen=True, slots=True)
class PricedDestination:
    """A destination and what its service asks; without a price where the list has none."""

    id: str
    name: str
    target: str
    price: Price | None


def priced(account: Account, destination_ids: list[str]) -> list[PricedDestination]:
    """The account's own destinations of these IDs, in this order."""
    prices = prices_for(account)
    found = Destination.objects.existing().filter(account=account).in_bulk(destination_ids)
    return [
        PricedDestination(pk, found[pk].name, found[pk].target, prices.get(found[pk].target))
        for pk in destination_ids
        if pk in found
    ]
