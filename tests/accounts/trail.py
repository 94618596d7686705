"""Entries of the audit trail, and what its page shows of them."""

from django.test import Client

from accounts.audit import SYSTEM, Actor, record_change
from accounts.models import Account, AuditEntry

TRAIL = "/settings/audit/"


def make_entry(account: Account, actor: Actor = SYSTEM, **fields: object) -> AuditEntry:
    wanted = {"event_type": "member_joined", "object_id": "usr_1", "before": None, "after": {"n": 1}, **fields}
    return record_change(account=account, actor=actor, **wanted)  # type: ignore[arg-type]


def shown(client: Client, query: str = "") -> list[int]:
    return [row["entry"].pk for row in client.get(TRAIL + query).context["rows"]]
