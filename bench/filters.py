"""What a filter and a projection cost for each event, from its JSON on: `make bench`.

CPU time on one core, each figure the median of several short rounds. Other engines get the event decoded for
nothing, ours starts from bytes. `--json FILE` writes the figures for machines.
"""

import json
import os
import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

ROUNDS = 21
ROUND_SECONDS = 0.02
HTTP = "http_request_complete.v0"
PORTS = [80, 443, 8080, 8443, *range(8000, 8010), *range(9000, 9006)]
FILTERS = {
    "f1": "ev.conn.server_port == 443",
    "f2": r'ev.conn.server_name.matches(".*-your-org\\.ngrok\\.dev") && ev.conn.server_port == 80',
    "f3": 'ev.conn.client_ip != "2601:0:8200:0:4cd7:fd52:0:7823" && ev.conn.server_name == "x.ngrok.dev"',
    "f4": f'ev.conn.server_port in {PORTS} && ev.conn.server_name.endsWith(".ngrok.dev") && '
    'ev.conn.client_ip != "198.51.100.1" && ev.conn.client_ip != "198.51.100.2" && '
    '!ev.conn.server_name.startsWith("internal-") && ev.conn.server_ip.startsWith("3.") && '
    '(ev.conn.server_name.contains("your-org") || ev.conn.server_port == 8443) && '
    r'ev.conn.server_name.matches("^[a-z]+-your-org\\.ngrok\\.(dev|app)$")',
}
PROJECTED = (
    "conn.client_ip", "conn.server_name", "conn.server_port", "conn.start_ts", "http.request.method",
    "http.request.url.host", "http.request.url.path", "http.request.user_agent", "http.response.body_length",
    "http.response.status_code", "ja4_fingerprint", "tls.version",
)  # fmt: skip
# Without these the catalogue's example has the size of an ordinary event.
LEFT_OUT = ("Accept-Encoding", "User-Agent", "Content-Length", "Vary", "Content-Encoding", "Cache-Control")


def configure() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


def sample_event() -> bytes:
    """A complete event: all 35 fields, 1.3 to 1.5 kB, taken by all of FILTERS but the first two."""
    from events.catalog import catalog

    event = json.loads(json.dumps(catalog()[HTTP].example))
    event["conn"] |= {"server_name": "api-your-org.ngrok.dev", "server_port": 443, "server_ip": "3.125.0.4"}
    for headers in (event["http"]["request"]["headers"], event["http"]["response"]["headers"]):
        for name in LEFT_OUT:
            headers.pop(name, None)
    return orjson.dumps(event)


def microseconds(work: Callable[[], object]) -> float:
    """CPU time of one call, median over the rounds."""
    started = time.process_time()
    calls = 0
    while time.process_time() - started < ROUND_SECONDS:
        work()
        calls += 1
    figures = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(calls):
            work()
        figures.append((time.process_time() - started) / calls * 1e6)
    return statistics.median(figures)


def of_cel_expr_python(text: str, event: dict[str, Any]) -> float:
    from cel_expr_python import cel

    expression = cel.NewEnv(variables={"ev": cel.Type.DYN}).compile(text)
    return microseconds(lambda: expression.eval(data={"ev": event}).value())


def of_cel_python(text: str, event: dict[str, Any]) -> float:
    import celpy
    from celpy.adapter import json_to_cel

    environment = celpy.Environment()
    program = environment.program(environment.compile(text))
    activation = {"ev": json_to_cel(event)}
    return microseconds(lambda: program.evaluate(activation))


def of_hundred_filters(raw: bytes) -> float:
    """For each of a hundred filters on the same event, decoded once."""
    from events.catalog import catalog
    from events.filters import Reader, compile_filter

    one = 'ev.conn.server_port == {0} && ev.conn.server_name.startsWith("api") || ev.conn.client_ip == "10.0.0.{0}"'
    texts = [one.format(port) for port in range(393, 493)]
    filters = [compile_filter(text, catalog()[HTTP]) for text in texts]
    reader = Reader(field for each in filters for field in each.fields)

    def decide() -> None:
        event = reader.read(raw)
        for each in filters:
            each.decide(event, raw)

    return microseconds(decide) / len(filters)


def measure() -> dict[str, float]:
    from events.catalog import catalog
    from events.filters import compile_filter
    from events.projection import compile_projection

    raw = sample_event()
    event = orjson.loads(raw)
    figures, others, pure = {}, [], []
    for name, text in FILTERS.items():
        wanted = compile_filter(text, catalog()[HTTP])
        ours = figures[f"{name}_us"] = microseconds(lambda wanted=wanted: wanted.matches(raw))  # type: ignore[misc]
        others.append(of_cel_expr_python(text, event) / ours)
        pure.append(of_cel_python(text, event) / ours)
    projection = compile_projection(catalog()[HTTP], PROJECTED)
    return {
        **figures,
        # The least of the four filters.
        "vs_cel_expr_python": min(others),
        "vs_cel_python": min(pure),
        "hundred_filters_us_each": of_hundred_filters(raw),
        "projection_12_of_35_us": microseconds(lambda: projection.apply(raw)),
    }


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    configure()
    figures = {name: round(value, 3) for name, value in measure().items()}
    for name, value in figures.items():
        sys.stdout.write(f"{name:26} {value:8.2f}\n")
    if options.json:
        options.json.write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
