"""A person's own sign-in: name, password, second factor, and where they are signed in."""

from allauth.account import views as allauth_views
from allauth.account.internal.decorators import login_not_required
from allauth.account.signals import password_changed, password_reset
from allauth.mfa.base import views as mfa_views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as totp_views
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.internal.flows.sessions import end_other_sessions
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.dispatch import receiver
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit import record_sign_in_change
from accounts.models import User
from accounts.people_forms import CodeAgainForm, CodeForm, NameForm, OtherPasswordForm, PasswordAgainForm, SetUpCodeForm
from common.http import AccountRequest

HERE = reverse_lazy("sign_in_security")

_change_password = allauth_views.PasswordChangeView.as_view(form_class=OtherPasswordForm, success_url=HERE)
password_again = allauth_views.ReauthenticateView.as_view(form_class=PasswordAgainForm)
code_again = mfa_views.ReauthenticateView.as_view(form_class=CodeAgainForm)
code = login_not_required(mfa_views.AuthenticateView.as_view(form_class=CodeForm))
switch_on_two_factor = totp_views.ActivateTOTPView.as_view(form_class=SetUpCodeForm)
switch_off_two_factor = totp_views.deactivate_totp
recovery_codes = recovery_views.view_recovery_codes
new_recovery_codes = recovery_views.generate_recovery_codes
download_recovery_codes = recovery_views.download_recovery_codes


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_security(request: AccountRequest) -> HttpResponse:
    form = NameForm(request.POST if request.method == "POST" else None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Name saved.")
        return redirect(HERE)
    if not UserSession.objects.filter(session_key=request.session.session_key).exists():
        # A session that began before it was listed, or was renewed when a one-time password was replaced.
        UserSession.objects.create_from_request(request)
    sessions = sorted(UserSession.objects.purge_and_list(request.user), key=lambda session: session.created_at)
    context = {
        "form": form,
        "sessions": sessions[::-1],
        "current_session": request.session.session_key,
        "authenticator": Authenticator.objects.filter(user=request.user, type=Authenticator.Type.TOTP).first(),
        "social_accounts": SocialAccount.objects.filter(user=request.user),
    }
    return render(request, "accounts/sign_in_security.html", context, status=422 if form.errors else 200)


def change_password(request: AccountRequest) -> HttpResponse:
    if not request.user.has_usable_password():
        messages.info(request, "You sign in by single sign-on and have no password here.")
        return redirect(HERE)
    response: HttpResponse = _change_password(request)
    return response


@require_POST
def end_sessions(request: AccountRequest) -> HttpResponse:
    end_other_sessions(request, request.user)
    messages.success(request, "Signed out everywhere but here.")
    return redirect(HERE)


@receiver(password_changed)
def _on_password_changed(user: User, **_: object) -> None:
    record_sign_in_change(user=user, event_type="password_changed")


@receiver(password_reset)
def _on_password_reset(user: User, **_: object) -> None:
    record_sign_in_change(user=user, event_type="password_reset")
