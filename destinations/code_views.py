"""A destination as code: of what is saved, and of what stands in the form."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import may_edit
from common.http import AccountRequest
from destinations.as_code import destination_as_code, snippets
from destinations.forms import DestinationForm, target_form
from destinations.targets import all_targets
from destinations.views import UNPROCESSABLE, get_destination


@require_GET
def as_code(request: AccountRequest, pk: str) -> HttpResponse:
    destination = get_destination(request, pk)
    context = {"destination": destination, "snippets": destination_as_code(destination)}
    return render(request, "destinations/as_code.html", context)


@require_POST
@may_edit
def as_code_unsaved(request: AccountRequest, target: str) -> HttpResponse:
    """What stands in the form; `destination` names the one being edited. Nothing is saved, no secret comes back."""
    if target not in all_targets():
        raise Http404
    pk = request.POST.get("destination", "")
    destination = get_destination(request, pk) if pk else None
    form = DestinationForm(all_targets()[target], request.POST, destination)
    fields = target_form(target, request.POST, destination)
    if not (form.is_valid() & fields.is_valid()):
        return render(request, "destinations/as_code.html", {"form": form, "fields": fields}, status=UNPROCESSABLE)
    found = snippets(
        slug=target,
        config=fields.config(),
        secrets=fields.secrets(),
        settings=form.cleaned_data,
        pk=pk,
        format_=destination.format if destination else "json",
    )
    return render(request, "destinations/as_code.html", {"destination": destination, "snippets": found})
