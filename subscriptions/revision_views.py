"""Who changed what and when, going back, and beginning another subscription like this one."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import may_edit
from accounts.audit import Actor
from common.choice import FEW
from common.http import AccountRequest
from common.ids import new_id
from common.numbers import INTEGER_DIGITS, read_number
from common.paging import keyset_page
from destinations.models import Destination
from subscriptions.drafting.content import content_of
from subscriptions.drafting.services import keep_draft
from subscriptions.models import Draft, Revision, Subscription
from subscriptions.revising import Change, changes_between, roll_back
from subscriptions.views import UNPROCESSABLE, get_subscription

PAGE_SIZE = 50


@require_safe
def revisions(request: AccountRequest, pk: str) -> HttpResponse:
    subscription = get_subscription(request, pk)
    page = keyset_page(subscription.revisions.all(), request.GET, PAGE_SIZE)
    return render(request, "subscriptions/revisions.html", {"subscription": subscription, "page": page})


@require_safe
def revision(request: AccountRequest, pk: str, number: int) -> HttpResponse:
    """What it was, and how it differs from the one before, or from another one."""
    subscription = get_subscription(request, pk)
    shown = get_object_or_404(subscription.revisions, number=number)
    wanted = read_number(request.GET.get("against"), INTEGER_DIGITS)
    against = number - 1 if wanted is None else wanted
    other = subscription.revisions.filter(number=against).first()
    context = {
        "subscription": subscription,
        "shown": shown,
        "other": other,
        "changes": _changes(subscription, other, shown) if other else [],
        "against": against or "",
        "missing": wanted if wanted and not other else "",
        # More than a select is good for are chosen by their number.
        "numbers": list(subscription.revisions.exclude(number=number).values_list("number", flat=True)[: FEW + 1]),
        "few": FEW,
    }
    return render(request, "subscriptions/revision.html", context)


def _changes(subscription: Subscription, before: Revision, after: Revision) -> list[Change]:
    ids = {*before.snapshot["destinations"], *after.snapshot["destinations"]}
    # Deleted ones too: their names are still known.
    places = Destination.objects.filter(account=subscription.account).in_bulk(ids)
    return changes_between(before.snapshot, after.snapshot, {key: place.name for key, place in places.items()})


@require_http_methods(["GET", "POST"])
@may_edit
def roll_back_to(request: AccountRequest, pk: str, number: int) -> HttpResponse:
    subscription = get_subscription(request, pk)
    chosen = get_object_or_404(subscription.revisions, number=number)
    current = get_object_or_404(subscription.revisions, number=subscription.revision)
    error = ""
    if request.method == "POST":
        try:
            saved = roll_back(subscription=subscription, revision=chosen, actor=Actor.person(request.user))
        except ValidationError as refused:
            error = f"Revision {number} cannot be taken over as it is: {' '.join(refused.messages)}"
        else:
            messages.success(request, f"Rolled back to revision {number}, as revision {saved.revision}.")
            return redirect("subscriptions:detail", pk)
    context = {
        "subscription": subscription,
        "chosen": chosen,
        "changes": _changes(subscription, current, chosen),
        "error": error,
    }
    return render(request, "subscriptions/roll_back.html", context, status=UNPROCESSABLE if error else 200)


@require_POST
@may_edit
def duplicate(request: AccountRequest, pk: str) -> HttpResponse:
    """As a draft: nothing is sent twice before somebody has looked at it."""
    subscription = get_subscription(request, pk)
    content = content_of(subscription)
    content.description = f"{subscription.name[:240]} (copy)"
    draft = keep_draft(
        draft=Draft(pk=new_id("dr"), account=request.account),
        content=content,
        user=request.user,
        tab="",
        seen_version=0,
    )
    messages.success(request, "This is a copy. It sends nothing until you save it.")
    return redirect("subscriptions:draft", draft.pk)
