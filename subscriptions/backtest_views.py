"""The figures of a backtest as they come, and the events behind them, one at a time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import may_edit
from common.http import AccountRequest
from common.ids import made_at
from destinations.models import Destination
from destinations.testing import start_test_run
from destinations.trial_views import test_run_context
from events.by_id import find_event
from events.catalog import catalog
from events.envelope import Envelope, encode
from events.filters.explain import Clause, explain
from events.projection import compile_projection
from subscriptions.backtest import KEPT, nudge
from subscriptions.backtest_figures import Reading, Sample, from_json
from subscriptions.models import Backtest

OUTCOMES = ("matched", "refused")
OUTCOME_COOKIE = "sample_outcome"
BAR_WIDTH = 600
BAR_GAP = 2
# A part that is there is seen, however small.
BAR_LEAST = 3


def get_backtest(request: AccountRequest, pk: str) -> Backtest:
    """The account's own run of the last hour; a foreign or expired one is as missing as a missing one."""
    fresh = Backtest.objects.filter(account=request.account, created_at__gt=timezone.now() - KEPT)
    return get_object_or_404(fresh, pk=pk)


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def backtest(request: AccountRequest, pk: str) -> HttpResponse:
    """The figures so far; the fragment asks again by itself until the run is over."""
    run = get_backtest(request, pk)
    nudge(run)
    template = "subscriptions/_backtest.html" if request.htmx else "subscriptions/backtest.html"
    return render(request, template, backtest_context(run))


def backtest_context(run: Backtest) -> dict[str, Any]:
    """What templates/subscriptions/_backtest.html needs."""
    reading = from_json(run.reading) if run.reading else None
    if reading is None:
        return {"run": run, "reading": None}
    span = timedelta(seconds=round(reading.span_seconds))
    return {"run": run, "reading": reading, "span": span, **_bar(reading)}


def _bar(reading: Reading) -> dict[str, int]:
    """Widths of the ledger bar's two parts, and where the second begins."""
    if not reading.total or not reading.estimated_matched:
        return {"bar_matched": 0, "bar_next": 0, "bar_refused": BAR_WIDTH}
    if not reading.estimated_refused:
        return {"bar_matched": BAR_WIDTH, "bar_next": BAR_WIDTH, "bar_refused": 0}
    matched = round(BAR_WIDTH * reading.estimated_matched / reading.total)
    matched = min(max(matched, BAR_LEAST), BAR_WIDTH - BAR_GAP - BAR_LEAST)
    return {"bar_matched": matched, "bar_next": matched + BAR_GAP, "bar_refused": BAR_WIDTH - BAR_GAP - matched}


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """A clause as a line of the list: `depth` from 0, `fate` names the icon."""

    clause: Clause
    depth: int

    @property
    def fate(self) -> str:
        return {"true": "passed", "false": "failed", "error": "warned"}.get(self.clause.verdict, "skipped")

    @property
    def label(self) -> str:
        return self.clause.text if self.clause.is_single else f"{self.clause.kind} of these"


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def sample(request: AccountRequest, pk: str) -> HttpResponse:
    """One event that was read: `outcome` matched or refused, `n` from 1.

    Which of the two somebody chose is remembered: while they type, each new run brings its own samples.
    """
    run = get_backtest(request, pk)
    if run.reading is None:
        raise Http404
    reading = from_json(run.reading)
    outcome = _outcome(request, reading)
    found = _samples(reading, outcome)
    number = request.GET.get("n", "1")
    index = min(max(int(number), 1), max(len(found), 1)) if number.isascii() and number.isdigit() else 1
    context = {"run": run, "reading": reading, "outcome": outcome, "n": index, "of": len(found)}
    if found:
        context |= _sample_context(run, found[index - 1])
    template = "subscriptions/_backtest_sample.html" if request.htmx else "subscriptions/backtest_sample.html"
    response = render(request, template, context)
    if request.GET.get("outcome") in OUTCOMES:
        response.set_cookie(OUTCOME_COOKIE, outcome, httponly=True, samesite="Lax", secure=request.is_secure())
    return response


def _outcome(request: AccountRequest, reading: Reading) -> str:
    """As asked for, else as chosen last; at first matched ones, if there are any."""
    for wanted in (request.GET.get("outcome"), request.COOKIES.get(OUTCOME_COOKIE)):
        if wanted in OUTCOMES:
            return wanted
    return "matched" if reading.matched else "refused"


def _samples(reading: Reading, outcome: str) -> list[Sample]:
    samples = [
        each
        for source in reading.sources
        for each in (source.refused_samples if outcome == "refused" else source.matched_samples)
    ]
    # The newest first, sources mixed; within one they are so already. Of an ID all below the second is random.
    return sorted(samples, key=lambda each: made_at(each.event_id), reverse=True)


def _sample_context(run: Backtest, shown: Sample) -> dict[str, Any]:
    event = find_event(run.account_id, shown.event_id)
    if event is None:
        return {"sample": shown, "event": None}
    source = _source_of(run, event)
    why = explain(source["filter"], catalog()[event.event_type], bytes(event.object)) if source["filter"] else None
    is_sent = shown.bytes_out is not None
    return {
        "sample": shown,
        "event": orjson.loads(encode(event)),
        "sent": _record_of(run, event) if is_sent else None,
        "places": _places_of(run) if is_sent else [],
        "why": why,
        "clauses": clause_rows(why) if why else [],
    }


def _source_of(run: Backtest, event: Envelope) -> dict[str, Any]:
    return next(each for each in run.sources if each["event_type"] == event.event_type)


def _record_of(run: Backtest, event: Envelope) -> dict[str, Any]:
    """What the run's sources would send of an event."""
    record: dict[str, Any] = orjson.loads(encode(event))
    fields = _source_of(run, event)["fields"]
    if fields is not None:
        projection = compile_projection(catalog()[event.event_type], fields)
        record["object"] = orjson.loads(projection.apply(bytes(event.object)))
    return record


def _places_of(run: Backtest) -> list[Destination]:
    own = Destination.objects.existing().filter(account=run.account_id, pk__in=run.destinations)
    return list(own.order_by("description", "pk"))


@require_POST
@may_edit
def send_sample(request: AccountRequest, pk: str, event_id: str) -> HttpResponse:
    """Send an event that the run matched, marked as a test, to one of the run's destinations."""
    run = get_backtest(request, pk)
    matched = _samples(from_json(run.reading), "matched") if run.reading else []
    place = next((each for each in _places_of(run) if each.pk == request.POST.get("test_destination")), None)
    event = find_event(run.account_id, event_id) if any(each.event_id == event_id for each in matched) else None
    if place is None or event is None:
        raise Http404
    test = start_test_run(
        account=request.account,
        target=place.target,
        config=place.config,
        secrets=place.secrets,
        destination=place,
        record=orjson.dumps({**_record_of(run, event), "test": True}),
        started_by=request.user,
    )
    if not request.htmx:
        return redirect("destinations:test_run", test.pk)
    return render(request, "subscriptions/_sent_sample.html", {**test_run_context(request, test), "place": place})


def clause_rows(root: Clause) -> list[ClauseRow]:
    """The list that a page shows: the parts of an outermost all or any stand at its left edge."""
    parts = root.children if root.kind in {"all", "any"} else (root,)
    return [row for part in parts for row in _rows(part, 0)]


def _rows(clause: Clause, depth: int) -> list[ClauseRow]:
    below = () if clause.is_single else clause.children
    return [ClauseRow(clause, depth), *(row for child in below for row in _rows(child, depth + 1))]
