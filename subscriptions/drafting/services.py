"""Keeping a draft, giving it up, having it back, and saving what it describes."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor
from accounts.models import User
from subscriptions.drafting.checking import places_of, specs_of
from subscriptions.drafting.content import Content, from_json
from subscriptions.models import Draft, Subscription
from subscriptions.services import create_subscription, update_subscription


class DraftConflictError(Exception):
    """Another page changed the draft meanwhile; `stored` is what it holds now."""

    def __init__(self, stored: Draft) -> None:
        super().__init__(f"The draft {stored.pk} is at version {stored.version}.")
        self.stored = stored


@transaction.atomic
def keep_draft(
    *, draft: Draft, content: Content, user: User, tab: str, seen_version: int, overwrite: bool = False
) -> Draft:
    """Store what was typed, as one new version when it differs. The first change makes the row.

    Raises DraftConflictError when another page has written since `seen_version`.
    """
    Draft.objects.get_or_create(
        pk=draft.pk,
        defaults={
            "account": draft.account,
            "subscription": draft.subscription,
            "base_revision": draft.base_revision,
            "tab": tab,
            "updated_by": user,
        },
    )
    stored = Draft.objects.select_for_update().get(pk=draft.pk, account=draft.account)
    if stored.version != seen_version and stored.tab != tab and not overwrite:
        raise DraftConflictError(stored)
    typed = content.to_json()
    if typed == stored.content and stored.version:
        return stored
    stored.content, stored.tab, stored.updated_by = typed, tab, user
    stored.version += 1
    stored.updated_at, stored.discarded_at = timezone.now(), None
    stored.save(update_fields=["content", "tab", "updated_by", "version", "updated_at", "discarded_at"])
    return stored


@transaction.atomic
def save_subscription(*, draft: Draft, actor: Actor) -> Subscription:
    """Make or change the subscription that the draft describes; a second call answers the same.

    The content must be without faults. Raises ValidationError for what only the services see, such as a limit.
    """
    stored = Draft.objects.select_for_update().get(pk=draft.pk)
    if stored.saved_as is not None:
        return stored.saved_as
    content = from_json(stored.content)
    wanted: dict[str, Any] = {
        "sources": specs_of(content),
        "destinations": places_of(content, stored.account),
        "description": content.description.strip(),
        "metadata": content.metadata,
    }
    if stored.subscription is None:
        saved = create_subscription(account=stored.account, actor=actor, **wanted)
    else:
        saved = update_subscription(subscription=stored.subscription, actor=actor, **wanted)
    stored.saved_as, stored.updated_at = saved, timezone.now()
    stored.save(update_fields=["saved_as", "updated_at"])
    return saved


def discard_draft(*, draft: Draft) -> None:
    """Give it up; it can be had back for a day. Those whose day is over go."""
    now = timezone.now()
    Draft.objects.open().filter(pk=draft.pk).update(discarded_at=now, updated_at=now)
    Draft.objects.filter(account=draft.account).over(now).delete()


def restore_draft(*, draft: Draft) -> None:
    Draft.objects.filter(pk=draft.pk).update(discarded_at=None, updated_at=timezone.now())
