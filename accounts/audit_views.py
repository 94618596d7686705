"""The audit trail of an account."""

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Action, needs
from accounts.actors import Actors, names_of
from accounts.models import AuditEntry
from accounts.trail import TrailForm, difference, export_lines, name_of_object, way_of, words_of
from common.http import AccountRequest
from common.paging import keyset_page

PAGE_SIZE = 50


@require_safe
@needs(Action.SEE_AUDIT)
def audit_trail(request: AccountRequest) -> HttpResponse:
    form = TrailForm(request.GET, account=request.account)
    page = keyset_page(form.entries(), request.GET.dict(), PAGE_SIZE)
    names = names_of(entry.actor_id for entry in page.rows)
    rows = [
        {
            "entry": entry,
            "who": names[entry.actor_id],
            "what": words_of(entry.event_type),
            "about": name_of_object(entry),
            "way": way_of(entry),
        }
        for entry in page.rows
    ]
    chosen = sum(bool(request.GET.get(name)) for name in form.fields)
    context = {"form": form, "rows": rows, "page": page, "filter_count": chosen, "query": _filters(request)}
    return render(request, "accounts/audit_trail.html", context, status=422 if form.errors else 200)


@require_safe
@needs(Action.SEE_AUDIT)
def audit_entry(request: AccountRequest, pk: int) -> HttpResponse:
    entry = get_object_or_404(AuditEntry, account=request.account, pk=pk)
    context = {
        "entry": entry,
        "who": names_of([entry.actor_id])[entry.actor_id],
        "what": words_of(entry.event_type),
        "way": way_of(entry),
        "about": name_of_object(entry),
        "lines": difference(entry.before, entry.after),
    }
    return render(request, "accounts/audit_entry.html", context)


@require_safe
@needs(Action.SEE_AUDIT)
def audit_actors(request: AccountRequest) -> HttpResponse:
    """Suggestions for "Who": `of` names the parameter that holds what was typed."""
    suggestions, count = Actors(request.account).suggest(request.GET.get(request.GET.get("of", "q"), ""))
    context = {"suggestions": suggestions, "count": count, "noun": "actor"}
    return render(request, "components/_suggested.html", context)


@require_safe
@needs(Action.SEE_AUDIT)
def export_audit_trail(request: AccountRequest) -> StreamingHttpResponse | HttpResponse:
    """The entries that the filters leave, as NDJSON."""
    form = TrailForm(request.GET, account=request.account)
    if not form.is_valid():
        return HttpResponse(
            "A filter is not valid: correct it on the page first.\n", status=422, content_type="text/plain"
        )
    response = StreamingHttpResponse(export_lines(form.entries()), content_type="application/x-ndjson")
    response.headers["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%Y-%m-%d}.ndjson"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _filters(request: AccountRequest) -> str:
    wanted = request.GET.copy()
    for name in ("before", "after"):
        wanted.pop(name, None)
    return wanted.urlencode()
