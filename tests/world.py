"""An account with one of everything, and the addresses of all pages, for tests that go over all of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account, APIKey, AuditEntry, Invitation, Role, User
from delivery.models import DeadLetter, Delivery
from delivery.replay import start_replay
from delivery.replay_scope import Wanted
from destinations.models import Destination
from destinations.testing import start_test_run
from events.publishing import publish
from subscriptions.backtest import start_backtest
from subscriptions.models import Backtest, Draft, Subscription
from subscriptions.services import SourceSpec
from tests.factories import (
    HTTP,
    make_api_key,
    make_dead_letter,
    make_destination,
    make_event,
    make_member,
    make_subscription,
)

# Not of an account: signing in and out, one's own password, second factor and choices, an invitation that is opened
# by its link (tests/accounts has all of these), health, readiness and metrics (tests/delivery), the components and
# the icon.
NOT_OF_AN_ACCOUNT = re.compile(
    r"account_.*|choose_.*|set_theme|mfa_.*|openid_.*|invitation|new_account|change_password|end_sessions"
    r"|sign_in_security|.*:(healthz|readyz|metrics|favicon|notifications|design)"
)


REPLAYED = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class World:
    """An account with one of everything."""

    account: Account
    destination: Destination
    subscription: Subscription
    delivery: Delivery
    letter: DeadLetter
    key: APIKey
    run: int
    event: str
    replay: int
    draft: Draft
    discarded: Draft
    backtest: Backtest
    member: User
    invitation: Invitation
    entry: AuditEntry

    def arguments(self, name: str, route: str) -> dict[str, Any]:
        """The values of a page's arguments; KeyError for one that nobody has thought of."""
        rooms: dict[str, Any] = {
            "subscriptions/drafts": (self.discarded if name.endswith("restore_draft") else self.draft).pk
        }
        rooms |= {"subscriptions/backtests": self.backtest.pk}
        rooms |= {"replays": self.replay, "destination": self.destination.pk, "subscription": self.subscription.pk}
        rooms |= {"deliver": self.delivery.pk, "dead-letter": self.letter.pk, "settings/audit": self.entry.pk}
        values = {"target": "datadog", "name": HTTP, "run": self.run, "key_id": self.key.pk}
        values |= {"user_id": self.member.pk, "invitation_id": self.invitation.pk}
        values |= {"event_id": self.event, "number": self.subscription.revision}
        values["pk"] = next((pk for start, pk in rooms.items() if route.startswith(start)), "")
        return {argument: values[argument] for argument in re.findall(r"<(?:\w+:)?(\w+)>", route)}


def make_world(account: Account) -> World:
    destination = make_destination(account)
    subscription = make_subscription(account, destination)
    letter = _make_dead_letter(subscription, destination)
    make_api_key(account, ["api"])
    run = start_test_run(account=account, target="datadog", config=destination.config, secrets=destination.secrets)
    invitation = Invitation.objects.create(
        account=account, email="ida@acme.example", token_hash=account.pk, expires_at=timezone.now() + timedelta(days=1)
    )
    return World(
        account,
        destination,
        subscription,
        letter.delivery,
        letter,
        APIKey.objects.filter(account=account).latest("pk"),
        run.pk,
        publish([make_event()], account=account).event_ids[0],
        start_replay(Wanted(subscription, destination, *REPLAYED), actor=SYSTEM).pk,
        draft=Draft.objects.create(account=account),
        discarded=Draft.objects.create(account=account, discarded_at=timezone.now()),
        backtest=start_backtest(account=account, key="world", sources=[SourceSpec(HTTP)]),
        member=make_member(account, "mia@acme.example", Role.VIEWER),
        invitation=invitation,
        entry=AuditEntry.objects.filter(account=account).latest("pk"),
    )


def _make_dead_letter(subscription: Subscription, destination: Destination) -> DeadLetter:
    """With the delivery it was the only record of."""
    delivery = Delivery.objects.create(
        account=subscription.account,
        subscription=subscription,
        destination=destination,
        revision=1,
        routed_at=timezone.now(),
        count=1,
        bytes=10,
        dead_count=1,
        state=Delivery.State.DEAD,
    )
    return make_dead_letter(delivery)


def pages(patterns: Any = None, start: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Name and route of every page of an account."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = start + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if not route.startswith(("admin/", "api/")):
                yield from pages(pattern.url_patterns, route, f"{pattern.namespace}:" if pattern.namespace else space)
        elif isinstance(pattern, URLPattern) and not NOT_OF_AN_ACCOUNT.fullmatch(f"{space}{pattern.name}"):
            yield f"{space}{pattern.name}", route


PAGES = sorted(set(pages()))
