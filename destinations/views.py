"""Pages on where events go: the list, making and changing a destination. Its health belongs to delivery."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from common.ids import is_id
from destinations.forms import DestinationForm, target_form
from destinations.listing import STATES, find_destinations, page_of, rows_of
from destinations.models import Destination
from destinations.services import (
    create_destination,
    pause_destination,
    retry_destination_now,
    set_expiry,
    update_destination,
)
from destinations.setup.choices import choices
from destinations.targets import Target, TargetForm, all_targets

UNPROCESSABLE = 422
SAVED_MEANWHILE = (
    "It was changed while this page was open: now it is {name}, {where}. To put this in its place, save again."
)


def get_destination(request: AccountRequest, pk: str) -> Destination:
    """The account's own destination; a foreign one is as missing as a missing one."""
    if not is_id(pk, "ed"):
        raise Http404
    existing = Destination.objects.existing().select_related("account", "paused_by")
    return get_object_or_404(existing, account=request.account, pk=pk)


@require_GET
@vary_on_headers("HX-Request")
def destination_list(request: AccountRequest) -> HttpResponse:
    text, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    page = page_of(find_destinations(request.account, text, state), request.GET.get("page", ""))
    context = {"page": page, "rows": rows_of(page), "q": text, "state": state, "states": STATES}
    template = "destinations/_list_results.html" if request.htmx else "destinations/list.html"
    return render(request, template, context)


@require_GET
@may_edit
def choose_target(request: AccountRequest) -> HttpResponse:
    return render(request, "destinations/choose_target.html", {"choices": choices()})


@require_http_methods(["GET", "POST"])
@may_edit
def create(request: AccountRequest, target: str) -> HttpResponse:
    if target not in all_targets():
        raise Http404
    data = request.POST or None
    form, fields = DestinationForm(all_targets()[target], data), target_form(target, data)
    destination = made_from(request, target, form, fields)
    if destination:
        messages.success(request, f"{destination.name} is saved. Send it a test event to see that it works.")
        return redirect("delivery:destination", destination.pk)
    return _form_page(request, form, fields, all_targets()[target], None)


def made_from(request: AccountRequest, target: str, form: DestinationForm, fields: TargetForm) -> Destination | None:
    """The new destination; None where something is missing, wrong or over the account's limit, as the forms say."""
    if not (form.is_valid() & fields.is_valid()):
        return None
    try:
        return create_destination(
            account=request.account,
            actor=Actor.person(request.user),
            target=target,
            config=fields.config(),
            secrets=fields.secrets(),
            **form.values(fields),
        )
    except ValidationError as error:
        form.add_error(None, error)
        return None


@require_http_methods(["GET", "POST"])
@may_edit
def configuration(request: AccountRequest, pk: str) -> HttpResponse:
    destination = get_destination(request, pk)
    data = request.POST or None
    form = DestinationForm(destination.target_class, data, destination)
    fields = target_form(destination.target, data, destination)
    is_right = data is not None and form.is_valid() & fields.is_valid()
    if is_right and request.POST.get("revision") not in {None, str(destination.revision)}:
        form.add_error(None, SAVED_MEANWHILE.format(name=destination.name, where=destination.where))
    elif is_right:
        values, actor = form.values(fields), Actor.person(request.user)
        set_expiry(destination=destination, actor=actor, on=values.pop("credentials_expire_on"))
        update_destination(
            destination=destination,
            actor=actor,
            config=fields.config(),
            secrets=fields.secrets(),
            **values,
        )
        messages.success(request, "Saved. Records that wait go out with this configuration.")
        return redirect("delivery:destination", destination.pk)
    return _form_page(request, form, fields, destination.target_class, destination)


def _form_page(
    request: AccountRequest,
    form: DestinationForm,
    fields: TargetForm,
    target: type[Target],
    destination: Destination | None,
) -> HttpResponse:
    context = {
        "form": form,
        "fields": fields,
        "fields_template": f"destinations/targets/{target.slug}_form.html",
        "target": target,
        "destination": destination,
    }
    return render(request, "destinations/form.html", context, status=UNPROCESSABLE if form.is_bound else 200)


@require_POST
@may_edit
def pause(request: AccountRequest, pk: str) -> HttpResponse:
    actor = Actor.person(request.user)
    pause_destination(destination=get_destination(request, pk), user=request.user, actor=actor)
    messages.success(request, "Paused. Records are being held.")
    return redirect("delivery:destination", pk)


@require_POST
@may_edit
def retry(request: AccountRequest, pk: str) -> HttpResponse:
    retry_destination_now(destination=get_destination(request, pk))
    messages.success(request, "Waiting records are tried again now.")
    return redirect("delivery:destination", pk)
