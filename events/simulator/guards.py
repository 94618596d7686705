"""What stands before a host: each guard lets a visit pass or answers its request itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

from events.simulator import world
from events.simulator.drawing import Draw, pick
from events.simulator.population import Client, Host

Fields: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fields` are the guards' parts of the event; `refusal` is the status of a refused request."""

    fields: Fields
    refusal: int | None


def _ip_policy(draw: Draw, client: Client, decision: str) -> Fields:
    return {"ip_policy": {"decision": decision}}


def _basic_auth(draw: Draw, client: Client, decision: str) -> Fields:
    return {"basic_auth": {"decision": decision, "username": pick(draw, world.PARTNERS)}}


def _oauth(draw: Draw, client: Client, decision: str) -> Fields:
    user = {"id": client.subject_id, "name": client.person} if decision == "allow" else None
    return {"oauth": {"app_client_id": "acme-staff-7f3a", "decision": decision, "user": user}}


def _webhook(draw: Draw, client: Client, decision: str) -> Fields:
    return {"webhook_verification": {"decision": decision}}


def _breaker(draw: Draw, client: Client, decision: str) -> Fields:
    return {"circuit_breaker": {"decision": decision}}


# In the order in which they are asked: after the first refusal the others have no say.
GUARDS: Mapping[str, tuple[Callable[[Draw, Client, str], Fields], int]] = {
    "ip_policy": (_ip_policy, HTTPStatus.FORBIDDEN.value),
    "breaker": (_breaker, HTTPStatus.SERVICE_UNAVAILABLE.value),
    "webhook": (_webhook, HTTPStatus.FORBIDDEN.value),
    "basic_auth": (_basic_auth, HTTPStatus.UNAUTHORIZED.value),
    "oauth": (_oauth, HTTPStatus.FOUND.value),
}


def judge(draw: Draw, client: Client, host: Host) -> Verdict:
    fields: dict[str, Mapping[str, Any]] = {}
    for name, (describe, status) in GUARDS.items():
        if name in host.guards:
            is_blocked = draw() < world.SHARE_BLOCKED
            fields |= describe(draw, client, "block" if is_blocked else "allow")
            if is_blocked:
                return Verdict(fields, status)
    return Verdict(fields, None)
