"""Send test event, saved or not, and reading back what arrived at an emulated target."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.access import may_edit
from common.http import AccountRequest
from common.stages import is_news, stage_of
from destinations.forms import target_form
from destinations.models import Destination, TestRun
from destinations.opening import open_target
from destinations.outcome import DeliveryError
from destinations.targets import all_targets
from destinations.testing import start_test_run, summary
from destinations.views import UNPROCESSABLE, get_destination

ARRIVALS_SHOWN = 50
# How long a page asks for the steps of a test before it says that nobody works on it.
PATIENCE = timedelta(minutes=1)


@require_POST
@may_edit
def send_test(request: AccountRequest, pk: str) -> HttpResponse:
    destination = get_destination(request, pk)
    run = start_test_run(
        account=request.account,
        target=destination.target,
        config=destination.config,
        secrets=destination.secrets,
        destination=destination,
        started_by=request.user,
    )
    return _answer(request, run)


@require_POST
@may_edit
def send_test_unsaved(request: AccountRequest, target: str) -> HttpResponse:
    """Test what stands in the form, before it is saved; `destination` names the one being edited."""
    if target not in all_targets():
        raise Http404
    pk = request.POST.get("destination", "")
    destination: Destination | None = get_destination(request, pk) if pk else None
    fields = target_form(target, request.POST, destination)
    if not fields.is_valid():
        template = "destinations/_test_refused.html" if request.htmx else "destinations/test_refused.html"
        return render(request, template, {"fields": fields}, status=UNPROCESSABLE)
    run = start_test_run(
        account=request.account,
        target=target,
        config=fields.config(),
        secrets=fields.secrets(),
        started_by=request.user,
    )
    return _answer(request, run)


def _answer(request: AccountRequest, run: TestRun) -> HttpResponse:
    if request.htmx:
        return render(request, "destinations/_test_run.html", test_run_context(request, run))
    return redirect("destinations:test_run", run.pk)


@require_GET
@vary_on_headers("HX-Request")
def test_run(request: AccountRequest, run: int) -> HttpResponse:
    """One test, step by step; htmx polls this address until it is over."""
    found = get_object_or_404(TestRun.objects.select_related("destination"), account=request.account, pk=run)
    template = "destinations/_test_run.html" if request.htmx else "destinations/test_run.html"
    return render(request, template, test_run_context(request, found))


def test_run_context(request: AccountRequest, run: TestRun) -> dict[str, Any]:
    """What templates/destinations/_test_run.html needs."""
    is_waiting = run.state == TestRun.State.WAITING
    is_stuck = not run.is_over and not is_waiting and timezone.now() - run.created_at > PATIENCE
    counts = summary(run)
    stage = stage_of(_word_of(run, is_stuck=is_stuck), counts["done"], counts["of"])
    return {
        "run": run,
        "target": all_targets()[run.target],
        "is_stuck": is_stuck,
        "demo": settings.DEMO,
        "stage": stage,
        "is_news": is_news(request, stage),
        **counts,
    }


def _word_of(run: TestRun, *, is_stuck: bool) -> str:
    """Its state as somebody hears it: taken up by a worker, or tested again and again, it is still the same."""
    if is_stuck:
        return "stuck"
    if run.is_over:
        return run.state
    return "repeated" if run.repeats else "running"


@require_GET
def arrived(request: AccountRequest, pk: str) -> HttpResponse:
    """What an emulated target holds, newest first; in demo mode only."""
    if not settings.DEMO:
        raise Http404
    destination = get_destination(request, pk)
    target = open_target(destination.target, destination.config, destination.secrets, request.account)
    error, arrivals = "", []
    try:
        arrivals = target.arrivals(ARRIVALS_SHOWN)
    except DeliveryError as failure:
        error = str(failure)
    finally:
        target.close()
    rows = [
        {"where": arrival.where, "at": datetime.fromtimestamp(arrival.at_ms / 1000, UTC), "json": _parsed(arrival.data)}
        for arrival in arrivals
    ]
    return render(request, "destinations/arrived.html", {"destination": destination, "rows": rows, "error": error})


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return data.decode(errors="replace")
