"""Millions of stored events in seconds: copies of a run that was routed and settled, with its payloads."""

from copy import copy
from typing import Any

from django.db import connection, transaction


def fill(account: Any, events: int) -> None:
    """Store at least `events` more of this account; raises ValueError while no run of several batches is settled.

    Every batch keeps its payload and has IDs of its own, so that tables and indexes grow as they do in use. Tallies and
    what a receiver counts stay as they are: the books are to be closed before.
    """
    from delivery.models import Delivery, Routing

    settled = Delivery.objects.filter(state=Delivery.State.DELIVERED).values("routing")
    pattern = Routing.objects.filter(account=account, pk__in=settled).order_by("-batches").first()
    if pattern is None:
        raise ValueError("There is no settled run to copy.")
    run = _Run(pattern)
    for _ in range(-(-events // pattern.events)):
        with transaction.atomic():
            run.repeat()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")


class _Run:
    """The rows of one run."""

    def __init__(self, routing: Any) -> None:
        from delivery.models import AttemptPart, Delivery, RoutedBatch

        self._routing = routing
        self._routed = list(RoutedBatch.objects.filter(routing=routing).select_related("event_batch"))
        self._deliveries = list(Delivery.objects.filter(routing=routing))
        self._parts = list(AttemptPart.objects.filter(delivery__in=self._deliveries).select_related("attempt"))

    def repeat(self) -> None:
        from common import rows

        routing = _fresh(self._routing)
        routing.save()
        batches = [self._batch(each.event_batch) for each in self._routed]
        rows.insert(batches)
        _insert(_fresh(each, routing=routing, event_batch=of) for each, of in zip(self._routed, batches, strict=True))
        deliveries = {each.pk: _fresh(each, routing=routing) for each in self._deliveries}
        rows.insert(list(deliveries.values()))
        attempts = {part.attempt_id: _fresh(part.attempt) for part in self._parts}
        _insert(attempts.values())
        _insert(
            _fresh(part, attempt=attempts[part.attempt_id], delivery=deliveries[part.delivery_id])
            for part in self._parts
        )

    @staticmethod
    def _batch(batch: Any) -> Any:
        from common.ids import new_ids

        ids = new_ids("ev", batch.count)
        return _fresh(batch, first_event_id=ids[0], last_event_id=ids[-1])


def _insert(objects: Any) -> None:
    made = list(objects)
    if made:
        type(made[0]).objects.bulk_create(made)


def _fresh(row: Any, **changed: Any) -> Any:
    """The row as a new one."""
    made = copy(row)
    made._state = copy(row._state)  # noqa: SLF001 - Django documents copying by it
    made._state.adding, made.pk = True, None  # noqa: SLF001
    for name, value in changed.items():
        setattr(made, name, value)
    return made
