"""What becomes of the records that a destination holds: when it is resumed, emptied, deleted."""

from typing import Any, cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import may_edit
from accounts.audit import Actor
from common.choice import Shown
from common.http import AccountRequest
from common.templatetags.words import are
from delivery.choosing import Choosing, destinations_to_choose
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
    others = destinations_to_choose(request.account, without=pk)
    error = ""
    if request.method == "POST":
        how = request.POST.get("how", Resume.IN_ORDER)
        try:
            to = _taker(request, others, needed=how == Resume.MOVE)
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
        "others": _shown(others, request.POST.get("to", "")),
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
        count = discard_waiting(owner=found, actor=Actor.person(request.user))
        messages.success(request, f"{are(count, 'waiting record')} discarded.")
        return redirect("delivery:destination", pk)
    return render(request, "delivery/discard.html", {"destination": found, "waiting": count_waiting(destination=found)})


@require_http_methods(["GET", "POST"])
@may_edit
def delete(request: AccountRequest, pk: str) -> HttpResponse:
    """Refused while subscriptions send to it; asks what becomes of what waits, and for the name when anything does."""
    found = get_destination(request, pk)
    waiting = count_waiting(destination=found)
    others = destinations_to_choose(request.account, without=pk)
    error = ""
    if request.method == "POST":
        error = _delete(request, found, waiting, others)
        if not error:
            messages.success(request, f"{found.name} is deleted.")
            return redirect("destinations:list")
    context: dict[str, Any] = {
        "destination": found,
        "subscriptions": subscriptions_of(found),
        "waiting": waiting,
        "others": _shown(others, request.POST.get("to", "")),
        "leftover": request.POST.get("leftover", Leftover.DEAD_LETTERS),
        "to": request.POST.get("to", ""),
        "typed": request.POST.get("name", ""),
        "error": error,
    }
    return render(request, "delivery/delete_destination.html", context, status=UNPROCESSABLE if error else 200)


def _delete(request: AccountRequest, found: Destination, waiting: Waiting, others: Choosing) -> str:
    """Why it is refused; empty when it is done."""
    typed = request.POST.get("name", "").strip()
    if waiting.records and typed != found.name:
        return f"“{typed}” is not its name. Type {found.name}, exactly as it is written."
    try:
        leftover = Leftover(request.POST.get("leftover", Leftover.DEAD_LETTERS))
    except ValueError:
        return "Choose what becomes of the records that wait."
    try:
        to = _taker(request, others, needed=leftover == Leftover.MOVE)
        delete_destination_with(destination=found, actor=Actor.person(request.user), leftover=leftover, to=to)
    except (NotPossibleError, DestinationInUseError) as refused:
        return str(refused)
    return ""


def _taker(request: AccountRequest, others: Choosing, *, needed: bool) -> Destination | None:
    """The other destination, which nobody looks at where nothing is moved."""
    to, fault = others.read(request.POST.get("to", ""))
    if fault and needed:
        raise NotPossibleError(fault)
    return cast("Destination | None", to)


def _shown(others: Choosing, chosen: str) -> Shown | None:
    """None where there is no other."""
    return others.show("to", chosen) if others.own.exists() else None
