"""What the whole product does on this machine, beside the bare floor: `make bench`.

Every figure is a median of several runs of a stack of its own: PostgreSQL database, Valkey, web, workers and a receiver
that answers as the service does and counts event IDs. At the end of each the books must close and every matched event
must have arrived. docs/scaling.md tells what the figures mean and what was measured.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson

TARGETS = ("kinesis", "firehose", "cloudwatch_logs", "datadog", "azure_logs_ingestion")
SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
CORES = 2


def call(module: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run a measurement in a process of its own and read its answer from the last line."""
    command = [sys.executable, "-m", module, orjson.dumps(options).decode()]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    answer: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return answer


def floor(server: str, seconds: float, runs: int) -> float:
    """Events a second of the bare pipeline on all cores at once."""
    with tempfile.TemporaryDirectory(prefix="es-floor-") as directory:
        port = Path(directory) / "port"
        receiver = subprocess.Popen([sys.executable, "-m", "bench.receiver", str(port)])
        while not (port.exists() and port.read_text()):
            time.sleep(0.05)
        options = {"server": server, "receiver": f"http://127.0.0.1:{port.read_text()}", "seconds": seconds}
        command = [sys.executable, "-m", "bench.floor", orjson.dumps(options).decode()]
        rates = []
        for _ in range(runs):
            both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(CORES)]
            rates.append(sum(orjson.loads(each.communicate()[0])["events_per_s"] for each in both))
        receiver.terminate()
        receiver.wait()
    return float(statistics.median(rates))


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


def measure_all(server: str, targets: list[str], seconds: float, runs: int) -> dict[str, Any]:
    bare = floor(server, seconds, runs)
    say(f"{'floor':22}{bare:12,.0f} events/s, {CORES} bare processes")
    found: dict[str, Any] = {"events_per_s": {}, "floor_ratio": {}, "floor_events_per_s": round(bare), "cpu_us": {}}
    first: dict[str, Any] = {}
    for target in targets:
        options = {"server": server, "target": target, "seconds": seconds, "runs": runs, "latency": not first}
        one = call("bench.measure", options)
        first = first or one
        rate = one["events_per_s"]
        found["events_per_s"][target] = round(rate)
        found["floor_ratio"][target] = round(bare / rate, 2)
        found["cpu_us"][target] = {name: round(spent, 2) for name, spent in one["cpu_us"].items()}
        say(f"{target:22}{rate:12,.0f} events/s, floor / it = {bare / rate:.2f}, CPU µs an event {one['cpu_us']}")
    sqlite = call("bench.measure", {"server": "", "target": targets[0], "seconds": seconds, "runs": runs})
    say(f"{'SQLite, ' + targets[0]:22}{sqlite['events_per_s']:12,.0f} events/s")
    more = {"server": server, "target": targets[0], "seconds": seconds, "runs": runs, "extra_subscriptions": 20}
    added = (sum(call("bench.measure", more)["cpu_us"].values()) - sum(first["cpu_us"].values())) / 20
    singles = first["single_events"]
    found["single_event_rps"] = round(singles["rps"])
    found["single_event_cpu_us"] = {name: round(spent) for name, spent in singles["cpu_us"].items()}
    say(f"{'single_event_rps':22}{singles['rps']:12,.0f} requests/s, CPU µs an event {found['single_event_cpu_us']}")
    for name in ("idle_p50_ms", "idle_p99_ms", "p99_ms_at_10k", "worker_rss_mb"):
        found[name] = round(first[name], 1)
        say(f"{name:22}{first[name]:12,.1f}")
    return found | {
        "sqlite_events_per_s": round(sqlite["events_per_s"]),
        "cost_growth_1m_to_10m": round(first["cost_growth"], 2),
        "us_per_added_subscription": round(added, 2),
        # syslog-ng is no part of this run yet.
        "vs_syslog_ng_memory": None,
        "vs_syslog_ng_disk": None,
    }


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of Kinesis, in under a minute")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each run publishes")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one; may be repeated")
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL where databases may be made")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as one object")
    options = parser.parse_args()
    targets = options.target or list(TARGETS)
    if options.quick:
        options.runs, options.seconds, targets = 1, 1.5, targets[:1]
    found = measure_all(options.server, targets, options.seconds, options.runs)
    if options.json:
        options.json.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
