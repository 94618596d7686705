"""Signing in and out, choosing a password, an account and a theme; the keys of an account."""

from allauth.account import views as allauth_views
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts import single_sign_on
from accounts.access import Action, needs
from accounts.audit import Actor
from accounts.cookies import remember
from accounts.forms import APIKeyForm, ChoosePasswordForm, ForgottenPasswordForm, NewPasswordForm, SignInForm
from accounts.middleware import ACCOUNT_COOKIE, memberships_of
from accounts.models import APIKey
from accounts.services import create_api_key, revoke_api_key
from common.choice import FEW, cleaned
from common.http import AccountRequest

HOME = "/"
THEMES = {"system", "light", "dark"}
DENSITIES = {"normal", "compact"}

sign_in = require_http_methods(["GET", "HEAD", "POST"])(
    allauth_views.LoginView.as_view(form_class=SignInForm, extra_context={"single_sign_on": single_sign_on})
)
sign_out = require_POST(allauth_views.logout)
forgotten_password = allauth_views.PasswordResetView.as_view(form_class=ForgottenPasswordForm)
new_password = allauth_views.PasswordResetFromKeyView.as_view(form_class=NewPasswordForm)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def choose_password(request: AccountRequest) -> HttpResponse:
    # Only in place of a one-time password: otherwise an open browser would be enough to take the account over.
    if not request.user.has_one_time_password:
        return redirect(HOME)
    form = ChoosePasswordForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        form.save()
        update_session_auth_hash(request, request.user)
        messages.success(request, "Your password is set. Use it from now on.")
        return redirect(_next_page(request))
    return render(request, "accounts/choose_password.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def choose_account(request: AccountRequest) -> HttpResponse:
    """A list with a search, of which the menu shows the beginning."""
    own = memberships_of(request.user)
    if request.method == "POST":
        chosen = get_object_or_404(own, account_id=cleaned(request.POST.get("account", "")))
        response = redirect(_next_page(request))
        remember(response, ACCOUNT_COOKIE, chosen.account_id)
        return response
    text = cleaned(request.GET.get("q", ""))
    found = list(own.filter(Q(account__name__icontains=text) | Q(account_id=text))[: FEW + 1])
    template = "accounts/_accounts.html" if request.htmx else "accounts/choose_account.html"
    return render(request, template, {"q": text, "found": found[:FEW], "more": len(found) > FEW})


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """The theme, the density of tables, or both."""
    response = redirect(_next_page(request))
    for name, allowed in (("theme", THEMES), ("density", DENSITIES)):
        value = request.POST.get(name, "")
        if value in allowed:
            remember(response, name, value)
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.MANAGE_KEYS)
def api_keys(request: AccountRequest) -> HttpResponse:
    form = APIKeyForm(request.POST if request.method == "POST" else None)
    token = ""
    if form.is_valid():
        _, token = create_api_key(
            account=request.account,
            actor=Actor.person(request.user),
            owner=request.user,
            scopes=form.cleaned_data["scopes"],
            description=form.cleaned_data["description"],
            expires_at=form.expires_at(),
        )
        form = APIKeyForm()
    keys = (
        APIKey.objects.filter(account=request.account, revoked_at=None).select_related("owner").order_by("-created_at")
    )
    # The token is in this one answer and nowhere else, so there is no redirect to a page that could show it again.
    context = {"form": form, "keys": keys, "token": token}
    return render(request, "accounts/api_keys.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.MANAGE_KEYS)
def revoke(request: AccountRequest, key_id: str) -> HttpResponse:
    key = get_object_or_404(APIKey, pk=key_id, account=request.account, revoked_at=None)
    if request.method == "POST":
        revoke_api_key(key=key, actor=Actor.person(request.user))
        messages.success(request, f"Revoked: {key}. Requests with it are refused from now on.")
        return redirect("accounts:api_keys")
    return render(request, "accounts/revoke_api_key.html", {"key": key, "question": f"Revoke {key}?"})


def _next_page(request: HttpRequest) -> str:
    page = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if is_ours else HOME
