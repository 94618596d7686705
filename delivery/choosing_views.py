"""The suggestions of a field that chooses one of many: htmx asks for them while somebody types."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from common.http import AccountRequest
from delivery.choosing import Choosing, destinations_to_choose, subscriptions_to_choose


@require_GET
def choose_subscription(request: AccountRequest) -> HttpResponse:
    return _suggest(request, subscriptions_to_choose(request.account))


@require_GET
def choose_destination(request: AccountRequest) -> HttpResponse:
    return _suggest(request, destinations_to_choose(request.account))


def _suggest(request: AccountRequest, choosing: Choosing) -> HttpResponse:
    """`of` names the parameter that holds what was typed: the field's own name."""
    suggestions, count = choosing.suggest(request.GET.get(request.GET.get("of", "q"), ""))
    context = {"suggestions": suggestions, "count": count, "noun": choosing.noun}
    return render(request, "components/_suggested.html", context)
