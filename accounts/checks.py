"""System checks: how people sign in."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning


@register(Tags.security)
def single_sign_on_is_complete(**_: Any) -> list[CheckMessage]:
    given = {name: getattr(settings, name) for name in ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")}
    missing = [name for name, value in given.items() if not value]
    errors: list[CheckMessage] = []
    if 0 < len(missing) < len(given):
        errors.append(Error(f"Single sign-on also needs {', '.join(missing)}.", id="accounts.E001"))
    is_local = settings.OIDC_ISSUER.startswith(("http://127.0.0.1", "http://localhost"))
    if settings.OIDC_ISSUER and not settings.OIDC_ISSUER.startswith("https://") and not is_local:
        errors.append(
            Error("OIDC_ISSUER must be https: who sits between could sign in as anybody.", id="accounts.E002")
        )
    return errors


@register(Tags.security, deploy=True)
def people_are_told_apart(**_: Any) -> list[CheckMessage]:
    if not settings.BEHIND_HTTPS or settings.ALLAUTH_TRUSTED_PROXY_COUNT:
        return []
    hint = "Set TRUSTED_PROXIES to how many proxies of yours stand in front."
    return [CheckWarning("All who sign in through the proxy share one count of tries.", hint=hint, id="accounts.W001")]


@register(Tags.security, deploy=True)
def mail_is_sent(**_: Any) -> list[CheckMessage]:
    if settings.EMBEDDED or "console" not in settings.EMAIL_BACKEND:
        return []
    hint = "Set EMAIL_BACKEND and EMAIL_HOST."
    return [CheckWarning("Mail is printed, not sent: invitations reach nobody.", hint=hint, id="accounts.W002")]
