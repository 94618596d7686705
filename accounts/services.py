"""Making accounts; making, replacing and revoking API keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor, record_change
from accounts.models import Account, APIKey, Membership, Role, User, hash_token, make_token
from common.api_schemas import shown_time


@transaction.atomic
def create_account(*, name: str, owner: User) -> Account:
    account = Account.objects.create(name=name)
    Membership.objects.create(account=account, user=owner, role=Role.OWNER)
    return account


def api_key_resource(key: APIKey, token: str = "") -> dict[str, Any]:
    """The key as the API and its audit events show it; the token only in the answer to its creation."""
    return {
        "id": key.pk,
        "uri": f"{settings.API_URL}/api_keys/{key.pk}",
        "description": key.description,
        "metadata": key.metadata,
        "created_at": shown_time(key.created_at),
        "token": token,
        "owner_id": key.owner_id,
    }


@transaction.atomic
def create_api_key(
    *,
    account: Account,
    actor: Actor,
    scopes: Sequence[str],
    description: str = "",
    owner: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[APIKey, str]:
    """The new key and its token, which is not kept."""
    token = make_token()
    key = APIKey(
        account=account,
        owner=owner,
        description=description,
        scopes=list(scopes),
        token_hash=hash_token(token),
        expires_at=expires_at,
    )
    key.full_clean()
    key.save()
    _record(key, actor, "created", None)
    return key, token


@transaction.atomic
def revoke_api_key(*, key: APIKey, actor: Actor) -> None:
    before = api_key_resource(key)
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    _record(key, actor, "deleted", before)


@transaction.atomic
def rotate_api_key(*, key: APIKey, actor: Actor, keep_old: bool = False) -> tuple[APIKey, str]:
    """A new key that may do the same for as long; the old one is revoked at once unless it is kept."""
    fresh, token = create_api_key(
        account=key.account,
        actor=actor,
        scopes=key.scopes,
        description=key.description,
        owner=key.owner,
        expires_at=key.expires_at,
    )
    if not keep_old:
        revoke_api_key(key=key, actor=actor)
    return fresh, token


def _record(key: APIKey, actor: Actor, action: str, before: dict[str, Any] | None) -> None:
    record_change(
        account=key.account,
        actor=actor,
        event_type=f"api_key_{action}.v0",
        object_id=key.pk,
        before=before,
        after=None if action == "deleted" else api_key_resource(key),
    )
