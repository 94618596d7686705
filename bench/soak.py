"""Cost and memory over many events, published for real: `python -m bench.soak --events 10000000`.

One stack takes them all, to Kinesis; after each part it prints the events so far, their rate, CPU of all parts in µs an
event and the memory of the largest worker. At the end every matched event must have arrived, and the ledger must close.
`--spread` compares instead what an event costs with its records at 1 and at 100 destinations.
"""

import os
import sys
from argparse import ArgumentParser

from bench.measure import Measurement
from bench.stack import Stack
from bench.throughput import SERVER

PART_SECONDS = 10.0
SPREAD_RUNS = 5


def soak(measured: Measurement, events: int) -> None:
    sys.stdout.write(f"{'events':>12} {'events/s':>10} {'CPU µs':>8} {'worker MB':>10}\n")
    accepted = 0
    while accepted < events:
        part = measured.throughput(PART_SECONDS)
        accepted += part["events"]
        cpu, memory = sum(part["cpu_us"].values()), measured.stack.worker_rss_mb()
        sys.stdout.write(f"{accepted:12,} {part['events_per_s']:10,.0f} {cpu:8.2f} {memory:10.1f}\n")
        sys.stdout.flush()
    measured.check()


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--spread", action="store_true")
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL where databases may be made; empty for SQLite")
    options = parser.parse_args()
    with Stack(options.server) as stack:
        measured = Measurement(stack, "kinesis")
        measured.throughput(1.0)
        if options.spread:
            times = measured.cost_spread(PART_SECONDS, SPREAD_RUNS)
            sys.stdout.write(f"100 destinations cost {times:.2f} times as much as one\n")
        else:
            soak(measured, options.events)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
