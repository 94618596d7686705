"""What staff do at night from the command line: find, pause, resume, replace keys."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, APIKey, AuditEntry, User
from destinations.models import Destination
from events.models import PublisherKey
from events.services import issue_token
from subscriptions.models import Subscription
from tests.api.calling import Api
from tests.factories import make_api_key, make_destination, make_event, make_subscription
from tests.world import World, make_world

pytestmark = pytest.mark.django_db


def run(command: str, *args: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, *args, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def run_json(command: str, *args: str, **options: Any) -> Any:
    return json.loads(run(command, *args, json=True, **options))


@pytest.fixture
def world(account: Account) -> World:
    return make_world(account)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("account", "account.pk"),
        ("account", "account.external_id"),
        ("account", "account.name"),
        ("person", "member.email"),
        ("person", "member.pk"),
        ("event", "event"),
        ("delivery", "delivery.pk"),
        ("subscription", "subscription.pk"),
        ("subscription", "subscription.name"),
        ("destination", "destination.pk"),
        ("destination", "destination.name"),
        ("API key", "key.pk"),
    ],
)
def test_everything_is_found_by_what_staff_know_of_it(world: World, kind: str, path: str) -> None:
    value: Any = world
    for name in path.split("."):
        value = getattr(value, name)

    found = run_json("find", str(value))

    assert (kind, world.account.pk) in [(each["kind"], each["account"]) for each in found]
    assert kind in run("find", str(value))


def test_what_is_not_there_ends_in_an_error(world: World) -> None:
    for missing in ("ev_2st6c90r3xo3fGP4gI5fd9tiehd", "999999999", "9" * 40, "nobody@nowhere.example"):
        with pytest.raises(CommandError, match="Nothing here"):
            run("find", missing)
    with pytest.raises(CommandError, match="at least 2 letters"):
        run("find", "x")


def test_pausing_and_resuming_name_the_command_in_the_trail(account: Account) -> None:
    destination = make_destination(account)
    subscription = make_subscription(account, destination)

    assert f"{destination.pk} ({destination.name}) is paused; it was active." in run(
        "pause", destination.pk, subscription.pk
    )
    assert Destination.objects.get().state == Subscription.objects.get().state == "paused"
    assert f"{destination.pk} ({destination.name}) is paused already." in run("pause", destination.pk)
    assert [each["changed"] for each in run_json("resume", destination.pk, subscription.pk)["changes"]] == [True, True]

    assert Destination.objects.get().state == Subscription.objects.get().state == "active"
    for pk in (destination.pk, subscription.pk):
        entries = AuditEntry.objects.filter(object_id=pk, event_type__contains="_updated").order_by("pk")
        assert [entry.actor_id for entry in entries] == ["manage.py pause", "manage.py resume"]
        assert [entry.after["state"] for entry in entries if entry.after] == ["paused", "active"]


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_dry_run_changes_nothing(account: Account, command: str) -> None:
    destination = make_destination(account)
    Destination.objects.update(state="active" if command == "pause" else "paused")
    before = Destination.objects.get().state

    told = run_json(command, destination.pk, dry_run=True)

    assert (told["dry_run"], told["changes"][0]["changed"]) == (True, True)
    assert Destination.objects.get().state == before


def test_nothing_is_paused_when_one_of_the_ids_is_wrong(account: Account) -> None:
    destination = make_destination(account)
    off = make_subscription(account, destination)
    Subscription.objects.update(state="off")

    with pytest.raises(CommandError, match="no subscription and no destination ed_none"):
        run("pause", destination.pk, "ed_none")
    with pytest.raises(CommandError, match="captures nothing"):
        run("pause", destination.pk, off.pk)

    assert Destination.objects.get().state == "active"


def test_a_rotated_api_key_does_what_the_old_one_did(account: Account) -> None:
    old = make_api_key(account, ["read"])
    key = APIKey.objects.get()

    assert run_json("rotate_api_key", key.pk, dry_run=True)["token"] == ""
    assert Api(old).get("/event_destinations").status_code == 200
    told = run_json("rotate_api_key", key.pk)

    assert Api(old).get("/event_destinations").status_code == 401
    assert Api(told["token"]).get("/event_destinations").status_code == 200
    assert Api(told["token"]).post("/event_destinations", {}).status_code == 403
    entries = AuditEntry.objects.filter(event_type__startswith="api_key_", actor_id="manage.py rotate_api_key")
    assert sorted(entries.values_list("object_id", flat=True)) == sorted([key.pk, told["new"]])
    with pytest.raises(CommandError, match="revoked"):
        run("rotate_api_key", key.pk)
    with pytest.raises(CommandError, match="no API key"):
        run("rotate_api_key", "ak_none")


def test_an_old_api_key_can_be_kept_until_services_have_the_new_one(account: Account) -> None:
    old = make_api_key(account, ["api"])

    assert "stays usable" in run("rotate_api_key", APIKey.objects.get().pk, keep_old=True)

    assert Api(old).get("/event_destinations").status_code == 200


def test_a_rotated_publisher_key_is_bound_as_the_old_one_was(account: Account) -> None:
    key = PublisherKey(name="edge", allowed_types=["http_request_complete.v0"])
    old = issue_token(key)
    key.allowed_accounts.add(account)

    assert run_json("rotate_publisher_key", key.pk, dry_run=True)["new"] is None
    told = run_json("rotate_publisher_key", key.pk)

    event = make_event(account_id=account.pk)
    assert Api(old).post("/events", event).status_code == 401
    assert Api(told["token"]).post("/events", event).status_code == 202
    fresh = PublisherKey.objects.get(pk=told["new"])
    assert (fresh.allowed_types, list(fresh.allowed_accounts.all())) == (key.allowed_types, [account])
    entry = AuditEntry.objects.get(event_type="publisher_key_rotated")
    assert (entry.account, entry.actor_id) == (account, "manage.py rotate_publisher_key")
    assert told["token"] not in json.dumps([entry.before, entry.after])


def test_the_commands_stand_in_the_trail_by_their_name(account: Account, owner: User, owner_client: Any) -> None:
    run("pause", make_destination(account).pk)

    page = owner_client.get("/settings/audit/").content.decode()

    assert "manage.py pause" in page
    assert "Command line" in page
