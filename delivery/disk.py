"""What the database takes on disk, and when that disk will be full at the present rate.

Every table is forgotten by age (delivery/retention.py), so it grows by its size over its age until it is as old as its
retention, and stays as large from then on. Only sizes of tables and one look into an index are needed for that, however
much is stored. What grows in another way, such as configuration, counts as constant.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Max, Model

from accounts.models import Account
from common.clock import database_now
from delivery.models import Attempt, AttemptPart, DeadLetter, Delivery, RoutedBatch, Routing, Tally
from events.models import EventBatch

DAY = timedelta(days=1)
# From less than this nothing can be told.
YOUNGEST = timedelta(hours=1)
LONGEST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Part:
    """A table with its indexes: its size, the age of its oldest row, and how old a row gets."""

    name: str
    bytes: int
    age: timedelta
    kept: timedelta

    def bytes_after(self, more: timedelta) -> int:
        """Its size when so much more time has passed."""
        if self.age < YOUNGEST:
            return self.bytes
        return max(self.bytes, round(self.bytes * (min(self.age + more, self.kept) / self.age)))


@dataclass(frozen=True, slots=True)
class DiskUse:
    """`bytes` of the whole database and its `parts`; `capacity` is what it may come to, None where that is unknown."""

    bytes: int
    parts: Sequence[Part]
    capacity: int | None
    at: datetime

    @property
    def levels_off_at(self) -> int:
        """The size at which as much is forgotten as comes in."""
        return self.bytes_after(LONGEST_DAYS * DAY)

    @property
    def full_at(self) -> datetime | None:
        """The day on which the capacity is reached; None when it never is, or is unknown."""
        if self.capacity is None or self.levels_off_at < self.capacity:
            return None
        days = next(days for days in range(LONGEST_DAYS + 1) if self.bytes_after(days * DAY) >= self.capacity)
        return self.at + days * DAY

    def bytes_after(self, more: timedelta) -> int:
        return self.bytes + sum(part.bytes_after(more) - part.bytes for part in self.parts)


def disk_use() -> DiskUse:
    now, size = database_now(), database_bytes()
    payloads = timedelta(days=Account.objects.aggregate(days=Max("payload_retention_days"))["days"] or 0)
    if connection.vendor != "postgresql":
        # SQLite would read the whole file to tell the sizes of tables; payloads are nearly all of it.
        return DiskUse(
            size, [Part("everything", size, _age(EventBatch, "accepted_at", now), payloads)], _room(size), now
        )
    outcomes, figures = timedelta(days=settings.OUTCOME_RETENTION_DAYS), timedelta(days=settings.TALLY_RETENTION_DAYS)
    parts = [
        Part("events", _tables_bytes(EventBatch), _age(EventBatch, "accepted_at", now), payloads),
        Part("outcomes", _tables_bytes(Routing, RoutedBatch), _age(Routing, "routed_at", now), outcomes),
        Part("deliveries", _tables_bytes(Delivery), _age(Delivery, "routed_at", now), outcomes),
        Part("attempts", _tables_bytes(Attempt, AttemptPart), _age(Attempt, "started_at", now), outcomes),
        Part("dead letters", _tables_bytes(DeadLetter), _age(DeadLetter, "died_at", now), outcomes),
        Part("figures", _tables_bytes(Tally), _age(Tally, "minute", now), figures),
    ]
    return DiskUse(size, parts, settings.DATABASE_DISK_BYTES or None, now)


def _age(model: type[Model], field: str, now: datetime) -> timedelta:
    """Of the oldest row by key."""
    rows = model._default_manager.order_by("pk")
    return now - (rows.values_list(field, flat=True).first() or now)


def database_bytes() -> int:
    if connection.vendor != "postgresql":
        path = Path(str(connection.settings_dict["NAME"]))
        return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    return _number("SELECT pg_database_size(current_database())")


def _tables_bytes(*models: type[Model]) -> int:
    tables = [model._meta.db_table for model in models]
    return sum(_number("SELECT pg_total_relation_size(%s::regclass)", [table]) for table in tables)


def _room(size: int) -> int:
    """What is configured; else an embedded database may fill the disk that it lies on."""
    free = shutil.disk_usage(Path(str(connection.settings_dict["NAME"])).parent).free
    return settings.DATABASE_DISK_BYTES or size + free


def _number(statement: str, parameters: Sequence[Any] = ()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.fetchone()[0])
