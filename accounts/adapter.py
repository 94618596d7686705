"""allauth's seams: who may sign up, how mail leaves, how the second factor's secret is kept."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from accounts.mail import queue_mail
from accounts.origin import client_ip
from common.crypto import decrypt, encrypt


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People are invited or made by staff; nobody signs up by themselves."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """By the workers: how long a mail server takes must not tell a stranger whether an address is known."""
        message = self.render_mail(template_prefix, email, {"request": self.request, "email": email, **context})
        queue_mail(to=email, subject=message.subject, text=message.body)

    def get_client_ip(self, request: HttpRequest) -> str:
        # A Unix socket has no address: all who come through it share one count of tries.
        return client_ip(request) or "0.0.0.0"  # noqa: S104  # nosec B104


class TwoFactorAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is wrong or was used before. Wait for the next one, then type that.",
    }

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)
