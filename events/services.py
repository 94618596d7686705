"""Issuing and replacing publisher keys."""

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor, record_change
from accounts.models import hash_token, make_token
from events.models import PublisherKey

log = structlog.get_logger(__name__)


def issue_token(key: PublisherKey) -> str:
    """Save a new key and return its token, which is not kept."""
    token = make_token()
    key.token_hash = hash_token(token)
    key.save()
    return token


@transaction.atomic
def rotate_publisher_key(*, key: PublisherKey, actor: Actor, keep_old: bool = False) -> tuple[PublisherKey, str]:
    """A new key bound as the old one is; the old one is revoked at once unless it is kept.

    The key is of no account: those that it is bound to find the change in their trail, the log has it always.
    """
    fresh = PublisherKey(name=key.name, allowed_types=key.allowed_types, expires_at=key.expires_at)
    token = issue_token(fresh)
    fresh.allowed_accounts.set(key.allowed_accounts.all())
    if not keep_old:
        PublisherKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    for account in key.allowed_accounts.all():
        record_change(
            account=account,
            actor=actor,
            event_type="publisher_key_rotated",
            object_id=key.pk,
            before={"id": key.pk, "name": key.name},
            after={"id": fresh.pk, "name": fresh.name},
        )
    log.info("publisher_key_rotated", old=key.pk, new=fresh.pk, by=actor.name, kept=keep_old)
    return fresh, token
