"""The form that the AWS targets share: an ARN, and a role or a pair of keys to sign in with."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.conf import settings

from destinations.targets._arn import ROLE, Arn, ArnError, Kind, check_arn, split_arn
from destinations.targets._base import TargetForm

BY_ROLE = "role"
BY_KEYS = "keys"
KEY_ID = re.compile(r"AKIA[A-Z0-9]{12,124}")
TEMPORARY_KEY_ID = re.compile(r"ASIA[A-Z0-9]{12,124}")


def _our_accounts() -> set[str]:
    return {arn.account for text in settings.AWS_PRINCIPALS if (arn := split_arn(text))}


class AwsForm(TargetForm):
    """Where to, and how we sign in there. A target adds its ARN as the field `arn_field`."""

    arn_field: ClassVar[str]
    arn_kind: ClassVar[Kind]
    # Whether requests name the resource without its account, so that it must be the signer's.
    same_account: ClassVar[bool] = False
    secret_fields = ("aws_secret_access_key",)
    address_fields = ("aws_access_key_id",)
    rotated_fields = ("aws_access_key_id",)
    api_codes = {
        "arn_shape": 5120,
        "arn_partition": 5118,
        "arn_service": 5119,
        "arn_account": 5129,
        "arn_region": 5129,
        "arn_name": 5129,
        "arn_type": 5130,
        "role_arn": 5104,
        "auth": 5107,
        "aws_access_key_id": 240,
        "aws_secret_access_key": 240,
    }

    auth = forms.ChoiceField(
        label="How we sign in",
        choices=[(BY_ROLE, "Role (recommended)"), (BY_KEYS, "Access keys")],
        widget=forms.RadioSelect,
        initial=BY_ROLE,
    )
    role_arn = forms.CharField(
        label="Role ARN",
        required=False,
        max_length=2048,
        help_text="A role that trusts us with your external ID, such as arn:aws:iam::ACCOUNT:role/NAME.",
    )
    aws_access_key_id = forms.CharField(
        label="Access key ID",
        required=False,
        max_length=128,
        help_text="Of an IAM user that may do nothing but write here. It begins with AKIA.",
    )
    aws_secret_access_key = forms.CharField(
        label="Secret access key", max_length=256, help_text="Encrypted, and never shown again."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([self.arn_field])
        for name in (self.arn_field, "role_arn", "aws_access_key_id"):
            self.fields[name].widget.attrs |= {"class": "mono", "spellcheck": "false", "autocomplete": "off"}

    def needed_secrets(self, cleaned: Mapping[str, Any]) -> Sequence[str]:
        return self.secret_fields if cleaned.get("auth") == BY_KEYS else ()

    def clean(self) -> dict[str, Any]:
        arn = self._clean_arn(self.arn_field, self.arn_kind)
        if self.cleaned_data.get("auth") == BY_KEYS:
            self.cleaned_data["role_arn"] = ""
            self._clean_key_id()
        elif self.cleaned_data.get("auth") == BY_ROLE:
            self.cleaned_data["aws_access_key_id"] = ""
            self._clean_role(arn)
        return super().clean()

    def _clean_arn(self, name: str, kind: Kind) -> Arn | None:
        text = self.cleaned_data.get(name)
        if not text:
            return None
        try:
            arn = check_arn(text, kind)
        except ArnError as error:
            code = "role_arn" if kind is ROLE else f"arn_{error.part}"
            self.add_error(name, forms.ValidationError(str(error), code=code))
            return None
        if arn.account in _our_accounts():
            # Our identity may reach there what no customer may.
            code = "role_arn" if kind is ROLE else "arn_account"
            message = f"{arn.account} is this service's own AWS account. Give an ARN of yours."
            self.add_error(name, forms.ValidationError(message, code=code))
            return None
        return arn

    def _clean_role(self, arn: Arn | None) -> None:
        if not self.cleaned_data.get("role_arn"):
            if "role_arn" not in self.errors:
                self.add_error("role_arn", "Enter the role ARN, or choose access keys.")
            return
        role = self._clean_arn("role_arn", ROLE)
        if role is None or arn is None:
            return
        if role.partition != arn.partition:
            self.add_error(
                "role_arn",
                f"The role is in the partition {role.partition}, {arn} in {arn.partition}. "
                "Roles can't cross partitions; use a role there, or access keys.",
            )
        elif self.same_account and role.account != arn.account:
            self.add_error(
                "role_arn",
                f"The role belongs to account {role.account}, {self.arn_kind.words} to {arn.account}. "
                f"Use a role of account {arn.account}.",
            )

    def _clean_key_id(self) -> None:
        key_id = self.cleaned_data.get("aws_access_key_id", "")
        if not key_id:
            message = "Enter the access key ID, or choose a role."
        elif TEMPORARY_KEY_ID.fullmatch(key_id):
            message = f"{key_id} is temporary and dies within hours. Use a key that begins with AKIA, or a role."
        elif not KEY_ID.fullmatch(key_id):
            message = f"{key_id} is not an access key ID: it begins with AKIA and has 20 capitals and digits."
        else:
            return
        if "aws_access_key_id" not in self.errors:
            self.add_error("aws_access_key_id", message)

    def clean_aws_secret_access_key(self) -> str:
        secret = str(self.cleaned_data["aws_secret_access_key"])
        if KEY_ID.fullmatch(secret):
            raise forms.ValidationError("This is a key ID. The secret access key is the longer one, shown only once.")
        if re.search(r"\s", secret):
            raise forms.ValidationError("The secret access key has no spaces or line breaks. Copy it again.")
        return secret
