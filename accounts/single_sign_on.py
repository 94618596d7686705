"""Single sign-on with the OpenID Connect provider that the settings name.

A person is matched by the e-mail address that the provider says it has verified. Somebody unknown gets in only
when they are invited, never by having an account at the provider.
"""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render

from accounts.audit import record_sign_in_change
from accounts.invitations import accept_as_new_person, find_by_email
from accounts.models import User

PROVIDER_ID = "sso"

NOT_VERIFIED = "{name} does not say that your e-mail address is verified, so we cannot know that it is yours."
WRONG_DOMAIN = "{email} is not of a domain that may sign in here by {name}."
NOT_INVITED = "Nobody here has the address {email}. Ask an owner or admin of the account to invite it."
SWITCHED_OFF = "The sign-in of {email} is switched off. Ask whoever runs this installation."
FAILED = "{name} did not let you in, or the page was left open for too long. Nothing was changed. Try again."


def is_offered() -> bool:
    return bool(settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The one provider of the settings; none that somebody put into the database."""
        if not is_offered() or provider not in {None, "openid_connect", PROVIDER_ID}:
            return []
        app = SocialApp(
            provider="openid_connect",
            provider_id=PROVIDER_ID,
            name=settings.OIDC_NAME,
            client_id=settings.OIDC_CLIENT_ID,
            secret=settings.OIDC_CLIENT_SECRET,
            settings={"server_url": settings.OIDC_ISSUER, "oauth_pkce_enabled": True},
        )
        return [app]

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse whom we do not know, in words; make the person when they are invited."""
        email = _verified_email(sociallogin)
        if email is None:
            raise _refusal(request, NOT_VERIFIED)
        if settings.OIDC_ALLOWED_DOMAINS and email.partition("@")[2] not in settings.OIDC_ALLOWED_DOMAINS:
            raise _refusal(request, WRONG_DOMAIN, email)
        if sociallogin.is_existing:
            return
        user = User.objects.filter(email=email).first() or _join(email, sociallogin)
        if user is None:
            raise _refusal(request, NOT_INVITED, email)
        if not user.is_active:
            raise _refusal(request, SWITCHED_OFF, email)
        sociallogin.connect(request, user)
        record_sign_in_change(user=user, event_type="single_sign_on_connected", after={"issuer": settings.OIDC_ISSUER})

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        # Decided above, by our own rules.
        return False

    def on_authentication_error(self, request: HttpRequest, provider: Any, **_: Any) -> None:
        raise _refusal(request, FAILED)


def _verified_email(login: SocialLogin) -> str | None:
    verified = (address.email.lower() for address in login.email_addresses if address.verified is True)
    return next(verified, None)


def _join(email: str, login: SocialLogin) -> User | None:
    invitation = find_by_email(email)
    if invitation is None:
        return None
    data = login.account.extra_data
    claims = data.get("userinfo") or data.get("id_token") or {}
    name = str(claims.get("name") or "")[:100]
    return accept_as_new_person(invitation=invitation, name=name, password=None).user


def _refusal(request: HttpRequest, words: str, email: str = "") -> ImmediateHttpResponse:
    reason = words.format(name=settings.OIDC_NAME, email=email)
    return ImmediateHttpResponse(render(request, "socialaccount/refused.html", {"reason": reason}, status=403))
