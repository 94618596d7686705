"""Testing a destination from its pages, and reading back what arrived."""

from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from socket import socket
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.models import Destination, TestRun
from destinations.testing import StepReport, run_test, start_test_run
from tests.carrying import FakeDatadog
from tests.destinations.pages import DATADOG, HTMX, text
from tests.factories import make_destination


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
