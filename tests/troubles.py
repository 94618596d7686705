"""What the sample data lacks and pictures of every page need: a blocked destination, a dead letter, a replay."""

import json
from datetime import UTC, datetime, timedelta

from accounts.audit import SYSTEM
from accounts.models import Account, User
from common.ids import new_id
from delivery.models import DeadLetter, Delivery
from delivery.replay import start_replay
from delivery.replay_scope import Wanted
from delivery.route import route_account
from destinations.emulators.resources import WRONG
from destinations.models import Destination
from events.models import EventBatch
from events.publishing import publish
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec
from tests.factories import HTTP, make_dead_letter, make_destination, make_event, make_subscription

NAME = "Checkout traffic of the European edge, to the security team's long-named index"
ALL_TIME = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def make() -> str:
    """Makes them in the sample account; returns what tests/screenshots.py puts into addresses, as JSON."""
    account = Account.objects.earliest("created_at")
    User.objects.filter(accounts=account).update(is_staff=True, is_superuser=True)
    place = make_destination(account, description=NAME, secrets={"api_key": f"{WRONG}0123456789abcdef0123456789"})
    port = SourceSpec(HTTP, "ev.conn.server_port == 443")
    subscription = make_subscription(account, place, description=f"{NAME}, port 443", sources=[port])
    Destination.objects.filter(pk=place.pk).update(
        state=Destination.State.BLOCKED,
        error_code="403",
        error_message="Datadog refused the API key.",
        retry_at=datetime.now(UTC) + timedelta(minutes=4),
        error_said='{"errors":[{"status":"403","title":"Forbidden","detail":"API key is invalid"}]}',
    )
    letters = [_die(subscription, place, number) for number in range(3)]
    other = make_event(object={"conn": {"server_name": "status.acme.dev", "server_port": 80}})
    filtered = publish([other, *(make_event() for _ in range(3))], account=account).event_ids[0]
    route_account(account.pk)
    old = Subscription.objects.filter(account=account).exclude(pk=subscription.pk).earliest("created_at")
    delivered = Delivery.objects.filter(account=account, state="delivered").latest("pk")
    return json.dumps(
        {
            "esb": old.pk,
            "ed": delivered.destination_id,
            "blocked": place.pk,
            "delivery": delivered.pk,
            "waiting": Delivery.objects.waiting().filter(destination=place).latest("pk").pk,
            "event": EventBatch.objects.filter(account=account).earliest("pk").first_event_id,
            "filtered": filtered,
            "letter": letters[0].pk,
            "replay": start_replay(Wanted(old, old.destinations.first() or place, *ALL_TIME), actor=SYSTEM).pk,
        }
    )


def _die(subscription: Subscription, place: Destination, number: int) -> DeadLetter:
    delivery = Delivery.objects.create(
        account=place.account,
        subscription=subscription,
        destination=place,
        revision=1,
        routed_at=datetime.now(UTC),
        count=1,
        bytes=1200,
        types={HTTP: 1},
        dead_count=1,
        state=Delivery.State.DEAD,
        attempts=3,
    )
    return make_dead_letter(
        delivery,
        event_id=new_id("ev"),
        code="413",
        reason="The record has 1,204,331 bytes in its frame; Datadog takes 1,000,000 at most. Select fewer fields.",
        payload=json.dumps(make_event(number=number)).encode(),
    )
