"""Account-wide facts and choices."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from common.http import AccountRequest


@require_safe
def account_settings(request: AccountRequest) -> HttpResponse:
    return render(request, "dashboard/settings.html")
