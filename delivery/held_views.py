"""What becomes of the records that a destination holds: when it is resumed, emptied, deleted."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from common.ids import is_id
from common.selects import MOST_OPTIONS, options_of
from common.templatetags.words import are
from delivery.held import (
    Leftover,
    NotPossibleError,
    Resume,
    Waiting,
    count_waiting,
    delete_destination_with,
    discard_waiting,
)
from delivery.held import resume as resume_held
from destinations.models import Destination
from destinations.services import DestinationInUseError, subscriptions_of
from destinations.views import UNPROCESSABLE, get_destination


@require_http_methods(["GET", "POST"])
@may_edit
def resume(request: AccountRequest, pk: str) -> HttpResponse:
    """Let a destination go on, after the choice what becomes of the records that it held."""
    found = get_destination(request, pk)
    others = _others(request, pk)
    error = ""
    if request.method == "POST":
        how = request.POST.get("how", Resume.IN_ORDER)
        to = _chosen(request, others)
        try:
            taken = resume_held(destination=found, how=Resume(how), to=to, actor=Actor.person(request.user))
        except NotPossibleError as refused:
            error = str(refused)
        except ValueError:
            error = "Choose what becomes of the records that wait."
        else:
            messages.success(request, _resumed(Resume(how), taken, to))
            return redirect("delivery:destination", pk)
    context = {
        "destination": found,
        "waiting": count_waiting(destination=found),
        "others": _options(others, request.POST.get("to", "")),
        "how": request.POST.get("how", Resume.IN_ORDER),
        "to": request.POST.get("to", ""),
        "error": error,
    }
    return render(request, "delivery/resume.html", context, status=UNPROCESSABLE if error else 200)


def _resumed(how: Resume, taken: int, to: Destination | None) -> str:
    if how == Resume.SKIP:
        return f"Resumed. {are(taken, 'held record')} discarded; what comes in from now on is sent."
    if how == Resume.MOVE and to is not None:
        return f"Resumed. {taken:,} held record{' goes' if taken == 1 else 's go'} to {to.name}."
    return f"Resumed. Held records go out{', the newest first' if how == Resume.NEWEST_FIRST else ' in order'}."


@require_http_methods(["GET", "POST"])
@may_edit
def discard(request: AccountRequest, pk: str) -> HttpResponse:
    found = get_destination(request, pk)
    if request.method == "POST":
        count = discard_waiting(destination=found, actor=Actor.person(request.user))
        messages.success(request, f"{are(count, 'waiting record')} discarded.")
        return redirect("delivery:destination", pk)
    return render(request, "delivery/discard.html", {"destination": found, "waiting": count_waiting(destination=found)})


@require_http_methods(["GET", "POST"])
@may_edit
def delete(request: AccountRequest, pk: str) -> HttpResponse:
    """Refused while subscriptions send to it; asks what becomes of what waits, and for the name when anything does."""
    found = get_destination(request, pk)
    waiting = count_waiting(destination=found)
    others = _others(request, pk)
    error = ""
    if request.method == "POST":
        to = _chosen(request, others)
        error = _delete(request, found, waiting, to)
        if not error:
            messages.success(request, f"{found.name} is deleted.")
            return redirect("destinations:list")
    context: dict[str, Any] = {
        "destination": found,
        "subscriptions": subscriptions_of(found),
        "waiting": waiting,
        "others": _options(others, request.POST.get("to", "")),
        "leftover": request.POST.get("leftover", Leftover.DEAD_LETTERS),
        "to": request.POST.get("to", ""),
        "typed": request.POST.get("name", ""),
        "error": error,
    }
    return render(request, "delivery/delete_destination.html", context, status=UNPROCESSABLE if error else 200)


def _delete(request: AccountRequest, found: Destination, waiting: Waiting, to: Destination | None) -> str:
    """Why it is refused; empty when it is done."""
    typed = request.POST.get("name", "").strip()
    if waiting.records and typed != found.name:
        return f"“{typed}” is not its name. Type {found.name}, exactly as it is written."
    try:
        leftover = Leftover(request.POST.get("leftover", Leftover.DEAD_LETTERS))
    except ValueError:
        return "Choose what becomes of the records that wait."
    try:
        delete_destination_with(destination=found, actor=Actor.person(request.user), leftover=leftover, to=to)
    except (NotPossibleError, DestinationInUseError) as refused:
        return str(refused)
    return ""


def _others(request: AccountRequest, pk: str) -> QuerySet[Destination]:
    places = Destination.objects.light().existing().filter(account=request.account)
    return places.exclude(pk=pk).order_by("description", "pk")


def _options(others: QuerySet[Destination], chosen: str) -> SafeString:
    return options_of(((each.pk, each.name) for each in others[:MOST_OPTIONS]), chosen)


def _chosen(request: AccountRequest, others: QuerySet[Destination]) -> Destination | None:
    pk = request.POST.get("to", "")
    return others.filter(pk=pk).first() if is_id(pk, "ed") else None
