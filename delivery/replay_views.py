"""Pages on replays: what one would do, starting it, watching it, pausing and cancelling it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from common.paging import keyset_page
from common.stages import is_news, stage_of
from delivery.forms import ReplayForm
from delivery.models import Replay
from delivery.replay import cancel_replay, pause_replay, resume_replay, start_replay
from delivery.replay_outcome import outcome_of
from delivery.replay_preview import Preview, preview
from delivery.replay_scope import ReplayRefusedError
from destinations.views import UNPROCESSABLE

PAGE_SIZE = 50
STOP_POLLING = 286

# Tone and icon of a state: templates/components/_pill.html.
LOOKS = {
    Replay.State.RUNNING: ("accent", "play"),
    Replay.State.PAUSED: ("held", "pause-circle"),
    Replay.State.DONE: ("ok", "check-circle"),
    Replay.State.CANCELLED: ("mute", "stop-circle"),
    Replay.State.FAILED: ("bad", "x-circle"),
}


@require_GET
def replay_list(request: AccountRequest) -> HttpResponse:
    own = Replay.objects.filter(account=request.account).select_related("subscription", "destination")
    page = keyset_page(own, request.GET, PAGE_SIZE)
    rows = [(replay, *LOOKS[Replay.State(replay.state)]) for replay in page.rows]
    return render(request, "delivery/replays.html", {"page": page, "rows": rows})


@require_http_methods(["GET", "POST"])
@may_edit
def new_replay(request: AccountRequest) -> HttpResponse:
    """GET shows the form, with the preview when it is filled in; POST starts it."""
    is_asked = request.method == "POST" or "preview" in request.GET
    data = (request.POST if request.method == "POST" else request.GET) if is_asked else None
    form = ReplayForm(data, account=request.account, initial=None if is_asked else request.GET.dict())
    found: Preview | None = None
    if is_asked and form.is_valid():
        try:
            if request.method == "POST":
                replay = start_replay(
                    form.wanted(), created_by=str(request.user)[:100], actor=Actor.person(request.user)
                )
                messages.success(request, "The replay runs.")
                return redirect("delivery:running_replay", replay.pk)
            found = preview(form.wanted())
        except ReplayRefusedError as refused:
            form.add_error(None, str(refused))
    status = UNPROCESSABLE if is_asked and form.errors else 200
    return render(request, "delivery/new_replay.html", {"form": form, "preview": found}, status=status)


@require_GET
@vary_on_headers("HX-Request")
def running_replay(request: AccountRequest, pk: int) -> HttpResponse:
    """How far it is; htmx asks every 2 s until it is over."""
    found = _get(request, pk)
    if request.htmx and request.GET.get("part") == "outcome":
        return render(request, "delivery/_replay_outcome.html", {"replay": found, "outcome": outcome_of(found)})
    tone, icon = LOOKS[Replay.State(found.state)]
    stage = stage_of(found.state, found.batches_done, found.batches_total)
    context: dict[str, Any] = {"replay": found, "tone": tone, "icon": icon, "stage": stage}
    context["is_news"] = is_news(request, stage)
    if request.htmx:
        status = 200 if found.state == Replay.State.RUNNING else STOP_POLLING
        return render(request, "delivery/_replay.html", context, status=status)
    return render(request, "delivery/replay.html", {**context, "outcome": outcome_of(found)})


def _get(request: AccountRequest, pk: int) -> Replay:
    own = Replay.objects.filter(account=request.account).select_related("subscription", "destination")
    return get_object_or_404(own, pk=pk)


@require_POST
@may_edit
def pause(request: AccountRequest, pk: int) -> HttpResponse:
    done = pause_replay(replay=_get(request, pk), actor=Actor.person(request.user))
    return _told(request, pk, done, "Paused. What was handed on already goes out.")


@require_POST
@may_edit
def resume(request: AccountRequest, pk: int) -> HttpResponse:
    done = resume_replay(replay=_get(request, pk), actor=Actor.person(request.user))
    return _told(request, pk, done, "It goes on where it stopped.")


@require_POST
@may_edit
def cancel(request: AccountRequest, pk: int) -> HttpResponse:
    done = cancel_replay(replay=_get(request, pk), actor=Actor.person(request.user))
    return _told(request, pk, done, "Cancelled. What was handed on already goes out.")


def _told(request: AccountRequest, pk: int, done: bool, words: str) -> HttpResponse:
    if done:
        messages.success(request, words)
    else:
        messages.info(request, "Nothing was changed: the replay is no longer in a state for this.")
    return redirect("delivery:running_replay", pk)
