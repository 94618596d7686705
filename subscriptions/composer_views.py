"""The composer: one page on a draft. A GET writes nothing, the first change makes the draft, Save the subscription."""

import secrets

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from common.ids import is_id
from common.numbers import INTEGER_DIGITS, read_number
from events.catalog import get_event_type
from subscriptions.backtest import nudge
from subscriptions.backtest_figures import Reading
from subscriptions.backtest_views import get_backtest
from subscriptions.composer_page import Page, panel_context
from subscriptions.drafting.acts import perform
from subscriptions.drafting.checking import check
from subscriptions.drafting.content import Content, content_of, from_json
from subscriptions.drafting.form import read_content, revision_shown
from subscriptions.drafting.services import (
    DraftConflictError,
    discard_draft,
    keep_after_save,
    keep_draft,
    restore_draft,
    save_subscription,
)
from subscriptions.drafting.trying import Panel, latest_run, try_out
from subscriptions.models import Backtest, Draft
from subscriptions.views import UNPROCESSABLE, get_subscription

NO_CONTENT = 204
CONFLICT = 409
PICKERS = {"pick_sources": "subscriptions:pick_sources", "pick_destinations": "subscriptions:pick_destinations"}


def get_draft(request: AccountRequest, pk: str) -> Draft:
    """An open or saved draft of the account; a foreign one is as missing as a missing one."""
    return get_object_or_404(Draft.objects.joined(), discarded_at=None, account=request.account, pk=pk)


@require_http_methods(["GET", "POST"])
@may_edit
@vary_on_headers("HX-Request")
def create(request: AccountRequest) -> HttpResponse:
    if request.method == "POST":
        return _write(request, _posted_draft(request, Draft(account=request.account)))
    content = Content(destinations=request.GET.getlist("destination"))
    for name in request.GET.getlist("type"):
        if event_type := get_event_type(name):
            content.add_source(event_type)
    return _read(request, Draft(account=request.account), content)


@require_http_methods(["GET", "POST"])
@may_edit
@vary_on_headers("HX-Request")
def draft(request: AccountRequest, pk: str) -> HttpResponse:
    if request.method == "POST":  # Typing brings back what another tab discarded.
        return _write(request, get_object_or_404(Draft.objects.joined(), account=request.account, pk=pk))
    found = get_draft(request, pk)
    if found.saved_as_id:
        return redirect("subscriptions:detail", found.saved_as_id)
    return _read(request, found, from_json(found.content))


@require_http_methods(["GET", "POST"])
@may_edit
@vary_on_headers("HX-Request")
def edit(request: AccountRequest, pk: str) -> HttpResponse:
    """On the draft that somebody began, else on the present revision."""
    subscription = get_subscription(request, pk)
    base = revision_shown(request.POST, subscription)
    fresh = Draft(account=request.account, subscription=subscription, base_revision=base)
    if request.method == "POST":
        return _write(request, _posted_draft(request, fresh))
    begun = subscription.drafts.open().select_related("subscription", "updated_by").order_by("-updated_at").first()
    if begun is not None:
        return _read(request, begun, from_json(begun.content))
    return _read(request, fresh, content_of(subscription))


@require_POST
@may_edit
def restore(request: AccountRequest, pk: str) -> HttpResponse:
    found = get_object_or_404(Draft.objects.filter(saved_as=None), account=request.account, pk=pk)
    restore_draft(draft=found)
    messages.success(request, "The draft is back.")
    return redirect("subscriptions:draft", pk)


@require_POST
@may_edit
def preview(request: AccountRequest) -> HttpResponse:
    """The panel of a form that is no draft yet: what was chosen by the address, before the first change."""
    key = request.POST.get("draft", "")
    content = read_content(request.POST)
    page = Page(request, Draft(account=request.account), content, tab="", version=0)
    if is_id(key, "dr"):
        page.panel = try_out(request.account, key, content)
    return render(request, "subscriptions/_live.html", page.context())


@require_safe
@never_cache
def figures(request: AccountRequest, pk: str) -> HttpResponse:
    """The figures of a run as they come, for the panel, the conditions and the bar at the bottom."""
    run = get_backtest(request, pk)
    nudge(run)
    context = panel_context(Panel(run))
    context["passes"] = _passes(run, context["reading"])
    return render(request, "subscriptions/_figures.html", context)


def _passes(run: Backtest, reading: Reading | None) -> list[tuple[str, int | None]]:
    """How many pass each condition alone, by the ID of the figure beside it; only once all were read."""
    with_rows = {source["event_type"] for source in run.sources if source["conditions"]}
    if reading is None or not reading.is_complete:
        return []
    return [
        ("-".join([source.event_type.replace(".", "_"), "pass", *map(str, clause.place)]), clause.passes)
        for source in reading.sources
        if source.event_type in with_rows
        for clause in source.clauses
    ]


def _posted_draft(request: AccountRequest, fresh: Draft) -> Draft:
    """The page proposes the draft's ID, so that two quick presses make one draft and not two."""
    pk = request.POST.get("draft", "")
    if not is_id(pk, "dr"):
        return fresh
    stored = Draft.objects.select_related("subscription", "saved_as").filter(pk=pk).first()
    if stored is None:
        fresh.pk = pk
        return fresh
    if stored.account_id != request.account.pk or stored.subscription_id != fresh.subscription_id:
        raise Http404
    return stored


def _read(request: AccountRequest, draft: Draft, content: Content) -> HttpResponse:
    page = Page(request, draft, content, tab=secrets.token_hex(8), version=draft.version)
    page.panel = latest_run(request.account, draft.pk)
    return page.whole()


def _write(request: AccountRequest, draft: Draft) -> HttpResponse:
    content, act = read_content(request.POST), request.POST.get("act", "")
    if draft.saved_as_id:
        return _saved_already(request, draft, content, act)
    if act == "discard":
        return _discard(request, draft)
    if act == "theirs":
        return _go(request, _address(draft))
    focus = perform(content, act) if act else ""
    tab, version = request.POST.get("tab", "")[:32], read_number(request.POST.get("version"), INTEGER_DIGITS) or 0
    try:
        kept = keep_draft(
            draft=draft,
            content=content,
            user=request.user,
            tab=tab,
            seen_version=version,
            overwrite=act == "mine",
        )
    except DraftConflictError as error:
        return _conflict(Page(request, draft, content, tab, version, conflict=error.stored), act)
    page = Page(request, kept, content, tab, kept.version, focus=focus)
    return _save(page) if act == "save" else _answer(page, act)


def _saved_already(request: AccountRequest, draft: Draft, content: Content, act: str) -> HttpResponse:
    """A second press of Save is answered as the first; what was typed since (in another tab, or after Back) is kept."""
    if act not in {"discard", "theirs"}:
        typed = keep_after_save(draft=draft, content=content, user=request.user, tab=request.POST.get("tab", "")[:32])
        if typed is not None:
            messages.warning(request, "This draft was saved before. What you typed since is kept here, not saved yet.")
            return _go(request, _address(typed))
    if request.htmx and not act:  # What was on its way as Save was pressed: the page is about to leave by itself.
        return HttpResponse(status=NO_CONTENT)
    return _go(request, reverse("subscriptions:detail", args=[draft.saved_as_id]))


def _conflict(page: Page, act: str) -> HttpResponse:
    """Nothing is stored; what was typed stays in the page, with the choice whose version is kept."""
    page.panel = latest_run(page.request.account, page.draft.pk)
    if page.request.htmx and not act:
        return page.live()
    return page.whole(status=200 if page.request.htmx else CONFLICT)


def _answer(page: Page, act: str) -> HttpResponse:
    page.panel = try_out(page.request.account, page.draft.pk, page.content, page.draft.subscription)
    if act in PICKERS:
        address = reverse(PICKERS[act], args=[page.draft.pk])
        return redirect(address)
    if act.startswith(("as_conditions:", "as_text:")):
        page.asked = act.partition(":")[2]
    if not page.request.htmx:
        if page.asked:
            return page.whole()
        return redirect(f"{_address(page.draft)}#{page.focus}" if page.focus else _address(page.draft))
    response = page.whole() if act else page.live()
    if page.draft.subscription is None:
        response.headers["HX-Replace-Url"] = _address(page.draft)
    return response


def _save(page: Page) -> HttpResponse:
    request = page.request
    page.faults = check(page.content, request.account)
    page.panel = latest_run(request.account, page.draft.pk)
    if page.faults.summary():
        return page.whole(status=UNPROCESSABLE)
    changed = page.draft.subscription
    before = changed.revision if changed else 0
    if changed and revision_shown(request.POST, changed) < before:
        page.problem = (
            f"Revision {before} was saved while this page was open. To put this in its place, press Save again."
        )
        return page.whole(status=UNPROCESSABLE)
    try:
        saved = save_subscription(draft=page.draft, actor=Actor.person(request.user))
    except ValidationError as error:
        page.problem = " ".join(error.messages)
        return page.whole(status=UNPROCESSABLE)
    if before == saved.revision:
        messages.info(request, f"It is as it was before: revision {saved.revision} stays in force.")
    else:
        message = f"Saved as revision {saved.revision}." if before else "Saved."
        messages.success(request, f"{message} Events from now on use it.")
    return _go(request, reverse("subscriptions:detail", args=[saved.pk]))


def _discard(request: AccountRequest, draft: Draft) -> HttpResponse:
    discard_draft(draft=draft)
    back = reverse("subscriptions:list")
    return _go(request, f"{back}?discarded={draft.pk}")


def _address(draft: Draft) -> str:
    return reverse("subscriptions:draft", args=[draft.pk])


def _go(request: AccountRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
