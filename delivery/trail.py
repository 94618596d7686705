"""What people do to records that the audit trail keeps; the catalogue has no types for it, so it is not published."""

from accounts.audit import Actor, record_change
from delivery.models import Replay


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
