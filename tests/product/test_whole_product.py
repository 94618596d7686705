"""The main job, from sign-in to arrival, on the product as a newcomer runs it."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.product.conftest import Product, wait_until
from tests.product.probe import Probe
from tests.product.visitor import Visitor

pytestmark = pytest.mark.slow

TEST_SECONDS = 30
ARRIVAL_SECONDS = 60
DESTINATION = r"/destinations/ed_[0-9A-Za-z]{27}/"
REQUEST_COUNT = 2000


@pytest.fixture(scope="module")
def probe(product: Product) -> Probe:
    return Probe(product.environment)


def run_test(visitor: Visitor, destination: str) -> str:
    """Press "Send test event" and wait for the page of the run to be final."""
    visitor.get(destination)
    visitor.post(f"{destination}send_test/")
    address = visitor.address
    deadline = time.monotonic() + TEST_SECONDS
    while True:
        page = visitor.get(address)
        if 'data-run-state="passed"' in page or 'data-run-state="warned"' in page:
            return "passed"
        if 'data-run-state="failed"' in page:
            return page
        assert time.monotonic() < deadline, page
        time.sleep(0.3)


def test_send_test_event_succeeds_on_each_of_the_five_destinations(visitor: Visitor) -> None:
    destinations = visitor.links("/destinations/", DESTINATION)

    assert len(destinations) == 5
    assert {run_test(visitor, destination) for destination in destinations} == {"passed"}


def test_exactly_the_selected_records_arrive_at_all_five_targets(
    product: Product, visitor: Visitor, probe: Probe
) -> None:
    before = probe.arrived_ids()
    output = product.manage("simulate", "--rate", "1000", "--seconds", str(REQUEST_COUNT / 1000), "--seed", "7")
    assert f"{REQUEST_COUNT:,} events accepted" in output

    expected = probe.expected_records()
    wait_until(lambda: probe.waiting() == 0, ARRIVAL_SECONDS, lambda: f"{probe.waiting()} records still wait")

    for target, selected in expected.items():
        wanted = {key: value for key, value in selected.items() if key not in before[target]}
        arrived = {key: value for key, value in probe.arrived(target).items() if key not in before[target]}
        missing, extra = wanted.keys() - arrived.keys(), arrived.keys() - wanted.keys()
        assert not missing, f"{target}: {len(missing)} records did not arrive."
        assert not extra, f"{target}: {len(extra)} records arrived that nobody selected."
        assert arrived == wanted, f"{target}: fields differ."
        assert wanted, f"{target} must have had something to take."


def test_the_ledger_closes(product: Product) -> None:
    output = product.manage("check_ledger", "--json")

    books = json.loads(output)
    assert books["closes"] is True
    assert books["totals"]["events"] >= REQUEST_COUNT
    assert books["totals"]["delivered"] == books["totals"]["fan_out"] > 0


def test_a_stopped_emulator_is_a_clear_failure_and_heals_by_itself(
    product: Product, visitor: Visitor, probe: Probe
) -> None:
    destination = visitor.links("/destinations/", DESTINATION)[0]
    product.manage("emulators_switch", "off")
    wait_until(lambda: "failed" in run_test(visitor, destination), TEST_SECONDS)
    failure = run_test(visitor, destination)
    assert "127.0.0.1 does not let us connect." in failure
    product.manage("simulate", "--rate", "200", "--seconds", "1")
    wait_until(lambda: probe.failing() > 0, ARRIVAL_SECONDS)

    product.manage("emulators_switch", "on")

    wait_until(lambda: probe.waiting() == 0, 120, lambda: f"{probe.waiting()} records still wait")
    assert run_test(visitor, destination) == "passed"
    assert "The ledger closes." in product.manage("check_ledger")


def test_own_changes_are_published_as_audit_events(visitor: Visitor, probe: Probe) -> None:
    destination = visitor.links("/destinations/", DESTINATION)[0]
    pk = destination.strip("/").split("/")[-1]
    visitor.get(f"{destination}configuration/")
    before = probe.audit_events(pk)

    visitor.post(f"{destination}configuration/", **probe.configuration_form(pk), description="Renamed by a person")

    wait_until(lambda: len(probe.audit_events(pk)) > len(before), ARRIVAL_SECONDS)
    event: dict[str, Any] = probe.audit_events(pk)[-1]
    assert event["event_type"] == "event_destination_updated.v0"
    assert event["principal"]["kind"] == "user"
    assert event["principal"]["source"] == "Dashboard"
    assert event["object"]["description"] == "Renamed by a person"


def test_a_second_start_finds_its_data_and_leaves_nothing_behind(product: Product, visitor: Visitor) -> None:
    assert product.stop(signal.SIGINT) == 0
    assert children_of(product) == []
    product.start()
    assert len(visitor.links("/destinations/", DESTINATION)) == 5

    product.stop(signal.SIGKILL)

    wait_until(lambda: children_of(product) == [], 40, lambda: str(children_of(product)))


def test_a_taken_port_is_a_clear_error(product: Product, tmp_path: Any) -> None:
    other = Product(tmp_path)
    other.port = product.port
    product.start()

    output = other.manage("up", "--port", str(product.port), code=1)

    assert f"Port {product.port} is taken" in output


def children_of(product: Product) -> list[str]:
    """Processes of this product that still live, by the directory of their data in their environment."""
    mark = f"DATA_DIR={product.environment['DATA_DIR']}".encode()
    alive = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and mark in (process / "environ").read_bytes().split(b"\0"):
                alive.append(process.name)
        except OSError:
            continue
    return alive
