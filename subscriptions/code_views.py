"""A subscription as code: of what is saved, and of what stands in the composer."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import may_edit
from common.http import AccountRequest
from subscriptions.as_code import snippets, subscription_as_code
from subscriptions.drafting.checking import check, places_of, specs_of
from subscriptions.drafting.form import read_content
from subscriptions.views import UNPROCESSABLE, get_subscription


@require_GET
def as_code(request: AccountRequest, pk: str) -> HttpResponse:
    subscription = get_subscription(request, pk)
    context = {"subscription": subscription, "snippets": subscription_as_code(subscription)}
    return render(request, "subscriptions/as_code.html", context)


@require_POST
@may_edit
def as_code_unsaved(request: AccountRequest) -> HttpResponse:
    """What stands in the composer; `subscription` names the one being edited. Nothing is saved."""
    pk = request.POST.get("subscription", "")
    subscription = get_subscription(request, pk) if pk else None
    content = read_content(request.POST)
    faults = check(content, request.account).summary()
    if faults:
        return render(request, "subscriptions/as_code.html", {"faults": faults}, status=UNPROCESSABLE)
    found = snippets(
        sources=specs_of(content),
        destination_ids=[place.pk for place in places_of(content, request.account)],
        description=content.description.strip(),
        metadata=content.metadata,
        pk=pk,
    )
    return render(request, "subscriptions/as_code.html", {"subscription": subscription, "snippets": found})
