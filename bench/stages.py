"""How many events a second each stage takes, one after the other in one process: `make bench`.

A first measure, to see where the time goes and how cost grows; each figure is the median of several runs.
"""

import os
import statistics
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import orjson

REQUEST_EVENTS = 1000
HTTP = "http_request_complete.v0"
FILTER = 'ev.conn.server_port == 443 && ev.conn.server_name.startsWith("api.")'


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing: printing would be measured too."""


def start_receiver() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def configure() -> None:
    data = Path(tempfile.mkdtemp(prefix="es-bench-"))
    os.environ.update(
        {
            "DATA_DIR": str(data),
            "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL", ""),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "DEMO": "true",
            "DEMO_DATADOG_URL": start_receiver(),
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run(requests: int) -> dict[str, float]:
    """Events a second of accepting, routing and draining `requests` requests of 1,000 events."""
    from accounts.models import Account
    from delivery.drain import drain
    from delivery.route import route_account
    from events.publishing import Publisher, publish_body
    from events.simulator import generate
    from subscriptions.services import SourceSpec
    from tests.factories import make_destination, make_subscription

    account = Account.objects.create(name="Bench")
    destination = make_destination(account)
    fields = ["conn.client_ip", "conn.server_name", "http.request.method", "http.response.status_code"]
    make_subscription(account, destination, sources=[SourceSpec(HTTP, FILTER, fields)])
    events = generate(seed=1, types=[HTTP])
    bodies = [b"\n".join(map(orjson.dumps, islice(events, REQUEST_EVENTS))) for _ in range(requests)]
    publisher = Publisher("bench", account.pk)
    total = requests * REQUEST_EVENTS
    accepting = timed(lambda: [publish_body(body, publisher=publisher) for body in bodies])
    routing = timed(lambda: route_account(account.pk))
    records = sum(destination.deliveries.values_list("count", flat=True))

    def drain_all() -> None:
        while drain(destination.pk).is_more:
            pass

    draining = timed(drain_all)
    return {"accepted": total / accepting, "routed": total / routing, "drained": records / draining}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20, help="requests of 1,000 events a run")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    configure()
    runs = [run(options.requests) for _ in range(options.runs)]
    for stage in runs[0]:
        rates = [each[stage] for each in runs]
        sys.stdout.write(
            f"{stage:9} {statistics.median(rates):10,.0f} a second  [{min(rates):,.0f} to {max(rates):,.0f}]\n"
        )


if __name__ == "__main__":
    main()
