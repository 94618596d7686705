"""Signing in, choosing a password, making a key."""

from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import LoginForm, ResetPasswordForm, ResetPasswordKeyForm
from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.mail import queue_nothing
from accounts.models import APIKey, User

WRONG = "E-mail or password is wrong. After 5 tries there is a pause of 5 minutes."
TOO_MANY = "That was the fifth try in 5 minutes. Wait for 5 minutes, then try again."
RESET_MAIL = "account/email/password_reset_key"
NOT_THE_SAME = "The two passwords are not the same. Type the new one twice."
PASSWORD_HINT = "At least 12 characters; no common password, and not like your name or e-mail address."  # noqa: S105
KEY_LIFETIMES = {"": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year"}


class SignInForm(LoginForm):
    """allauth's own form in our words."""

    words = {"email_password_mismatch": WRONG, "too_many_login_attempts": TOO_MANY}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "E-mail"
        self.fields["login"].widget.attrs = {"autocomplete": "username", "autofocus": True}
        self.fields["password"].widget.attrs = {"autocomplete": "current-password"}
        self.fields["password"].help_text = ""

    def clean(self) -> Any:
        try:
            return super().clean()
        except ValidationError as error:
            raise ValidationError(self.words.get(error.code or "", error.message), code=error.code) from error


class ChoosePasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """A password of one's own instead of the one-time password."""

    error_messages = {"password_mismatch": NOT_THE_SAME}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = PASSWORD_HINT
        self.fields["new_password1"].widget.attrs["autofocus"] = True
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""

    def clean_new_password1(self) -> str:
        password: str = self.cleaned_data["new_password1"]
        if self.user.check_password(password):
            raise ValidationError("This is the one-time password. Choose another one.")
        return password

    def save(self, commit: bool = True) -> User:
        self.user.has_one_time_password = False
        user: User = super().save(commit)
        return user


class ForgottenPasswordForm(ResetPasswordForm):
    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Send the link to whom we know, and nothing to anybody else: the page says the same to both."""
        email: str = self.cleaned_data["email"]
        if self.users:
            super().save(request, **kwargs)
        else:
            url = request.build_absolute_uri(reverse("account_reset_password_done"))
            mail = get_adapter().render_mail(RESET_MAIL, email, {"password_reset_url": url, "request": request})
            queue_nothing(mail.body)
        return email


class NewPasswordForm(ResetPasswordKeyForm):
    """A forgotten password, by the link in an e-mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label = "New password"
        self.fields["password1"].help_text = PASSWORD_HINT
        self.fields["password2"].label = "New password again"
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)

    def save(self) -> None:
        super().save()
        User.objects.filter(pk=self.user.pk).update(has_one_time_password=False)


class APIKeyForm(forms.Form):
    description = forms.CharField(
        max_length=255,
        required=False,
        help_text="What uses it, so that you know later which one to revoke.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=APIKey.Scope.choices,
        initial=[APIKey.Scope.API],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one: a key without a scope may do nothing."},
    )
    expires_in = forms.ChoiceField(label="Expires", choices=list(KEY_LIFETIMES.items()), required=False)

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["expires_in"]
        return timezone.now() + timedelta(days=int(days)) if days else None
