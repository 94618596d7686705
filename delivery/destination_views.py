"""The health of one destination, and what all its pages show."""

from typing import Any
from zlib import crc32

from django.conf import settings
from django.db.models import Min, Prefetch, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from common.http import AccountRequest
from delivery.charts import DEFAULT_WINDOW, WINDOWS, chart_of
from delivery.health import DAY, Health, answers_of, arrival_times_of, health_of, waiting_for
from delivery.models import DeadLetter, Tally
from destinations.models import Destination
from destinations.standing import standing_of
from destinations.views import get_destination
from subscriptions.health import condition_of
from subscriptions.models import Source, Subscription

SUBSCRIPTIONS_SHOWN = 20
COUNTED = 1000
NO_CONTENT = 204


@require_GET
@vary_on_headers("HX-Request")
def destination(request: AccountRequest, pk: str) -> HttpResponse:
    """Its health; htmx asks for it every 10 s, 204 when nothing changed, and when another time is chosen."""
    found = get_destination(request, pk)
    window = WINDOWS.get(request.GET.get("range", ""), DEFAULT_WINDOW)
    chart = chart_of([Tally.objects.filter(destination=found)], window, _moments(found))
    context: dict[str, Any] = {
        "destination": found,
        "chart": chart,
        "windows": WINDOWS.values(),
        "as_table": request.GET.get("as") == "table",
    }
    context |= _health_context(found)
    version = crc32(repr((context["health"], context["standing"], found.retry_at, chart.buckets)).encode())
    if request.htmx and request.GET.get("version") == str(version):
        return HttpResponse(status=NO_CONTENT)
    template = "delivery/_health.html" if request.htmx else "delivery/destination.html"
    return render(request, template, {**context, "version": version})


def _moments(found: Destination) -> list[tuple[str, Any]]:
    return [] if found.state == Destination.State.ACTIVE else [(found.get_state_display(), found.state_since)]


def _health_context(found: Destination) -> dict[str, Any]:
    health = health_of(found)
    return {
        **head_context(found, "health", health),
        "health": health,
        "arrival_times": arrival_times_of(found),
        "answers": answers_of(found),
        **_users_of(found),
    }


def head_context(found: Destination, tab: str, health: Health | None = None) -> dict[str, Any]:
    """What delivery/destination_base.html shows on each page of a destination."""
    oldest = health.oldest_waiting if health else waiting_for(found).aggregate(oldest=Min("routed_at"))["oldest"]
    return {
        "destination": found,
        "standing": standing_of(found, oldest),
        "demo": settings.DEMO,
        "tab": tab,
        "dead_letters": DeadLetter.objects.filter(destination=found, replayed_as=None)[:COUNTED].count(),
    }


def _users_of(found: Destination) -> dict[str, Any]:
    """The subscriptions that send here, with what they matched in 24 h."""
    subscriptions = Subscription.objects.existing().filter(destinations=found).order_by("description", "pk")
    sources = Prefetch("sources", Source.objects.only("subscription", "event_type"))
    places = Prefetch("destinations", Destination.objects.only("description", "target", "config", "state"))
    light = subscriptions.only("description", "state").prefetch_related(sources, places)
    shown = list(light[: SUBSCRIPTIONS_SHOWN + 1])
    sums = Tally.objects.filter(subscription__in=shown, minute__gte=timezone.now() - DAY, destination=None)
    matched = dict(
        sums.order_by().values("subscription").annotate(total=Sum("matched")).values_list("subscription", "total")
    )
    rows = [
        {"subscription": each, "condition": condition_of(each), "matched": matched.get(each.pk, 0)}
        for each in shown[:SUBSCRIPTIONS_SHOWN]
    ]
    return {"users": rows, "has_more_users": len(shown) > SUBSCRIPTIONS_SHOWN}
