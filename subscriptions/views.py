"""Stopping a subscription and letting it go on. Composing is in composer_views.py; what was carried, in dashboard."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from subscriptions.models import Subscription
from subscriptions.services import update_subscription

UNPROCESSABLE = 422


def get_subscription(request: AccountRequest, pk: str) -> Subscription:
    """The account's own subscription; a foreign one is as missing as a missing one."""
    existing = Subscription.objects.existing().select_related("account").prefetch_related("sources", "destinations")
    return get_object_or_404(existing, account=request.account, pk=pk)


@require_POST
@may_edit
def pause(request: AccountRequest, pk: str) -> HttpResponse:
    return _set_state(request, pk, Subscription.State.PAUSED, "Paused. It goes on capturing; records are being held.")


@require_POST
@may_edit
def resume(request: AccountRequest, pk: str) -> HttpResponse:
    return _set_state(request, pk, Subscription.State.ACTIVE, "Active. Held records go out in order.")


@require_http_methods(["GET", "POST"])
@may_edit
def switch_off(request: AccountRequest, pk: str) -> HttpResponse:
    if request.method == "GET":
        return render(request, "subscriptions/switch_off.html", {"subscription": get_subscription(request, pk)})
    message = "Switched off. From now on its events are not captured and cannot be sent later."
    return _set_state(request, pk, Subscription.State.OFF, message)


def _set_state(request: AccountRequest, pk: str, state: str, message: str) -> HttpResponse:
    subscription = get_subscription(request, pk)
    update_subscription(subscription=subscription, actor=Actor.person(request.user), state=state)
    messages.success(request, message)
    return redirect("subscriptions:detail", pk)
