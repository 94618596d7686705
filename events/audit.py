"""Publishing recorded changes as events: after the commit, and by the sweep for what was missed."""

from collections import defaultdict
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Account, AuditEntry
from events.catalog import catalog
from events.publishing import publish

BATCH = 500


def publish_audit_entries() -> int:
    """Publish every entry not yet published, oldest first; returns how many.

    Entry and batch are committed together, so that a crash between the two can neither lose nor repeat one.
    """
    published = 0
    while True:
        with transaction.atomic():
            waiting = AuditEntry.objects.to_publish().order_by("pk")
            entries = list(waiting.select_for_update(skip_locked=True)[:BATCH])
            if not entries:
                return published
            _publish(entries)
            AuditEntry.objects.filter(pk__in=[entry.pk for entry in entries]).update(published_at=timezone.now())
        published += len(entries)


def _publish(entries: list[AuditEntry]) -> None:
    by_account: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_account[entry.account_id].append(
            {
                "event_type": entry.event_type,
                "event_timestamp": entry.at.isoformat(),
                "principal": entry.actor,
                "object": _object(entry),
            }
        )
    for account in Account.objects.filter(pk__in=by_account):
        publish(by_account[account.pk], account=account)


def _object(entry: AuditEntry) -> dict[str, Any]:
    """What the catalogue has of the object: the trail may keep more, such as the state of a destination."""
    known = {field.path.partition(".")[0] for field in catalog()[entry.event_type].fields}
    whole: dict[str, Any] = entry.after or entry.before or {}
    return {name: value for name, value in whole.items() if name in known}
