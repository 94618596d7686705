"""What people do to deliveries and dead letters. Records that wait as a whole: delivery/held.py."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Length

from accounts.audit import Actor
from common.clock import database_now
from delivery.deltas import Deltas
from delivery.health import waiting_for
from delivery.held import STEP_BYTES
from delivery.lines import as_columns
from delivery.models import DeadLetter, Delivery, DeliveryQuerySet, Origin
from delivery.trail import record_dead_letters
from destinations.models import Destination
from destinations.services import retry_destination_now

# What one transaction and one delivery takes of dead letters.
REPLAY_STEP = 1000


@transaction.atomic
def retry_deliveries(*, deliveries: Iterable[Delivery]) -> int:
    """Make waiting deliveries due at once, and end the backoff of their destinations."""
    ids = [delivery.pk for delivery in deliveries]
    waiting = Delivery.objects.waiting().filter(pk__in=ids)
    changed = waiting.update(next_attempt_at=database_now())
    for destination in Destination.objects.filter(deliveries__in=waiting).distinct():
        retry_destination_now(destination=destination)
    return changed


def deliveries_like(delivery: Delivery) -> DeliveryQuerySet:
    """What waits for the same destination: one call decides whether all of it can go on. Count it before a retry."""
    return waiting_for(delivery.destination)


@transaction.atomic
def retry_like(*, delivery: Delivery) -> int:
    """Make everything due that waits for the same destination; returns the number of deliveries."""
    changed = deliveries_like(delivery).update(next_attempt_at=database_now())
    retry_destination_now(destination=delivery.destination)
    return changed


def dead_letters_like(letter: DeadLetter) -> QuerySet[DeadLetter]:
    """Letters of the same destination that died for the same reason and were not replayed; count them first."""
    return DeadLetter.objects.filter(
        account_id=letter.account_id, destination_id=letter.destination_id, code=letter.code, replayed_as=None
    )


def replay_dead_letters(
    *,
    dead_letters: Iterable[DeadLetter] | QuerySet[DeadLetter],
    actor: Actor,
    to: Destination | None = None,
) -> list[Delivery]:
    """Send dead letters again, to where they belonged or to another destination of the account.

    Each group goes under a new delivery that names its parent; the letters stay dead. Those that were replayed
    before are left out. There may be any number of them: they are worked off in transactions of a thousand, or of
    some MB.
    """
    if not isinstance(dead_letters, QuerySet):
        dead_letters = DeadLetter.objects.filter(pk__in=[letter.pk for letter in dead_letters])
    made: list[Delivery] = []
    for ids in _steps(dead_letters):
        made += _replay_step(ids, to, actor)
    return made


def _steps(letters: QuerySet[DeadLetter]) -> Iterator[list[int]]:
    """Their keys, so many at a time as one transaction takes: large records are what often dies."""
    step: list[int] = []
    size = 0
    for pk, length in list(letters.order_by("pk").values_list("pk", Length("payload"))):
        if step and (len(step) == REPLAY_STEP or size + length > STEP_BYTES):
            yield step
            step, size = [], 0
        step.append(pk)
        size += length
    if step:
        yield step


@transaction.atomic
def _replay_step(ids: Sequence[int], to: Destination | None, actor: Actor) -> list[Delivery]:
    fresh = (
        DeadLetter.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=ids, replayed_as=None)
        .select_related("delivery", "account")
        .defer("delivery__payload")
        .order_by("delivery_id", "position")
    )
    groups: dict[int, list[DeadLetter]] = {}
    for letter in fresh:
        groups.setdefault(letter.delivery_id, []).append(letter)
    deltas = Deltas()
    made = [_replay_group(letters, to, deltas) for letters in groups.values()]
    deltas.save()
    record_dead_letters(fresh, actor, to)
    Destination.objects.filter(pk__in={delivery.destination_id for delivery in made}).wake()
    return made


def _replay_group(letters: Sequence[DeadLetter], to: Destination | None, deltas: Deltas) -> Delivery:
    parent = letters[0].delivery
    now = database_now()
    delivery = Delivery.objects.create(
        account_id=parent.account_id,
        subscription_id=parent.subscription_id,
        revision=parent.revision,
        destination_id=to.pk if to else parent.destination_id,
        origin=Origin.REPLAY,
        parent=parent,
        routed_at=now,
        next_attempt_at=now,
        **as_columns([bytes(letter.payload) for letter in letters]),
    )
    deltas.add(delivery, "fan_out", delivery.types)
    DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters]).update(replayed_as=delivery)
    return delivery


def export_dead_letters(dead_letters: QuerySet[DeadLetter]) -> Iterator[bytes]:
    """The letters as NDJSON, oldest first, a line at a time, for a streaming answer or a file."""
    encoder = msgspec.json.Encoder()
    for letter in dead_letters.order_by("pk").iterator(chunk_size=500):
        exported = {
            "event_id": letter.event_id,
            "event_type": letter.event_type,
            "code": letter.code,
            "reason": letter.reason,
            "died_at": letter.died_at,
            "destination": letter.destination_id,
            "subscription": letter.subscription_id,
            "record": msgspec.Raw(bytes(letter.payload)),
        }
        yield encoder.encode(exported) + b"\n"
