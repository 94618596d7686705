"""What people do to records that the audit trail keeps; the catalogue has no types for it, so it is not published."""

from collections.abc import Iterable

from accounts.audit import Actor, record_change
from delivery.models import DeadLetter, Replay
from destinations.models import Destination
from subscriptions.models import Subscription


def record_replay(replay: Replay, actor: Actor, act: str, before: str | None = None) -> None:
    """Call inside the change's transaction; `act` completes `replay_…`, `before` is the state that it had."""
    resource = {
        "id": replay.pk,
        "subscription_id": replay.subscription_id,
        "destination_id": replay.destination_id,
        "start": replay.start.isoformat(),
        "end": replay.end.isoformat(),
        "filter": replay.filter,
        "event_ids": replay.event_ids,
    }
    record_change(
        account=replay.account,
        actor=actor,
        event_type=f"replay_{act}",
        object_id=str(replay.pk),
        before={**resource, "state": before} if before else None,
        after={**resource, "state": replay.state},
    )


def record_waiting(
    owner: Destination | Subscription, actor: Actor, act: str, records: int, to: Destination | None = None
) -> None:
    """Records that waited for `owner` were given up or moved; call inside the change's transaction."""
    record_change(
        account=owner.account,
        actor=actor,
        event_type=f"waiting_records_{act}",
        object_id=owner.pk,
        before=None,
        after={"records": records, "destination_id": to.pk if to else None},
    )


def record_dead_letters(letters: Iterable[DeadLetter], actor: Actor, to: Destination | None) -> None:
    """Dead letters were sent again; an entry for each destination that had refused them. As above."""
    by_destination: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        by_destination.setdefault(letter.destination_id, []).append(letter)
    for destination_id, some in by_destination.items():
        record_change(
            account=some[0].account,
            actor=actor,
            event_type="dead_letters_replayed",
            object_id=destination_id,
            before=None,
            after={"records": len(some), "destination_id": to.pk if to else destination_id},
        )
