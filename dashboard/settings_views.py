"""Account-wide facts and choices."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from common.http import AccountRequest
from delivery.disk import disk_use


@require_safe
def account_settings(request: AccountRequest) -> HttpResponse:
    # The disk is everybody's, so it concerns those who run the installation.
    context = {"disk": disk_use() if request.user.is_staff else None}
    return render(request, "dashboard/settings.html", context)
