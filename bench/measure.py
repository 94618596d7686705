"""Measurements of one stack, in a process of its own: `python -m bench.measure '{"server": …, "target": …}'`.

Prints one JSON object. What each figure means: docs/scaling.md.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import orjson

from bench.stack import Stack

PATIENCE_SECONDS = 120.0
ADDED = 20


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Measurement:
    def __init__(self, stack: Stack, target: str) -> None:
        """Configure an account that sends to `target`; Django is set up for this stack's database."""
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        from accounts.models import Account
        from bench import load
        from destinations.emulators.resources import DEMO_DESTINATIONS
        from tests.factories import make_api_key

        self.demo = next(each for each in DEMO_DESTINATIONS if each.target == target)
        self.account = Account.objects.create(name="Bench", max_subscriptions=1000, max_destinations=1000)
        self.destination = self.make_destination()
        self.load = load
        self.subscribe(load.FILTER, self.destination)
        self.token = make_api_key(self.account)
        self.stack = stack
        stack.start_product()

    def make_destination(self) -> Any:
        from tests.factories import make_destination

        demo = self.demo
        return make_destination(self.account, target=demo.target, config=demo.config, secrets=demo.secrets)

    def subscribe(self, text: str, *destinations: Any) -> Any:
        from subscriptions.services import SourceSpec
        from tests.factories import make_subscription

        source = SourceSpec(self.load.HTTP, text, self.load.FIELDS)
        return make_subscription(self.account, *destinations, sources=[source])

    def publishers(self, bodies: Sequence[bytes], threads: int) -> Any:
        return self.load.Publishers(self.stack.port, self.token, bodies, threads)

    def wait_until_settled(self) -> None:
        from delivery.models import Delivery
        from events.models import EventBatch

        deadline = time.monotonic() + PATIENCE_SECONDS
        while EventBatch.objects.filter(routed_at=None).exists() or Delivery.objects.waiting().exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not settled: {self.destination.pk}")
            time.sleep(0.02)

    def throughput(self, seconds: float, threads: int = 3) -> dict[str, Any]:
        """Events a second from the first request until everything is settled, and CPU by part in µs an event."""
        publishers = self.publishers(self.load.make_bodies(), threads)
        cpu, started = self.stack.cpu_seconds(), time.monotonic()
        publishers.run(seconds)
        self.wait_until_settled()
        took = time.monotonic() - started
        used = self.stack.cpu_seconds()
        spent = {name: 1e6 * (used[name] - cpu.get(name, 0.0)) / publishers.accepted for name in used}
        return {"events_per_s": publishers.accepted / took, "cpu_us": spent, "events": publishers.accepted}

    def latency_ms(self, bodies: Sequence[bytes], seconds: float, interval: float, threads: int) -> list[float]:
        """From sending a request to the arrival of its first event, in ms; those that the filter drops do not count."""
        publishers = self.publishers(bodies, threads)
        publishers.run(seconds, interval=interval)
        self.wait_until_settled()
        arrivals = self.stack.arrivals()
        return [1000 * (arrivals[first] - at) for at, first in publishers.sent if first in arrivals]

    def single_events(self, seconds: float) -> dict[str, Any]:
        """Requests of one event a second from the first until everything is settled, and CPU by part in µs an event."""
        options = {"port": self.stack.port, "token": self.token, "seconds": seconds, "connections": 64}
        command = [sys.executable, "-m", "bench.singles", orjson.dumps(options).decode()]
        cpu = self.stack.cpu_seconds()
        sent = orjson.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        self.wait_until_settled()
        took, used = time.time() - sent["began_at"], self.stack.cpu_seconds()
        spent = {name: 1e6 * (used[name] - cpu.get(name, 0.0)) / sent["accepted"] for name in used}
        return {
            "rps": sent["accepted"] / took,
            "cpu_us": spent | {"publisher": 1e6 * sent["cpu_s"] / sent["accepted"]},
            "p50_ms": sent["p50_ms"],
            "p99_ms": sent["p99_ms"],
        }

    def cpu_us(self, seconds: float, runs: int) -> float:
        """CPU of all parts in µs an event: the median of several windows, each said."""
        windows: list[float] = [sum(self.throughput(seconds)["cpu_us"].values()) for _ in range(runs)]
        sys.stderr.write("  CPU µs an event: " + ", ".join(f"{each:.2f}" for each in windows) + "\n")
        return float(statistics.median(windows))

    def us_per_added_subscription(self, seconds: float, runs: int) -> float:
        """Of such as match nothing, in µs an event."""
        before = self.cpu_us(seconds, runs)
        for number in range(ADDED):
            self.subscribe(f'ev.conn.server_port == {number} && ev.conn.server_name == "none.example"')
        return (self.cpu_us(seconds, runs) - before) / ADDED

    def cost_growth(self, seconds: float, runs: int, stored: Sequence[int]) -> float:
        """CPU of an event with the second number of events stored, as a multiple of it with the first."""
        from django.db.models import Sum

        from bench.growth import fill
        from events.models import EventBatch

        costs = []
        for events in stored:
            present = EventBatch.objects.aggregate(number=Sum("count", default=0))["number"]
            fill(self.account, events - present)
            costs.append(self.cpu_us(seconds, runs))
        return costs[1] / costs[0]

    def cost_spread(self, seconds: float, runs: int) -> float:
        """CPU of an event whose matched records go to 100 destinations, as a multiple of it with one destination.

        Both with 100 subscriptions that share the records between them, so that only the destinations differ.
        """
        from subscriptions.models import Subscription

        Subscription.objects.filter(account=self.account).update(state=Subscription.State.OFF)
        shares = [f'{self.load.FILTER} && ev.conn.client_ip.endsWith("{number:02}")' for number in range(100)]
        made = [self.subscribe(text, self.destination) for text in shares]
        self.account.touch_configuration()
        together = self.cpu_us(seconds, runs)
        for subscription in made:
            subscription.destinations.set([self.make_destination()])
        self.account.touch_configuration()
        return self.cpu_us(seconds, runs) / together

    def check(self) -> None:
        """Every matched event arrived, and the books close. Raises AssertionError."""
        from django.db.models import Sum

        from delivery.ledger import Scope, faults
        from delivery.models import Tally

        matched = Tally.objects.aggregate(number=Sum("fan_out", default=0))["number"]
        found = list(faults(Scope()))
        distinct = self.stack.received()["distinct"]
        if found or distinct != matched:
            raise AssertionError(f"{matched} matched, {distinct} arrived; {found[:3]}")


def measure(options: dict[str, Any]) -> dict[str, Any]:
    """The figures that `options` ask for: throughput and memory always, the others where they are named."""
    seconds, runs = options["seconds"], options["runs"]
    with Stack(options["server"]) as stack:
        measured = Measurement(stack, options["target"])
        measured.throughput(0.5)
        found = _throughput(measured, seconds, runs)
        if options.get("latency"):
            found |= _latency(measured, seconds)
        found["worker_rss_mb"] = stack.worker_rss_mb()
        measured.check()
        if stored := options.get("stored"):
            found["cost_growth"] = measured.cost_growth(seconds, runs, stored)
        if options.get("added"):
            found["us_per_added_subscription"] = measured.us_per_added_subscription(seconds, runs)
    return found


def _throughput(measured: Measurement, seconds: float, runs: int) -> dict[str, Any]:
    done = [measured.throughput(seconds) for _ in range(runs)]
    return {
        "events_per_s": statistics.median(run["events_per_s"] for run in done),
        "cpu_us": {name: statistics.median(run["cpu_us"][name] for run in done) for name in done[0]["cpu_us"]},
    }


def _latency(measured: Measurement, seconds: float) -> dict[str, Any]:
    single = measured.load.make_bodies(events=1, count=200)
    idle = measured.latency_ms(single, 2 * seconds, 0.05, 1)
    busy = measured.latency_ms(measured.load.make_bodies(events=100), 2 * seconds, 0.04, 4)
    return {
        "idle_p50_ms": quantile(idle, 0.5),
        "idle_p99_ms": quantile(idle, 0.99),
        "p99_ms_at_10k": quantile(busy, 0.99),
        "single_events": measured.single_events(seconds),
    }


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(measure(orjson.loads(sys.argv[1]))).decode() + "\n")
    sys.stdout.flush()
    os._exit(0)
