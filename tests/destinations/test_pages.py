"""The pages of destinations, as an owner, a viewer, a stranger and nobody meet them."""

import re
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from socket import socket
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.models import Account, User
from destinations.models import Destination, TestRun
from destinations.targets import all_targets
from destinations.testing import StepReport, run_test, start_test_run
from tests.carrying import FakeDatadog
from tests.factories import make_destination, make_subscription

HTMX = {"HX-Request": "true"}
MISSING = "ed_" + "0" * 27
DATADOG = {
    "description": "Datadog EU",
    "target-site": "datadoghq.eu",
    "target-api_key": "0123456789abcdef0123456789abcdef",
    "target-service": "edge",
    "target-ddtags": "",
}


@pytest.fixture
def destination(account: Account) -> Destination:
    return make_destination(account)


def text(response: Any) -> str:
    return str(response.content.decode())


def _without_token(response: Any) -> str:
    return re.sub(r"[0-9A-Za-z]{64}", "", text(response))


PAGES = ["configuration", "delete"]
ACTS = ["send_test", "pause", "resume", "retry", "delete", "configuration"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_of_a_destination_open_for_those_who_may_edit(
    owner_client: Client, destination: Destination, page: str
) -> None:
    assert owner_client.get(f"/destinations/{destination.pk}/{page}/").status_code == 200


@pytest.mark.parametrize("act", ACTS)
def test_a_viewer_may_not_change_a_destination(viewer_client: Client, destination: Destination, act: str) -> None:
    response = viewer_client.post(f"/destinations/{destination.pk}/{act}/", DATADOG)

    assert response.status_code == 403
    assert "Nothing was changed" in text(response)
    destination.refresh_from_db()
    assert (destination.state, destination.revision, destination.deleted_at) == ("active", 1, None)
    assert not TestRun.objects.exists()


@pytest.mark.parametrize("act", ACTS)
def test_a_foreign_destination_answers_as_a_missing_one(
    stranger_client: Client, destination: Destination, act: str
) -> None:
    foreign = stranger_client.post(f"/destinations/{destination.pk}/{act}/", DATADOG)
    missing = stranger_client.post(f"/destinations/{MISSING}/{act}/", DATADOG)

    assert foreign.status_code == missing.status_code == 404
    assert _without_token(foreign).replace(destination.pk, "") == _without_token(missing).replace(MISSING, "")


@pytest.mark.parametrize("address", ["/destinations/", "/destinations/new/", "/destinations/new/datadog/"])
def test_pages_send_nobody_to_sign_in(client: Client, db: None, address: str) -> None:
    assert client.get(address).headers["Location"] == f"/sign-in/?next={address}"


@pytest.mark.parametrize("act", ["send_test", "pause", "retry"])
def test_acts_are_posted(owner_client: Client, destination: Destination, act: str) -> None:
    assert owner_client.get(f"/destinations/{destination.pk}/{act}/").status_code == 405


@pytest.mark.parametrize("address", ["/destinations/", "/destinations/new/"])
def test_lists_take_no_post(owner_client: Client, address: str) -> None:
    assert owner_client.post(address).status_code == 405


def test_the_list_says_where_each_destination_points_and_how_it_stands(owner_client: Client, account: Account) -> None:
    used, _ = make_destination(account, description="Used"), make_destination(account, description="A first one")
    make_subscription(account, used)

    page = text(owner_client.get("/destinations/"))

    assert page.index("A first one") < page.index(used.pk)
    assert used.where in page
    assert "Nothing sent yet" in page
    assert "1 subscription<" in page


def test_the_list_shows_what_waits(owner_client: Client, account: Account, held: Any) -> None:
    destination = make_destination(account)
    held(destination, 7)

    row = owner_client.get("/destinations/").context["rows"][0]

    assert row.backlog.waiting == 7
    assert row.standing.word == "Lagging"


def test_the_list_is_searched_by_name_kind_and_id(owner_client: Client, account: Account) -> None:
    siem, _ = make_destination(account, description="Traffic to SIEM"), make_destination(account, description="Other")

    for query, expected in [("siem", ["Traffic to SIEM"]), ("DATADOG", ["Other", "Traffic to SIEM"]), (siem.pk, None)]:
        rows = owner_client.get("/destinations/", {"q": query}).context["rows"]
        assert [row.destination.name for row in rows] == (expected or ["Traffic to SIEM"])


@pytest.mark.parametrize("state", ["active", "retrying", "paused", "blocked"])
def test_the_list_is_filtered_by_state(owner_client: Client, account: Account, state: str) -> None:
    make_destination(account, description="active")
    retrying = make_destination(account, description="retrying")
    Destination.objects.filter(pk=retrying.pk).update(consecutive_failures=2)
    for stopped in ("paused", "blocked"):
        Destination.objects.filter(pk=make_destination(account, description=stopped).pk).update(state=stopped)

    rows = owner_client.get("/destinations/", {"state": state}).context["rows"]

    assert [row.destination.description for row in rows] == [state]


def test_nothing_found_offers_to_clear_the_search(owner_client: Client, destination: Destination) -> None:
    page = text(owner_client.get("/destinations/?q=<b>none"))

    assert "No destination matches" in page
    assert "Clear filters" in page
    assert "<b>none" not in page


def test_the_empty_list_teaches_only_those_who_can_act(owner_client: Client, viewer_client: Client) -> None:
    assert 'href="/destinations/new/"' in text(owner_client.get("/destinations/"))
    assert 'href="/destinations/new/"' not in text(viewer_client.get("/destinations/"))


def test_strangers_destinations_are_not_listed(stranger_client: Client, destination: Destination) -> None:
    assert destination.pk not in text(stranger_client.get("/destinations/"))


def test_htmx_gets_the_rows_alone(owner_client: Client, destination: Destination) -> None:
    response = owner_client.get("/destinations/", headers=HTMX)

    assert "<html" not in text(response)
    assert "HX-Request" in response.headers["Vary"]


def test_the_list_costs_the_same_for_one_and_for_fifty(
    owner_client: Client, account: Account, held: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(55):
        destination = make_destination(account, description=f"Destination {number:02}")
        held(destination, 1)

    with django_assert_max_num_queries(8):
        response = owner_client.get("/destinations/")

    assert len(response.context["rows"]) == 50
    assert "page=2" in text(response)


def test_every_kind_of_target_is_offered_and_has_a_form(owner_client: Client, account: Account) -> None:
    choice = text(owner_client.get("/destinations/new/"))

    for slug, target in all_targets().items():
        assert f'href="/destinations/new/{slug}/"' in choice
        assert target.summary in choice
        form = owner_client.get(f"/destinations/new/{slug}/")
        assert form.status_code == 200
        assert all(f'name="target-{name}"' in text(form) for name in target.form_class.base_fields)


def test_an_unknown_kind_is_not_found(owner_client: Client) -> None:
    assert owner_client.get("/destinations/new/carrier_pigeon/").status_code == 404
    assert owner_client.post("/destinations/new/carrier_pigeon/send_test/").status_code == 404


def test_a_viewer_may_not_make_one(viewer_client: Client, account: Account) -> None:
    assert viewer_client.get("/destinations/new/").status_code == 403
    assert viewer_client.post("/destinations/new/datadog/", DATADOG).status_code == 403
    assert viewer_client.post("/destinations/new/datadog/send_test/", DATADOG).status_code == 403
    assert not Destination.objects.exists()


def test_creating_a_destination_leads_to_its_page(owner_client: Client, account: Account) -> None:
    response = owner_client.post("/destinations/new/datadog/", DATADOG)

    destination = Destination.objects.get(account=account)
    assert response.headers["Location"] == f"/destinations/{destination.pk}/"
    assert destination.secrets == {"api_key": DATADOG["target-api_key"]}


def test_a_refused_form_comes_back_as_typed_but_for_its_secrets(owner_client: Client, account: Account) -> None:
    typed = {**DATADOG, "description": "Kept <name>", "target-site": "datadoghq.example"}

    response = owner_client.post("/destinations/new/datadog/", typed)

    assert response.status_code == 422
    assert "Kept &lt;name&gt;" in text(response)
    assert "1 thing to mend" in text(response)
    assert DATADOG["target-api_key"] not in text(response)
    assert not Destination.objects.exists()


def test_the_accounts_limit_is_said_in_the_form(owner_client: Client, account: Account) -> None:
    account.max_destinations = 0
    account.save()

    response = owner_client.post("/destinations/new/datadog/", DATADOG)

    assert response.status_code == 422
    assert "its limit" in text(response)


def test_editing_keeps_the_secret_that_was_left_empty(owner_client: Client, destination: Destination) -> None:
    page = text(owner_client.get(f"/destinations/{destination.pk}/configuration/"))
    assert destination.secrets["api_key"] not in page
    assert "ends in …cdef" in page

    owner_client.post(
        f"/destinations/{destination.pk}/configuration/", {**DATADOG, "target-api_key": "", "description": "Renamed"}
    )

    changed = Destination.objects.get(pk=destination.pk)
    assert changed.description == "Renamed"
    assert changed.secrets == destination.secrets
    assert changed.revision == 2


def test_editing_asks_for_the_secret_again_only_where_the_address_changed(
    owner_client: Client, destination: Destination
) -> None:
    moved = {**DATADOG, "target-api_key": "", "target-site": "datadoghq.com"}

    response = owner_client.post(f"/destinations/{destination.pk}/configuration/", moved)

    assert response.status_code == 422
    assert "Type the API key again" in text(response)


def test_pausing_and_resuming(owner_client: Client, owner: User, destination: Destination) -> None:
    owner_client.post(f"/destinations/{destination.pk}/pause/")
    destination.refresh_from_db()
    assert (destination.state, destination.paused_by) == ("paused", owner)

    owner_client.post(f"/destinations/{destination.pk}/resume/")
    destination.refresh_from_db()
    assert (destination.state, destination.paused_by) == ("active", None)


def test_deleting_asks_first(owner_client: Client, destination: Destination) -> None:
    assert "Delete destination</button>" in text(owner_client.get(f"/destinations/{destination.pk}/delete/"))

    response = owner_client.post(f"/destinations/{destination.pk}/delete/")

    assert response.headers["Location"] == "/destinations/"
    assert owner_client.get(f"/destinations/{destination.pk}/").status_code == 404


def test_a_destination_in_use_names_its_subscriptions_instead(
    owner_client: Client, account: Account, destination: Destination
) -> None:
    make_subscription(account, destination, description="Checkout requests")

    page = text(owner_client.get(f"/destinations/{destination.pk}/delete/"))
    owner_client.post(f"/destinations/{destination.pk}/delete/")

    assert "Checkout requests" in page
    assert 'class="btn danger' not in page
    assert Destination.objects.existing().filter(pk=destination.pk).exists()


def test_a_test_of_a_saved_destination_leads_to_its_steps(owner_client: Client, destination: Destination) -> None:
    response = owner_client.post(f"/destinations/{destination.pk}/send_test/")

    run = TestRun.objects.get()
    assert response.headers["Location"] == f"/destinations/tests/{run.pk}/"
    page = text(owner_client.get(response.headers["Location"]))
    assert 'data-run-state="queued"' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "hx-trigger" in page


def test_a_test_of_an_unsaved_form_saves_nothing(owner_client: Client, account: Account) -> None:
    response = owner_client.post("/destinations/new/datadog/send_test/", DATADOG, headers=HTMX)

    assert response.status_code == 200
    assert 'data-run-state="queued"' in text(response)
    assert "<html" not in text(response)
    assert not Destination.objects.exists()


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_what_cannot_be_tested_says_why(owner_client: Client, account: Account, headers: dict[str, str]) -> None:
    typed = {**DATADOG, "target-site": "datadoghq.example"}

    response = owner_client.post("/destinations/new/datadog/send_test/", typed, headers=headers)

    assert response.status_code == 422
    assert "before this can be tested" in text(response)
    assert not TestRun.objects.exists()


def test_the_test_of_an_edited_form_uses_the_stored_secret_only_for_its_own_address(
    owner_client: Client, stranger_client: Client, destination: Destination
) -> None:
    typed = {**DATADOG, "target-api_key": "", "destination": destination.pk}

    assert owner_client.post("/destinations/new/datadog/send_test/", typed).status_code == 302
    moved = {**typed, "target-site": "datadoghq.com"}
    assert owner_client.post("/destinations/new/datadog/send_test/", moved).status_code == 422
    assert stranger_client.post("/destinations/new/datadog/send_test/", typed).status_code == 404


def test_a_test_that_ended_is_not_asked_for_again(owner_client: Client, destination: Destination) -> None:
    failed = StepReport("Key", "failed", "Refused.", said="<i>no</i>", remedy="Check the key.")
    skipped = StepReport("Send", "skipped", "Needs the step above.")
    run = _finished(destination, state="failed", steps=[asdict(failed), asdict(skipped)])

    response = owner_client.get(f"/destinations/tests/{run.pk}/", headers=HTMX)

    assert 'data-run-state="failed"' in text(response)
    assert "failed at step 1 of 2" in text(response)
    assert "&lt;i&gt;no&lt;/i&gt;" in text(response)
    assert "hx-trigger" not in text(response)


def test_a_test_that_no_worker_takes_says_so(owner_client: Client, destination: Destination) -> None:
    owner_client.post(f"/destinations/{destination.pk}/send_test/")
    TestRun.objects.update(created_at=timezone.now() - timedelta(minutes=2))

    page = text(owner_client.get(f"/destinations/tests/{TestRun.objects.get().pk}/"))

    assert "No worker has taken this test" in page
    assert "hx-trigger" not in page


def test_a_test_tells_a_change_of_state_and_each_quarter_once(owner_client: Client, destination: Destination) -> None:
    owner_client.post(f"/destinations/{destination.pk}/send_test/")
    address = f"/destinations/tests/{TestRun.objects.get().pk}/"

    def told(said: str, *, passed: int, **fields: Any) -> str:
        steps = [asdict(StepReport("Step", "passed" if number < passed else "waiting")) for number in range(8)]
        TestRun.objects.update(steps=steps, **fields)
        answer = text(owner_client.get(address, {"said": said}, headers=HTMX))
        return answer.partition('hx-swap-oob="innerHTML:#say">')[2].partition("</div>")[0]

    # That a worker takes it up is no news for a person.
    assert told("running-0", passed=0, state="running") == ""
    assert told("running-0", passed=1) == ""
    assert told("running-0", passed=2) == "Test event: 2 of 8 steps"
    # What is tested again every few seconds is told once.
    again = told("running-1", passed=2, state="waiting", repeats=1, due_at=timezone.now())
    assert again == "Test event: 2 of 8 steps; the next is tested again by itself"
    assert told("repeated-1", passed=2, state="running", repeats=1, due_at=None) == ""
    assert told("repeated-1", passed=2, state="waiting", repeats=2, due_at=timezone.now()) == ""
    over = told("repeated-1", passed=8, state="passed", due_at=None, finished_at=timezone.now())
    assert over == "Test event: 8 of 8 steps passed"


def test_a_foreign_test_is_as_missing(stranger_client: Client, client: Client, destination: Destination) -> None:
    run = _finished(destination)

    assert stranger_client.get(f"/destinations/tests/{run.pk}/").status_code == 404
    assert stranger_client.get("/destinations/tests/999999/").status_code == 404
    assert client.get(f"/destinations/tests/{run.pk}/").status_code == 302


def test_what_arrived_is_shown_in_demo_mode_only(
    owner_client: Client, destination: Destination, settings: Settings
) -> None:
    settings.DEMO = False

    assert owner_client.get(f"/destinations/{destination.pk}/arrived/").status_code == 404
    assert "/arrived/" not in text(owner_client.get(f"/destinations/{destination.pk}/"))


def test_an_emulator_that_is_down_says_so(owner_client: Client, destination: Destination, settings: Settings) -> None:
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        settings.DEMO, settings.DEMO_DATADOG_URL = True, f"http://127.0.0.1:{free.getsockname()[1]}"

    assert "The emulator cannot be read" in text(owner_client.get(f"/destinations/{destination.pk}/arrived/"))


def test_what_arrived_is_read_back_from_the_emulator(
    owner_client: Client, stranger_client: Client, destination: Destination, datadog_url: str, settings: Settings
) -> None:
    settings.DEMO, settings.DEMO_DATADOG_URL = True, datadog_url
    address = f"/destinations/{destination.pk}/arrived/"
    assert "Nothing has arrived here yet" in text(owner_client.get(address))

    run = start_test_run(
        account=destination.account, target="datadog", config=destination.config, secrets=destination.secrets
    )
    run_test(run.pk)

    page = text(owner_client.get(address))

    assert "http_request_complete.v0" in page
    assert stranger_client.get(address).status_code == 404


def _finished(destination: Destination, **fields: Any) -> TestRun:
    return TestRun.objects.create(
        account=destination.account,
        destination=destination,
        target=destination.target,
        record=b"{}",
        **{"state": "passed", "steps": [], "finished_at": timezone.now(), **fields},
    )


def test_pages_are_ready_for_every_answer_of_the_worker(datadog: FakeDatadog, owner_client: Client) -> None:
    """A passed run shows each step with what it found."""
    destination = make_destination(Account.objects.get(name="Acme Edge"))

    owner_client.post(f"/destinations/{destination.pk}/send_test/")
    run_test(TestRun.objects.get().pk)

    page = text(owner_client.get(f"/destinations/tests/{TestRun.objects.get().pk}/"))

    assert 'data-run-state="passed"' in page or 'data-run-state="warned"' in page
    assert len(datadog.arrived) == 1
    assert "See what arrived" in page


def test_the_form_asks_what_becomes_of_records_that_are_too_old(owner_client: Client, destination: Destination) -> None:
    address = f"/destinations/{destination.pk}/configuration/"
    assert "Datadog takes nothing older than 18 hours." in text(owner_client.get(address))

    owner_client.post(address, {**DATADOG, "refuses_too_old": "on"})

    destination.refresh_from_db()
    assert (destination.refuses_too_old, destination.revision) == (True, 2)
    assert re.search(r'name="refuses_too_old"[^>]* checked', text(owner_client.get(address)))
    owner_client.post(address, DATADOG)
    destination.refresh_from_db()
    assert not destination.refuses_too_old


def test_the_form_does_not_ask_where_records_may_have_any_age(owner_client: Client, account: Account) -> None:
    assert "refuses_too_old" not in text(owner_client.get("/destinations/new/kinesis/"))
