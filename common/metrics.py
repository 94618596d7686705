"""What is counted for Prometheus. Every process of a host writes its own files; the web process adds them up.

Names, meanings and alert rules: docs/operations.md. The directory is chosen in config/settings.py.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from common.metric_files import use_numbers

use_numbers()

PREFIX = "event_subscriptions"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
LONG_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600, 86_400)

accepted = Counter(f"{PREFIX}_accepted_events", "Events stored and acknowledged.")
refused = Counter(f"{PREFIX}_refused_events", "Events with a fault, by its code.", ["code"])
accept_seconds = Histogram(f"{PREFIX}_accept_seconds", "Time to store a request.", buckets=SECONDS)
routed = Counter(f"{PREFIX}_routed_events", "Events that routing decided about.")
route_seconds = Histogram(f"{PREFIX}_route_seconds", "Time of one routing run.", buckets=SECONDS)
attempts = Counter(f"{PREFIX}_attempts", "Calls to targets.", ["target", "outcome"])
send_seconds = Histogram(f"{PREFIX}_send_seconds", "Time of one call to a target.", ["target"], buckets=SECONDS)
delivered = Counter(f"{PREFIX}_delivered_records", "Records that a target took.", ["target"])
dead = Counter(f"{PREFIX}_dead_records", "Records that became dead letters.", ["target"])
delivery_seconds = Histogram(
    f"{PREFIX}_delivery_seconds", "From routing to the target's answer.", ["target"], buckets=LONG_SECONDS
)


def registry_of_host() -> CollectorRegistry:
    """The sums over all processes of this host that ever wrote here."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
