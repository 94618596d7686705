"""Every page needs a person and the account they look at."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url

from accounts.models import Membership, User
from accounts.origin import origin_of
from accounts.two_factor import lacks_second_factor
from common.api_requests import is_api
from common.choice import FEW

ACCOUNT_COOKIE = "account"
SIGNED_OUT = (
    "You were signed out before this was sent, so nothing was changed. What you typed is still in the page before: "
    "sign in in another tab, then go back to it and send it again."
)
# These answer before a password is chosen: choosing it, leaving, and the admin, which staff reach by their own.
OPEN_WITH_ONE_TIME_PASSWORD = {"choose_password", "account_logout"}
# These answer without an account, and without the second factor that an account asks for.
OPEN_WITHOUT_ACCOUNT = OPEN_WITH_ONE_TIME_PASSWORD | {"new_account", "invitation", "choose_account", "set_theme"}
OPEN_WITHOUT_ACCOUNT |= {"sign_in_security", "change_password", "end_sessions"}
OPEN_WITHOUT_ACCOUNT |= {"account_reauthenticate", "mfa_reauthenticate", "mfa_activate_totp"}
OPEN_WITHOUT_ACCOUNT |= {"mfa_view_recovery_codes", "mfa_download_recovery_codes"}


def keep_origin(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Let every audit entry of this request name its address and program."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with origin_of(request):
            return get_response(request)

    return middleware


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Pages need a session; the API has keys of its own."""

    def process_view(self, request: HttpRequest, view_func: Any, *args: Any) -> Any:
        if is_api(request):
            return None
        return super().process_view(request, view_func, *args)

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        """What was sent after the session ended is said to be unsaved; signing in leads to the page it came from."""
        if request.method in {"GET", "HEAD"}:
            return super().handle_no_permission(request, view_func)
        messages.warning(request, SIGNED_OUT)
        return redirect_to_login(_page_asked_for(request), self.get_login_url(view_func))


def _page_asked_for(request: HttpRequest) -> str:
    """Of a form, where it stood, by what the browser says: the address it was sent to may not answer a GET."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    before = urlsplit(request.headers.get("Referer", ""))
    if before.netloc != request.get_host():
        return resolve_url(settings.LOGIN_REDIRECT_URL)
    return urlunsplit(("", "", before.path, before.query, ""))


def current_account(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Set `request.account` and `request.membership`: the account chosen by cookie, else the first."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(request: Any, view_func: Any, *_: Any) -> HttpResponse | None:
        if is_api(request) or request.path.startswith(("/admin/", "/static/")) or not request.user.is_authenticated:
            return None
        name = request.resolver_match.url_name
        if request.user.has_one_time_password and name not in OPEN_WITH_ONE_TIME_PASSWORD:
            return redirect_to_login(_page_asked_for(request), resolve_url("choose_password"))
        _set_account(request)
        if name in OPEN_WITHOUT_ACCOUNT:
            return None
        if request.account is None:
            return render(request, "accounts/no_account.html", status=403)
        if lacks_second_factor(request):
            return render(request, "accounts/second_factor_required.html", status=403)
        return None

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def memberships_of(user: User) -> QuerySet[Membership]:
    """Those that can be used, with their accounts, by name."""
    own = Membership.objects.filter(user=user, account__suspended_at=None)
    return own.select_related("account").order_by("account__name", "pk")


def _set_account(request: Any) -> None:
    own = memberships_of(request.user)
    request.memberships = list(own[: FEW + 1])
    chosen = request.COOKIES.get(ACCOUNT_COOKIE)
    membership = next((each for each in request.memberships if each.account_id == chosen), None)
    if membership is None and chosen and len(request.memberships) > FEW:
        membership = own.filter(account_id=chosen).first()
    request.membership = membership or next(iter(request.memberships), None)
    request.account = request.membership.account if request.membership else None
