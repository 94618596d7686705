"""The staff pages: every model is there, history cannot be edited, secrets are not shown, actions act."""

import re
from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import Account, APIKey, AuditEntry, Membership, User
from delivery.models import DeadLetter, Delivery
from destinations.models import Destination
from destinations.testing import run_test, start_test_run
from events.models import PublisherKey
from events.publishing import publish
from subscriptions.models import Subscription, TargetPrice
from tests.carrying import FakeDatadog, answer
from tests.factories import make_api_key, make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db

ROOMS = ("accounts", "events", "destinations", "subscriptions", "delivery")
SECRET = "canary-0123456789abcdef01234567"
Carry = Callable[[Account], None]


@pytest.fixture
def staff(db: None) -> Client:
    user = User.objects.create_superuser("staff@example.com", "correct horse battery staple")
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def world(account: Account, datadog: FakeDatadog, carry: Carry) -> Destination:
    """At least one row of most models, among them a dead letter."""
    destination = make_destination(account, secrets={"api_key": SECRET})
    make_subscription(account, destination)
    make_api_key(account)
    datadog.answers = [answer(400)]
    publish([make_event()], account=account)
    carry(account)
    run = start_test_run(
        account=account,
        target="datadog",
        config=destination.config,
        secrets=destination.secrets,
        destination=destination,
    )
    run_test(run.pk)
    return destination


def act(staff: Client, model: type, action: str, *keys: object, **form: str) -> str:
    """Choose rows and an action, and confirm unless `form` says otherwise."""
    url = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")  # type: ignore[attr-defined]
    wanted = {"action": action, "_selected_action": keys, **(form or {"confirmed": "yes"})}
    response = staff.post(url, wanted, follow=True)
    return response.content.decode()


def test_an_action_says_what_it_will_do_before_it_does_it(staff: Client, world: Destination) -> None:
    page = act(staff, Destination, "pause", world.pk, index="0")

    assert "Pause: hold the records: 1 destination" in page
    assert "Records for them are held from now on" in page
    assert world.name in page
    assert f'name="_selected_action" value="{world.pk}"' in page
    world.refresh_from_db()
    assert world.state == "active"


def test_every_model_has_a_page_that_shows_no_secret(staff: Client, world: Destination) -> None:
    for label in ROOMS:
        for model in apps.get_app_config(label).get_models():
            if model._meta.auto_created or model.__name__ == "Membership":
                continue
            assert model in admin.site._registry, model
            name = model._meta.label_lower.replace(".", "_")
            listed = staff.get(reverse(f"admin:{name}_changelist") + "?q=x")
            assert listed.status_code == 200, name
            for row in model._default_manager.all()[:1]:
                shown = staff.get(reverse(f"admin:{name}_change", args=[row.pk]))
                assert shown.status_code == 200, name
                assert SECRET not in shown.content.decode()


@pytest.mark.parametrize("model", [Delivery, DeadLetter, Destination, Subscription])
def test_history_cannot_be_edited_or_deleted_by_hand(staff: Client, world: Destination, model: type) -> None:
    row = model.objects.first()  # type: ignore[attr-defined]
    name = model._meta.label_lower.replace(".", "_")  # type: ignore[attr-defined]

    assert staff.post(reverse(f"admin:{name}_change", args=[row.pk]), {}).status_code == 403
    assert staff.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert staff.get(reverse(f"admin:{name}_add")).status_code == 403


def test_staff_pause_and_resume_a_destination(staff: Client, world: Destination) -> None:
    act(staff, Destination, "pause", world.pk)
    world.refresh_from_db()
    assert (world.state, str(world.paused_by)) == ("paused", "staff@example.com")
    recorded = AuditEntry.objects.filter(object_id=world.pk).latest("pk")
    assert recorded.before
    assert recorded.after
    assert (recorded.before["state"], recorded.after["state"]) == ("active", "paused")
    assert recorded.actor_id == world.paused_by_id

    act(staff, Destination, "resume", world.pk)
    world.refresh_from_db()
    assert world.state == "active"


def test_staff_pause_a_subscription_as_a_revision_of_its_own(staff: Client, world: Destination) -> None:
    subscription = Subscription.objects.get()

    act(staff, Subscription, "pause", subscription.pk)

    subscription.refresh_from_db()
    assert (subscription.state, subscription.revision) == ("paused", 2)
    assert subscription.revisions.first().actor["source"] == "Dashboard"  # type: ignore[union-attr]


def test_staff_resume_only_what_is_paused(staff: Client, world: Destination, account: Account) -> None:
    active = Subscription.objects.get()
    paused, off = make_subscription(account, world), make_subscription(account, world)
    Subscription.objects.filter(pk=paused.pk).update(state="paused")
    Subscription.objects.filter(pk=off.pk).update(state="off")

    assert "1 subscriptions are active now" in act(staff, Subscription, "resume", paused.pk, active.pk, off.pk)

    states = dict(Subscription.objects.values_list("pk", "state"))
    assert states == {paused.pk: "active", active.pk: "active", off.pk: "off"}


def test_staff_end_the_backoff_of_a_delivery(
    staff: Client, world: Destination, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(503)]
    publish([make_event()], account=account)
    carry(account)
    waiting = Delivery.objects.waiting().get()
    tried = len(datadog.requests)
    carry(account)
    assert len(datadog.requests) == tried

    assert "1 waiting delivery is tried at once" in act(staff, Delivery, "retry", waiting.pk)
    carry(account)

    waiting.refresh_from_db()
    assert (waiting.state, len(datadog.requests)) == ("delivered", tried + 1)
    entry = AuditEntry.objects.get(event_type="deliveries_retried_by_staff")
    assert (entry.account, entry.object_id) == (account, str(waiting.pk))


def test_staff_have_a_blocked_destination_tried_at_once(
    staff: Client, world: Destination, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(403)]
    publish([make_event()], account=account)
    carry(account)
    world.refresh_from_db()
    assert world.state == "blocked"

    assert "1 destinations are tried at once" in act(staff, Destination, "retry", world.pk)
    carry(account)

    world.refresh_from_db()
    assert world.state == "active"
    entry = AuditEntry.objects.get(event_type="destination_retried_by_staff")
    assert (entry.account, entry.object_id) == (account, world.pk)
    assert entry.actor["source"] == "Administration"


def test_a_price_set_by_staff_stands_in_the_trail(staff: Client, account: Account) -> None:
    price = {"per_gb": "0.07", "per_million_records": "1", "currency": "EUR", "as_of": "2026-01-31", "source": "Offer"}
    staff.post(reverse("admin:subscriptions_targetprice_add"), {**price, "account": account.pk, "target": "datadog"})
    own = TargetPrice.objects.get()
    address = reverse("admin:subscriptions_targetprice_change", args=[own.pk])
    staff.post(address, {**price, "per_gb": "0.08", "target": "kinesis"})
    staff.post(reverse("admin:subscriptions_targetprice_delete", args=[own.pk]), {"post": "yes"})

    entries = AuditEntry.objects.filter(account=account, object_id="datadog").order_by("pk")
    assert [entry.event_type for entry in entries] == ["price_set", "price_set", "price_forgotten"]
    assert [(entry.after or {}).get("per_gb") for entry in entries] == ["0.07", "0.08", None]
    assert {entry.actor["source"] for entry in entries} == {"Administration"}
    assert not TargetPrice.objects.exists()


def memberships(staff: Client, account: Account, *rows: dict[str, str]) -> str:
    """Save an account's page with these memberships; the page that comes back."""
    columns = ("max_subscriptions", "max_destinations", "max_destinations_per_subscription", "payload_retention_days")
    data = {"name": account.name, **{name: str(getattr(account, name)) for name in columns}}
    existing = sum("id" in row for row in rows)
    data |= {"memberships-TOTAL_FORMS": str(len(rows)), "memberships-INITIAL_FORMS": str(existing)}
    for number, row in enumerate(rows):
        data |= {f"memberships-{number}-{name}": value for name, value in {"account": account.pk, **row}.items()}
    address = reverse("admin:accounts_account_change", args=[account.pk])
    return staff.post(address, data, follow=True).content.decode()


def test_staff_cannot_take_an_accounts_last_owner(staff: Client, account: Account, owner: User) -> None:
    own = {"id": str(Membership.objects.get(user=owner).pk), "user": owner.pk, "role": "viewer"}

    assert "keeps at least one owner" in memberships(staff, account, own)
    assert "keeps at least one owner" in memberships(staff, account, {**own, "role": "owner", "DELETE": "on"})

    assert Membership.objects.get(user=owner).role == "owner"
    assert not AuditEntry.objects.filter(account=account, event_type__startswith="member_").exists()


def test_memberships_changed_by_staff_stand_in_the_trail(
    staff: Client, account: Account, owner: User, stranger: User
) -> None:
    own = {"id": str(Membership.objects.get(user=owner).pk), "user": owner.pk}
    memberships(staff, account, {**own, "role": "editor"}, {"user": stranger.pk, "role": "owner"})
    joined = Membership.objects.get(account=account, user=stranger)
    memberships(
        staff,
        account,
        {**own, "role": "editor", "DELETE": "on"},
        {"id": str(joined.pk), "user": stranger.pk, "role": "owner"},
    )

    entries = AuditEntry.objects.filter(account=account, event_type__startswith="member_").order_by("pk")
    assert [(entry.event_type, entry.object_id) for entry in entries] == [
        ("member_joined", stranger.pk),
        ("member_role_changed", owner.pk),
        ("member_removed", owner.pk),
    ]
    assert {entry.actor_id for entry in entries} == {User.objects.get(email="staff@example.com").pk}


def test_a_person_is_not_deleted_by_staff(staff: Client, owner: User) -> None:
    assert staff.post(reverse("admin:accounts_user_delete", args=[owner.pk]), {"post": "yes"}).status_code == 403


def test_staff_replay_a_dead_letter(
    staff: Client, world: Destination, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    letter = DeadLetter.objects.get()

    assert "1 record is sent again" in act(staff, DeadLetter, "replay", letter.pk)
    carry(account)

    assert datadog.event_ids[-1] == letter.event_id


def test_staff_issue_a_publisher_key_whose_token_is_shown_once(staff: Client) -> None:
    data = {"name": "edge", "allowed_types": "[]"}
    page = staff.post(reverse("admin:events_publisherkey_add"), data, follow=True).content.decode()

    key = PublisherKey.objects.get()
    assert "shown only now" in page
    assert key.token_hash not in page
    again = staff.get(reverse("admin:events_publisherkey_change", args=[key.pk])).content.decode()
    assert key.token_hash not in again


def test_staff_revoke_a_publisher_key(staff: Client) -> None:
    staff.post(reverse("admin:events_publisherkey_add"), {"name": "edge", "allowed_types": "[]"})
    key = PublisherKey.objects.get()

    act(staff, PublisherKey, "revoke", key.pk)

    key.refresh_from_db()
    assert key.revoked_at is not None


def test_staff_give_a_one_time_password_that_is_shown_once(staff: Client, owner: User) -> None:
    page = act(staff, User, "give_one_time_password", owner.pk)

    shown = re.search(rf"One-time password of {owner.email}, shown once: ([\w-]+)", page)
    assert shown is not None
    owner.refresh_from_db()
    assert owner.has_one_time_password
    assert owner.check_password(shown[1])


def test_staff_revoke_an_api_key(staff: Client, world: Destination) -> None:
    key = APIKey.objects.get()

    act(staff, APIKey, "revoke", key.pk)

    key.refresh_from_db()
    assert key.revoked_at is not None


def test_customers_do_not_reach_the_staff_pages(owner_client: Client, db: None) -> None:
    response = owner_client.get("/admin/")

    assert response.status_code == 302
    assert "/admin/login/" in response["Location"]
