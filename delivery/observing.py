"""For machines that watch: `/metrics` for Prometheus, `/readyz` for load balancers."""

import ipaddress
import secrets
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from redis import RedisError

from common import metrics, wake
from common.clock import database_now
from delivery.disk import disk_use
from delivery.health import WAITING
from delivery.models import Delivery, Replay, RoutedBatch
from destinations.models import Destination
from events.models import EventBatch

log = structlog.get_logger(__name__)


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """503 when no event could be stored. Without Redis events are accepted and carried, only later."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM delivery_replay WHERE id = 0")
    except DatabaseError:
        log.exception("not_ready")
        return JsonResponse({"database": "unavailable"}, status=HTTPStatus.SERVICE_UNAVAILABLE)
    try:
        wake.connection().ping()
    except RedisError:
        return JsonResponse({"database": "ok", "queue": "unavailable"})
    return JsonResponse({"database": "ok", "queue": "ok"})


@require_safe
@login_not_required
def prometheus(request: HttpRequest) -> HttpResponse:
    """Counters of this host's processes and gauges of the whole installation; for loopback or with the token."""
    if not _may_read(request):
        return HttpResponse("Send METRICS_TOKEN as a bearer token.\n", status=HTTPStatus.FORBIDDEN)
    registry = metrics.registry_of_host()
    registry.register(_Gauges())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return secrets.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    # A proxy on this machine asks for others.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class _Gauges:
    """What the database says at this moment."""

    def collect(self) -> Iterator[Metric]:
        now = database_now()
        yield from _waiting(now)
        yield from _not_routed(now)
        yield from _destinations()
        yield _gauge("undecided_batches", "Batches that wait for a mended filter.", _undecided())
        yield _gauge("running_replays", "Replays under way.", Replay.objects.filter(state=Replay.State.RUNNING).count())
        yield from _disk()


def _waiting(now: datetime) -> Iterator[Metric]:
    records = GaugeMetricFamily(f"{metrics.PREFIX}_waiting_records", "Records on their way or held.", labels=["state"])
    oldest = GaugeMetricFamily(f"{metrics.PREFIX}_oldest_waiting_seconds", "Age of the oldest.", labels=["state"])
    rows = Delivery.objects.waiting().order_by().values("destination__state")
    for row in rows.annotate(records=Sum(WAITING), oldest=Min("routed_at")):
        state = [str(row["destination__state"])]
        records.add_metric(state, row["records"])
        oldest.add_metric(state, (now - row["oldest"]).total_seconds())
    yield records
    yield oldest


def _not_routed(now: datetime) -> Iterator[Metric]:
    found = EventBatch.objects.filter(routed_at=None).aggregate(
        events=Sum("count", default=0), oldest=Min("accepted_at")
    )
    age = (now - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    yield _gauge("unrouted_events", "Accepted events that wait for routing.", found["events"])
    yield _gauge("oldest_unrouted_seconds", "Age of the oldest of them.", age)


def _destinations() -> Iterator[Metric]:
    family = GaugeMetricFamily(
        f"{metrics.PREFIX}_destinations", "Destinations by target and state.", labels=["target", "state"]
    )
    rows = Destination.objects.existing().order_by().values("target", "state").annotate(number=Count("pk"))
    for row in rows:
        family.add_metric([row["target"], row["state"]], row["number"])
    yield family


def _undecided() -> int:
    return RoutedBatch.objects.filter(is_undecided=True).count()


def _disk() -> Iterator[Metric]:
    """The day on which the disk is full is only there where it is foreseen."""
    use = disk_use()
    yield _gauge("database_bytes", "Size of the database.", use.bytes)
    yield _gauge("database_levels_off_bytes", "Size at which as much is forgotten as comes in.", use.levels_off_at)
    if use.full_at is not None:
        told = "Time until the disk of the database is full at the present rate."
        yield _gauge("database_full_seconds", told, (use.full_at - use.at).total_seconds())


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{metrics.PREFIX}_{name}", told, value=value)
