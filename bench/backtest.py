"""How long a backtest takes, and how quickly a filter is explained and shown as conditions.

    python -m bench.backtest [--events 100000] [--single 2000] [--json FILE]

A run reads 100,000 stored events in requests of 1,000; another reads events that came one at a time. Figures are
medians, CPU time a mean; the first figures are what a page can show first.
"""

import json
import statistics
import sys
import time
from argparse import ArgumentParser
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from bench.stages import FILTER, HTTP, REQUEST_EVENTS, configure, timed

FIELDS = ["conn.client_ip", "conn.server_name", "http.request.method", "http.response.status_code"]
F4 = (
    "ev.conn.server_port in [80,443,8080,8443,8000,8001,8002,8003,8004,8005,8006,8007,8008,8009,9000,9001,9002,9003,"
    '9004,9005] && ev.conn.server_name.endsWith(".ngrok.dev") && ev.conn.client_ip != "198.51.100.1" && '
    'ev.conn.client_ip != "198.51.100.2" && !ev.conn.server_name.startsWith("internal-") && '
    'ev.conn.server_ip.startsWith("3.") && (ev.conn.server_name.contains("your-org") || ev.conn.server_port == 8443) '
    '&& ev.conn.server_name.matches("^[a-z]+-your-org\\\\.ngrok\\\\.(dev|app)$")'
)
REPEATS = 50


def fill(count: int, request_events: int) -> Any:
    """An account with `count` stored events of the simulator."""
    from accounts.models import Account
    from events.publishing import Publisher, publish_body
    from events.simulator import generate

    account = Account.objects.create(name="Bench")
    events = generate(seed=1, types=[HTTP])
    for _ in range(count // request_events):
        body = b"\n".join(map(orjson.dumps, islice(events, request_events)))
        publish_body(body, publisher=Publisher("bench", account.pk))
    return account


def backtest(account: Any, runs: int) -> dict[str, float]:
    """Of a job that saves its progress: time until the first figures, and in all."""
    from events.catalog import catalog
    from subscriptions.backtest import run_backtest, start_backtest
    from subscriptions.backtest_figures import Reading, from_json
    from subscriptions.measuring import measure
    from subscriptions.models import Backtest
    from subscriptions.services import SourceSpec
    from subscriptions.trial import make_trial

    def until_first() -> None:
        trial = make_trial(catalog()[HTTP], FILTER, FIELDS, None, ())
        measure(account, [trial], "all", report=stop)

    def stop(_: Reading) -> bool:
        return False

    def whole() -> None:
        run = start_backtest(account=account, key="bench", sources=[SourceSpec(HTTP, FILTER, FIELDS)], window="all")
        run_backtest(run.pk)

    first_seconds = statistics.median(timed(until_first) for _ in range(runs))
    cpu_before = time.process_time()
    whole_seconds = statistics.median(timed(whole) for _ in range(runs))
    cpu_seconds = (time.process_time() - cpu_before) / runs
    examined = from_json(Backtest.objects.latest("created_at").reading or {}).examined
    return {
        "events": examined,
        "first_ms": first_seconds * 1000,
        "whole_ms": whole_seconds * 1000,
        "whole_cpu_ms": cpu_seconds * 1000,
        "events_per_second": examined / whole_seconds,
    }


def interactive() -> dict[str, float]:
    """Milliseconds of what a page does while somebody types, on the largest of the reference filters."""
    from events.catalog import catalog
    from events.filters.conditions import faults, render
    from events.filters.explain import explain
    from events.filters.recovering import recover

    event_type = catalog()[HTTP]
    raw = orjson.dumps(event_type.example)
    group = recover(F4, event_type)

    def median_ms(work: Any) -> float:
        return statistics.median(timed(work) for _ in range(REPEATS)) * 1000

    return {
        "explain_ms": median_ms(lambda: explain(F4, event_type, raw)),
        "recover_ms": median_ms(lambda: recover(F4, event_type)),
        "render_ms": median_ms(lambda: render(group, event_type)),
        "faults_ms": median_ms(lambda: faults(group, event_type)),
    }


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--single", type=int, default=2000, help="events that came one at a time")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    configure()
    figures = {f"interactive_{name}": value for name, value in interactive().items()}
    for kind, count, size in (("batches", options.events, REQUEST_EVENTS), ("single", options.single, 1)):
        account = fill(count, size)
        figures |= {f"{kind}_{name}": value for name, value in backtest(account, options.runs).items()}
    for name, value in figures.items():
        sys.stdout.write(f"{name:28} {value:12,.1f}\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
