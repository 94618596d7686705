"""Objects for tests, with defaults that a test overrides where it matters."""

import json
from typing import Any

from accounts.audit import SYSTEM
from accounts.models import Account, Membership, Role, User
from accounts.services import create_api_key
from delivery.models import DeadLetter, Delivery
from destinations.models import Destination
from destinations.services import create_destination
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec, create_subscription

PASSWORD = "correct horse battery staple"
# What `force_login` signs in by.
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"

HTTP = "http_request_complete.v0"
TCP = "tcp_connection_closed.v0"
AUDIT = "ip_policy_created.v0"

PORT_443 = "ev.conn.server_port == 443"


def make_account(**fields: Any) -> Account:
    return Account.objects.create(**{"name": "Acme Edge", **fields})


def make_user(email: str, **fields: Any) -> User:
    return User.objects.create_user(email, PASSWORD, **fields)


def make_member(account: Account, email: str, role: Role = Role.OWNER) -> User:
    user = make_user(email)
    Membership.objects.create(account=account, user=user, role=role)
    return user


def make_api_key(account: Account, scopes: list[str] | None = None) -> str:
    """The token of a new key."""
    _, token = create_api_key(account=account, actor=SYSTEM, scopes=scopes or ["publish"], description="Test")
    return token


def make_destination(account: Account, **fields: Any) -> Destination:
    """A Datadog destination unless told otherwise."""
    wanted = {
        "target": "datadog",
        "config": {"site": "datadoghq.eu", "ddtags": "env:test", "service": "edge"},
        "secrets": {"api_key": "0123456789abcdef0123456789abcdef"},
        "description": "Datadog EU",
        **fields,
    }
    return create_destination(account=account, actor=SYSTEM, **wanted)


def make_subscription(account: Account, *destinations: Destination, **fields: Any) -> Subscription:
    wanted = {"sources": [SourceSpec(HTTP)], "description": "Requests", **fields}
    return create_subscription(account=account, actor=SYSTEM, destinations=list(destinations), **wanted)


def make_dead_letter(delivery: Delivery, **fields: Any) -> DeadLetter:
    """One record of a delivery that was refused for good; the delivery's counts stay as they are."""
    wanted = {
        "position": 0,
        "event_type": HTTP,
        "code": "400",
        "reason": "Not understood.",
        "payload": json.dumps(make_event()).encode(),
        **fields,
    }
    return DeadLetter.objects.create(
        account=delivery.account,
        delivery=delivery,
        destination=delivery.destination,
        subscription=delivery.subscription,
        **wanted,
    )


def make_event(event_type: str = HTTP, **fields: Any) -> dict[str, Any]:
    """An event as a publisher sends it."""
    event = {"event_type": event_type, "object": {"conn": {"server_name": "api.acme.app", "server_port": 443}}}
    return {**event, **fields}


def on_port(port: int, event_type: str = HTTP, **fields: Any) -> dict[str, Any]:
    """An event of a connection to this port."""
    return make_event(event_type, object={"conn": {"server_name": "api.acme.app", "server_port": port}}, **fields)
