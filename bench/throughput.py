"""What the whole product does on this machine, beside the bare floor: `make bench`.

Every figure is a median of several runs of a stack of its own: PostgreSQL database, Valkey, web, workers and a receiver
that answers as the service does and counts event IDs. At the end of each the books must close and every matched event
must have arrived. docs/scaling.md tells what the figures mean and what was measured.
"""

import statistics
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson

from bench import syslog_ng
from bench.receiver import ReceiverProcess

TARGETS = ("kinesis", "firehose", "cloudwatch_logs", "datadog", "azure_logs_ingestion")
SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
CORES = 2
# Requests leave for it as they are; to others they are compressed, or each record is base64.
UNCOMPRESSED = "cloudwatch_logs"
FIGURES = ("idle_p50_ms", "idle_p99_ms", "p99_ms_at_10k")
# Between these numbers of stored events cost is to stay flat; a quick run goes a tenth of the way.
STORED = [1_000_000, 10_000_000]
QUICK_STORED = [100_000, 1_000_000]


def call(module: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run a measurement in a process of its own and read its answer from the last line."""
    command = [sys.executable, "-m", module, orjson.dumps(options).decode()]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    answer: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return answer


def floor(server: str, seconds: float, runs: int) -> float:
    """Events a second of the bare pipeline on all cores at once."""
    with ReceiverProcess() as receiver:
        options = {"server": server, "receiver": receiver.url, "seconds": seconds}
        command = [sys.executable, "-m", "bench.floor", orjson.dumps(options).decode()]
        rates = []
        for _ in range(runs):
            both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(CORES)]
            rates.append(sum(orjson.loads(each.communicate()[0])["events_per_s"] for each in both))
    return float(statistics.median(rates))


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


def measure_all(server: str, targets: list[str], seconds: float, runs: int, stored: list[int]) -> dict[str, Any]:
    """One object of figures; what else is worth knowing is said on the way."""
    bare = floor(server, seconds, runs)
    say(f"{'floor':22}{bare:12,.0f} events/s, {CORES} bare processes")
    measured: dict[str, dict[str, Any]] = {}
    for target in targets:
        options = {"server": server, "target": target, "seconds": seconds, "runs": runs}
        if not measured:
            options |= {"latency": True, "stored": stored, "added": True}
        one = measured[target] = call("bench.measure", options)
        rate = one["events_per_s"]
        say(f"{target:22}{rate:12,.0f} events/s, floor / it = {bare / rate:.2f}, CPU µs {_rounded(one['cpu_us'])}")
    first, singles = measured[targets[0]], measured[targets[0]]["single_events"]
    say(f"single events{singles['rps']:21,.0f} requests/s, CPU µs an event {_rounded(singles['cpu_us'])}")
    sqlite = call("bench.measure", {"server": "", "target": targets[0], "seconds": seconds, "runs": runs})
    found = {
        "events_per_s": {target: round(one["events_per_s"]) for target, one in measured.items()},
        "floor_ratio": {target: round(bare / one["events_per_s"], 2) for target, one in measured.items()},
        "sqlite_events_per_s": round(sqlite["events_per_s"]),
        **{name: round(first[name], 1) for name in FIGURES},
        "single_event_rps": round(singles["rps"]),
        **beside_syslog_ng(measured.get(UNCOMPRESSED, first)["events_per_s"], seconds, runs),
        "worker_rss_mb": round(max(one["worker_rss_mb"] for one in measured.values()), 1),
        "cost_growth_1m_to_10m": round(first["cost_growth"], 2),
        "us_per_added_subscription": round(first["us_per_added_subscription"], 2),
    }
    say(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    return found


def _rounded(spent: dict[str, float]) -> dict[str, float]:
    return {name: round(each, 2) for name, each in spent.items()}


def beside_syslog_ng(rate: float, seconds: float, runs: int) -> dict[str, float | None]:
    """How many times the rate of syslog-ng ours is; None where it is not installed."""
    if syslog_ng.program() is None:
        say("syslog-ng is skipped: install syslog-ng-core and syslog-ng-mod-http.")
        return {"vs_syslog_ng_memory": None, "vs_syslog_ng_disk": None}
    peers = {on_disk: syslog_ng.rate(seconds, runs, on_disk=on_disk) for on_disk in (False, True)}
    say(f"{'syslog-ng':22}{peers[False]:12,.0f} events/s in memory, {peers[True]:,.0f} by its disk buffer")
    return {"vs_syslog_ng_memory": round(rate / peers[False], 2), "vs_syslog_ng_disk": round(rate / peers[True], 2)}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of one target, in under a minute")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each run publishes")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one; may be repeated")
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL where databases may be made")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as one object")
    options = parser.parse_args()
    targets = options.target or list(TARGETS)
    if options.quick:
        options.runs, options.seconds, targets = 1, 1.0, targets[:1]
    stored = QUICK_STORED if options.quick else STORED
    found = measure_all(options.server, targets, options.seconds, options.runs, stored)
    if options.json:
        options.json.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
