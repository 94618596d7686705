"""Staff pages: what they show, and acting on what is carried."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, AuditEntry
from delivery.models import Attempt, AttemptPart, DeadLetter, Delivery
from destinations.models import Destination
from events.publishing import publish
from subscriptions.models import Subscription, TargetPrice
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import make_destination, make_event, make_subscription
from tests.staff.acting import SECRET, act

pytestmark = pytest.mark.django_db
ROOMS = ("accounts", "events", "destinations", "subscriptions", "delivery")


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


def listed(staff: Client, model: type, query: str) -> set[object]:
    response = staff.get(reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist"), {"q": query})  # type: ignore[attr-defined]
    return {row.pk for row in response.context["cl"].result_list}


def test_history_is_searched_for_exact_values(staff: Client, world: Destination, account: Account) -> None:
    letter, delivery, other = DeadLetter.objects.get(), Delivery.objects.get(), make_destination(account)

    for query in (letter.event_id, letter.code, account.pk, world.pk, f"{account.pk} {letter.code}"):
        assert listed(staff, DeadLetter, query) == {letter.pk}, query
    for query in (letter.event_id.upper(), "nonsense", other.pk, f"{letter.code} {other.pk}", "9" * 30):
        assert listed(staff, DeadLetter, query) == set(), query
    assert listed(staff, Delivery, str(delivery.pk)) == {delivery.pk}
    assert listed(staff, Delivery, "9" * 30) == set()
    assert listed(staff, AttemptPart, str(delivery.pk)) >= {delivery.parts.get().pk}


def test_staff_find_attempts_by_outcome_and_tallies_by_span(staff: Client, world: Destination) -> None:
    attempt = Attempt.objects.get()
    for address, own, others in (
        ("attempt", f"outcome={attempt.outcome}", "outcome=too_large"),
        ("tally", "span=1", "span=15"),
    ):
        page = reverse(f"admin:delivery_{address}_changelist")
        assert staff.get(f"{page}?{own}").context["cl"].result_count > 0
        assert staff.get(f"{page}?{others}").context["cl"].result_count == 0


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
    assert (recorded.actor_id, recorded.actor["source"]) == (world.paused_by_id, "Administration")

    act(staff, Destination, "resume", world.pk)
    world.refresh_from_db()
    assert world.state == "active"


def test_nothing_is_done_to_what_was_deleted(staff: Client, world: Destination) -> None:
    Destination.objects.filter(pk=world.pk).update(deleted_at=timezone.now())

    asked = act(staff, Destination, "pause", world.pk, select_across="0")
    done = act(staff, Destination, "pause", world.pk)

    assert "what you chose was deleted" in asked
    assert "what you chose was deleted" in done
    world.refresh_from_db()
    assert world.state == "active"


def test_staff_pause_a_subscription_as_a_revision_of_its_own(staff: Client, world: Destination) -> None:
    subscription = Subscription.objects.get()

    act(staff, Subscription, "pause", subscription.pk)

    subscription.refresh_from_db()
    assert (subscription.state, subscription.revision) == ("paused", 2)
    assert subscription.revisions.first().actor["source"] == "Administration"  # type: ignore[union-attr]


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


def test_staff_replay_a_dead_letter(
    staff: Client, world: Destination, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    letter = DeadLetter.objects.get()

    assert "1 record is sent again" in act(staff, DeadLetter, "replay", letter.pk)
    carry(account)

    assert datadog.event_ids[-1] == letter.event_id


def test_customers_do_not_reach_the_staff_pages(owner_client: Client, db: None) -> None:
    response = owner_client.get("/admin/")

    assert response.status_code == 302
    assert "/admin/login/" in response["Location"]
