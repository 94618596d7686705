"""Recording who changed what, and from where. Entries become events after the commit (events/audit.py)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.models import Account, APIKey, AuditEntry, User
from accounts.origin import current_origin
from common import wake

# Of what staff acted on at once; the count says the rest.
STAFF_NAMES = 20


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and by which way: the `principal` of the audit event."""

    id: str
    kind: str
    source: str
    name: str = ""

    @classmethod
    def person(cls, user: User) -> "Actor":
        return cls(user.pk, "user", "Dashboard", str(user))

    @classmethod
    def staff(cls, request: HttpRequest) -> "Actor":
        """Who acts in the administration."""
        return cls(str(request.user.pk), "user", "Administration", str(request.user))

    @classmethod
    def key(cls, key: APIKey) -> "Actor":
        return cls(key.pk, "api_key", "API", str(key))

    @classmethod
    def command(cls, name: str) -> "Actor":
        """Staff, through `manage.py NAME`."""
        return cls(f"manage.py {name}", "system", "API", f"manage.py {name}")

    def as_principal(self) -> dict[str, str]:
        return {"id": self.id, "kind": self.kind, "source": self.source}


SYSTEM = Actor("system", "system", "API", "the command line")


def record_change(
    *,
    account: Account,
    actor: Actor,
    event_type: str,
    object_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> AuditEntry:
    """Write the entry; call inside the change's transaction. `before` and `after` are as the API shows the object.

    A type with a version (`api_key_created.v0`) stands in the catalogue and is published as an event; one
    without (`member_removed`) is about people and stays in the trail.
    """
    origin = current_origin()
    is_event = "." in event_type
    entry = AuditEntry.objects.create(
        account=account,
        actor=actor.as_principal(),
        actor_id=actor.id,
        ip=origin.ip,
        user_agent=origin.user_agent,
        event_type=event_type,
        is_event=is_event,
        object_id=object_id,
        before=before,
        after=after,
    )
    if is_event:
        wake.audit()
    return entry


def record_sign_in_change(
    *, user: User, event_type: str, after: Mapping[str, Any] | None = None, actor: Actor | None = None
) -> None:
    """A change to a person's own sign-in (password, second factor): an entry in each account they are in."""
    for account in user.accounts.all():
        record_change(
            account=account,
            actor=actor or Actor.person(user),
            event_type=event_type,
            object_id=user.pk,
            before=None,
            after={"email": user.email, **(after or {})},
        )


def record_staff_act(*, request: HttpRequest, event_type: str, rows: Iterable[Any]) -> None:
    """What staff did to rows with an account: an entry for each account, `destination_paused_by_staff` for instance."""
    by_account: dict[Account, list[Any]] = defaultdict(list)
    for row in rows:
        by_account[row.account].append(row)
    for account, own in by_account.items():
        record_change(
            account=account,
            actor=Actor.staff(request),
            event_type=event_type,
            object_id=str(own[0].pk) if len(own) == 1 else "",
            before=None,
            after={"count": len(own), "names": [str(row) for row in own[:STAFF_NAMES]]},
        )
