"""The credentials of a destination: until when they work, and exchanging them without a gap."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from destinations.credentials import expiry_of
from destinations.forms import ExpiryForm
from destinations.models import Destination
from destinations.rotation import rotated_names, rotation_form, start_rotation
from destinations.services import set_expiry
from destinations.targets import TargetForm
from destinations.views import UNPROCESSABLE, get_destination


@require_GET
@may_edit
def credentials(request: AccountRequest, pk: str) -> HttpResponse:
    destination = get_destination(request, pk)
    return _page(request, destination, rotation_form(destination), ExpiryForm(prefix="new"), _present(destination))


@require_POST
@may_edit
def save_expiry(request: AccountRequest, pk: str) -> HttpResponse:
    destination = get_destination(request, pk)
    form = ExpiryForm(request.POST)
    if not form.is_valid():
        return _page(request, destination, rotation_form(destination), ExpiryForm(prefix="new"), form)
    set_expiry(destination=destination, actor=Actor.person(request.user), on=form.cleaned_data["expires_on"])
    messages.success(request, "Saved. We warn 30, 7 and 1 days before.")
    return redirect("destinations:credentials", pk)


@require_POST
@may_edit
def rotate(request: AccountRequest, pk: str) -> HttpResponse:
    """Test what was typed; the run's page shows how it goes, and that it took over."""
    destination = get_destination(request, pk)
    fields, ends = rotation_form(destination, request.POST), ExpiryForm(request.POST, prefix="new")
    if not rotated_names(destination) or not (fields.is_valid() & ends.is_valid()):
        return _page(request, destination, fields, ends, _present(destination))
    run = start_rotation(
        destination=destination,
        config=fields.config(),
        secrets=fields.secrets(),
        expires_on=ends.cleaned_data["expires_on"],
        actor=Actor.person(request.user),
        user=request.user,
    )
    return redirect("destinations:test_run", run.pk)


def _present(destination: Destination) -> ExpiryForm:
    return ExpiryForm(initial={"expires_on": destination.credentials_expire_on})


def _page(
    request: AccountRequest, destination: Destination, fields: TargetForm, ends: ExpiryForm, present: ExpiryForm
) -> HttpResponse:
    names = rotated_names(destination)
    context: dict[str, Any] = {
        "destination": destination,
        "fields": fields,
        "rotated": [fields[name] for name in names],
        "ends": ends,
        "present": present,
        "expiry": expiry_of(destination, timezone.now()),
    }
    is_refused = fields.is_bound or present.is_bound
    status = UNPROCESSABLE if is_refused else 200
    return render(request, "destinations/credentials/credentials.html", context, status=status)
