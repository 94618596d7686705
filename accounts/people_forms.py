"""Inviting, joining, changing a role, an account and one's own sign-in."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, ReauthenticateForm
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as CodeReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.access import role_may_manage
from accounts.forms import NOT_THE_SAME, PASSWORD_HINT
from accounts.models import Account, Membership, Role, User

ROLE_WORDS = {
    Role.OWNER: "everything, and who the owners are",
    Role.ADMIN: "people, keys, the audit trail and all that editors may",
    Role.EDITOR: "change subscriptions and destinations, retry and replay",
    Role.VIEWER: "look at everything but keys and the audit trail",
}


def roles_to_give(by: Membership) -> list[tuple[str, str]]:
    return [(role.value, role.label) for role in Role if role_may_manage(by.role, role)]


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )
    role = forms.ChoiceField(label="Role", initial=Role.EDITOR, widget=forms.RadioSelect)

    def __init__(self, *args: Any, by: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(value, f"{label}: {ROLE_WORDS[Role(value)]}") for value, label in roles_to_give(by)]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Role")

    def __init__(self, *args: Any, by: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = roles_to_give(by)  # type: ignore[attr-defined]


class JoinForm(forms.Form):
    """A new person: name and password; the address is proved by the link."""

    name = forms.CharField(
        label="Your name", max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    password1 = forms.CharField(
        label="Password",
        strip=False,
        help_text=PASSWORD_HINT,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label="Password again", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> None:
        first, second = self.cleaned_data.get("password1"), self.cleaned_data.get("password2")
        if first and second and first != second:
            self.add_error("password2", NOT_THE_SAME)
        if first:
            try:
                validate_password(first, User(email=self.email, name=self.cleaned_data.get("name", "")))
            except ValidationError as error:
                self.add_error("password1", error)


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Account
        fields = ["name", "requires_two_factor"]
        labels = {"requires_two_factor": "Require two-factor sign-in"}
        help_texts = {
            "requires_two_factor": "People without a second factor see only the page to set one up. Keys and single "
            "sign-on are not touched."
        }
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"})}


class NewAccountForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        help_text="Of a team, a stage or a customer. Nothing is shared between accounts but people.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )


class NameForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["name"]
        labels = {"name": "Your name"}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


class OtherPasswordForm(ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = {"oldpassword": "Current password", "password1": "New password", "password2": "New password again"}
        for name, label in words.items():
            self.fields[name].label = label
            self.fields[name].widget.attrs.pop("placeholder", None)
            self.fields[name].help_text = PASSWORD_HINT if name == "password1" else ""


class PasswordAgainForm(ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs = {"autocomplete": "current-password", "autofocus": True}


class CodeWords(forms.Form):
    """A field for what the authenticator app shows, without a placeholder in place of a label."""

    code_label = "Code"
    code_hint = "Six digits from your authenticator app, or one of your recovery codes."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label, field.help_text = self.code_label, self.code_hint
        field.widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}


class CodeForm(CodeWords, AuthenticateForm):
    """The second step of signing in."""


class CodeAgainForm(CodeWords, CodeReauthenticateForm):
    """Before a change to the second factor itself."""


class SetUpCodeForm(CodeWords, ActivateTOTPForm):
    code_label = "Code that the app shows"
    code_hint = "Six digits; a new one comes every 30 s."
