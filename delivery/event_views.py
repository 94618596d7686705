"""Pages on events: what comes in now, and what became of one."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import orjson
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from common.http import AccountRequest
from common.ids import is_id
from delivery.decide import batch_events
from delivery.destination_views import NO_CONTENT
from delivery.fate import EventFate, Fate, State, fate_of
from delivery.live import latest_events
from destinations.models import Destination
from events.by_id import accepted_at
from events.catalog import EventType, families, get_event_type
from events.envelope import Envelope, encode
from events.filters import FilterError, compile_filter
from events.filters.explain import explain
from events.models import EventBatch
from subscriptions.models import Revision, Subscription

NOT_FOUND = 404
UNPROCESSABLE = 422
ROWS_SHOWN = 50
ID_SHOWN = 100
UNTAKEN = {State.NOT_SUBSCRIBED, State.FILTERED}

# Word, tone, icon: templates/components/_pill.html.
LOOKS = {
    State.NOT_ROUTED: ("Not routed yet", "held", "clock"),
    State.NOT_SUBSCRIBED: ("Not subscribed", "mute", "minus-circle"),
    State.FILTERED: ("Filtered", "mute", "funnel"),
    State.FILTER_ERROR: ("Filtered: error", "warn", "exclamation-triangle"),
    State.UNDECIDED: ("Undecided", "bad", "exclamation-triangle"),
    State.EXPIRED_UNDECIDED: ("Expired undecided", "bad", "x-circle"),
    State.NO_DESTINATION: ("No destination", "mute", "minus-circle"),
    State.HELD: ("Held", "held", "pause-circle"),
    State.WAITING: ("Waiting", "held", "clock"),
    State.DELIVERED: ("Delivered", "ok", "check-circle"),
    State.DEAD: ("Dead", "bad", "x-circle"),
    State.DISCARDED: ("Discarded", "mute", "trash"),
    State.MOVED: ("Moved", "mute", "arrow-right"),
    State.PRUNED: ("No longer known", "mute", "minus-circle"),
}
# Those that a sentence without figures explains.
WHY = {
    State.NOT_ROUTED: "It waits for the next routing run.",
    State.NOT_SUBSCRIBED: "It did not take events of this type.",
    State.NO_DESTINATION: "The subscription matched it, but had no destination then.",
    State.DISCARDED: "A person gave up what waited.",
    State.MOVED: "A person sent what waited to another destination.",
    State.PRUNED: "What was decided is older than what is kept.",
}


@require_GET
@vary_on_headers("HX-Request")
def events(request: AccountRequest) -> HttpResponse:
    """The newest events; htmx asks every 2 s for news, 204 when there are none."""
    if asked := request.GET.get("event", "").strip():
        return redirect("delivery:event", asked.replace("/", " ")[:ID_SHOWN])
    name, text = request.GET.get("type", ""), request.GET.get("filter", "").strip()
    event_type = get_event_type(name)
    wanted, error = None, ""
    if text and event_type is None:
        error = "Choose a type: a filter reads the fields of one."
    elif text and event_type is not None:
        try:
            wanted = compile_filter(text, event_type)
        except FilterError as fault:
            error = str(fault)
    tail = latest_events(request.account, event_type.name if event_type else "", wanted)
    version = crc32("".join(seen.event.event_id for seen in tail.events).encode())
    if request.htmx and request.GET.get("version") == str(version):
        return HttpResponse(status=NO_CONTENT)
    context = {
        "tail": tail,
        "version": version,
        "families": families(),
        "type": event_type,
        "filter": text,
        "filter_count": bool(event_type) + bool(text),
        "error": error,
        "is_paused": request.GET.get("paused") == "1",
    }
    template = "delivery/_events.html" if request.htmx else "delivery/events.html"
    return render(request, template, context, status=UNPROCESSABLE if error else 200)


@require_GET
def event(request: AccountRequest, event_id: str) -> HttpResponse:
    """What became of one event, subscription by subscription, and its payload."""
    fate = fate_of(request.account, event_id)
    if fate is None:
        made = accepted_at(event_id) if is_id(event_id, "ev") else None
        nothing = {"event_id": event_id, "made": made}
        return render(request, "delivery/no_event.html", nothing, status=NOT_FOUND)
    envelope, size = _payload(fate)
    event_type = get_event_type(fate.event_type)
    context = {
        "fate": fate,
        "rows": _rows(fate, event_type, envelope),
        "others": max(0, len(fate.fates) - ROWS_SHOWN),
        "type": event_type,
        "size": size,
        "payload": orjson.loads(encode(envelope)) if envelope else None,
    }
    response = render(request, "delivery/event.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _payload(fate: EventFate) -> tuple[Envelope | None, int]:
    kept = EventBatch.objects.exclude(payload=None)
    batch = kept.filter(pk=fate.batch_id).first() if fate.batch_id is not None else None
    if batch is None:
        return None, 0
    envelope = batch_events(batch)[fate.position]
    return envelope, len(encode(envelope))


def _rows(fate: EventFate, event_type: EventType | None, envelope: Envelope | None) -> list[dict[str, Any]]:
    """Those that took it first."""
    ordered = sorted(fate.fates, key=lambda each: (each.state in UNTAKEN, each.state == State.NOT_SUBSCRIBED))
    shown = ordered[:ROWS_SHOWN]
    subscriptions = Subscription.objects.in_bulk({each.subscription for each in shown})
    destinations = Destination.objects.light().in_bulk({each.destination for each in shown if each.destination})
    sources = _sources(shown)
    rows = []
    for each in shown:
        word, tone, icon = LOOKS[each.state]
        source = sources.get((each.subscription, each.revision), {})
        rows.append(
            {
                "fate": each,
                "subscription": subscriptions[each.subscription],
                "destination": destinations.get(each.destination),
                "word": word,
                "tone": tone,
                "icon": icon,
                "why": _why(each, source, event_type, envelope),
            }
        )
    return rows


def _sources(fates: Sequence[Fate]) -> dict[tuple[str, int | None], dict[str, Any]]:
    """By subscription and revision: event type to its filter, or None where it had none."""
    keys = {(each.subscription, each.revision) for each in fates}
    revisions = Revision.objects.filter(subscription__in={pk for pk, _ in keys}, number__in={n for _, n in keys if n})
    return {
        (revision.subscription_id, revision.number): {
            source["type"]: source.get("filter", "") for source in revision.snapshot["sources"]
        }
        for revision in revisions
    }


def _why(fate: Fate, sources: dict[str, Any], event_type: EventType | None, envelope: Envelope | None) -> str:
    if fate.state == State.FILTERED and event_type and envelope and sources.get(event_type.name):
        return explain(sources[event_type.name], event_type, bytes(envelope.object)).summary
    return fate.reason or WHY.get(fate.state, "")
