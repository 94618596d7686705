"""A sign-in that is set up wrongly is told before anybody tries it."""

import pytest
from django.core.checks import run_checks
from pytest_django.fixtures import Settings


def found(settings: Settings, **wanted: object) -> set[str]:
    for name, value in wanted.items():
        setattr(settings, name, value)
    return {message.id or "" for message in run_checks(include_deployment_checks=True)} & {
        "accounts.E001",
        "accounts.E002",
        "accounts.W001",
        "accounts.W002",
    }


SSO = {"OIDC_ISSUER": "https://id.acme.example", "OIDC_CLIENT_ID": "events", "OIDC_CLIENT_SECRET": "s"}


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (SSO, set()),
        ({**SSO, "OIDC_CLIENT_SECRET": ""}, {"accounts.E001"}),
        ({"OIDC_CLIENT_ID": "events"}, {"accounts.E001"}),
        ({**SSO, "OIDC_ISSUER": "http://id.acme.example"}, {"accounts.E002"}),
        ({"BEHIND_HTTPS": True}, {"accounts.W001"}),
        ({"BEHIND_HTTPS": True, "ALLAUTH_TRUSTED_PROXY_COUNT": 1}, set()),
    ],
)
def test_single_sign_on_and_proxies(settings: Settings, wanted: dict[str, object], ids: set[str]) -> None:
    settings.EMBEDDED = True

    assert found(settings, **wanted) == ids


def test_mail_that_is_only_printed(settings: Settings) -> None:
    console = "django.core.mail.backends.console.EmailBackend"

    assert found(settings, EMBEDDED=False, EMAIL_BACKEND=console) == {"accounts.W002"}
