"""What every target gives: a form, limits, a way to send, the steps of a test, and a sentence that names it.

A new target is a module beside this one that ends with `TARGET = <Class>`, a form template and a test;
docs/adding-a-target.md walks through it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from django import forms

from destinations.outcome import SendResult
from destinations.records import Limits, Record, split_by_limits

Config = Mapping[str, str]

# A send must be over well before its lease (30 s) is; a person waits for a test.
SEND_DEADLINE_SECONDS = 15.0
CONNECT_TIMEOUT_SECONDS = 5.0
TEST_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Context:
    """What a target needs besides its own configuration.

    `external_id` is the account's; `*_url` are the emulators' addresses in demo mode, empty elsewhere;
    the AWS identity is ours, the one that assumes customers' roles.
    """

    external_id: str
    aws_url: str = ""
    datadog_url: str = ""
    azure_url: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = field(default="", repr=False)
    aws_session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step that passed: what it found; `warning` when it passed with something to mend.

    `code` names it for programs, `remedy` says how, and `offers` what to copy for it, by its name in the error table
    ("trust_policy"). `request` and `reply` may be shown to the customer, so they hold no secret. `is_checked` is False
    when it can't be checked here, which counts as neither passed nor failed.
    """

    detail: str
    warning: str = ""
    request: str = ""
    reply: str = ""
    remedy: str = ""
    offers: str = ""
    code: str = ""
    is_checked: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a test event, known by name before it runs; `run` raises DeliveryError when it fails.

    `writes` marks those that leave something at the target; checks on schedule go without.
    """

    label: str
    run: Callable[[], StepResult]
    writes: bool = False


class NotYetError(Exception):
    """What a step looks for is not there yet, as is usual there; look again after `seconds`, at most `times` times."""

    def __init__(self, detail: str, *, seconds: float, times: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.seconds = seconds
        self.times = times


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record read back from an emulated target."""

    where: str
    at_ms: int
    data: bytes


class ResourceError(ValueError):
    """A target in the API's shape that cannot be read; `code` is its API error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class TargetForm(forms.Form):
    """The configuration of one target. Secrets are never echoed; left empty they keep the stored value.

    `address_fields` decide where a secret is sent: changing one asks for the secrets again,
    or a test could send a stored secret to a stranger. `notices` says what was mended while cleaning, by field.
    """

    secret_fields: ClassVar[tuple[str, ...]] = ()
    address_fields: ClassVar[tuple[str, ...]] = ()
    # What names a field of events; whoever opens the form has them checked against the catalogue.
    event_fields: ClassVar[tuple[str, ...]] = ()
    # Halves of the credentials that are no secrets, and change with them, such as a key's ID.
    rotated_fields: ClassVar[tuple[str, ...]] = ()
    # The API's error code of a fault: by the code of the ValidationError, else by its field (docs/api.md).
    api_codes: ClassVar[Mapping[str, int]] = {}

    def __init__(self, *args: Any, stored: Config | None = None, stored_secrets: Config | None = None, **kwargs: Any):
        self.stored = dict(stored or {})
        self.stored_secrets = dict(stored_secrets or {})
        self.notices: dict[str, str] = {}
        kwargs.setdefault("prefix", "target")
        if stored is not None:
            kwargs.setdefault("initial", self.stored)
        super().__init__(*args, **kwargs)
        for name in self.secret_fields:
            self.fields[name].widget = forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False)
            self.fields[name].required = False
            if kept := self.stored_secrets.get(name):
                self.fields[name].help_text = f"Stored, ends in …{kept[-4:]}. Leave empty to keep it."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        moved = [name for name in self.address_fields if name in cleaned and self._is_moved(name, cleaned[name])]
        for name in self.needed_secrets(cleaned):
            if name in self.errors or cleaned.get(name):
                continue
            label = self._label_in_sentence(name)
            if not self.stored_secrets.get(name):
                self.add_error(name, f"Enter the {label}.")
            elif moved:
                where = self._label_in_sentence(moved[0])
                self.add_error(name, f"Type the {label} again: it was stored for another {where}.")
        return cleaned

    def _label_in_sentence(self, name: str) -> str:
        """ "Secret access key" as "secret access key", but "API key" as it is."""
        label = str(self.fields[name].label)
        return label if label[:2].isupper() else label[:1].lower() + label[1:]

    def _is_moved(self, name: str, value: str) -> bool:
        return bool(self.stored) and value != self.stored.get(name, "")

    def needed_secrets(self, cleaned: Mapping[str, Any]) -> Sequence[str]:
        """The secrets that this configuration uses, such as none when a role is assumed."""
        return self.secret_fields

    def config(self) -> dict[str, str]:
        return {name: self.cleaned_data.get(name) or "" for name in self.fields if name not in self.secret_fields}

    def secrets(self) -> dict[str, str]:
        """What was typed over what is stored, for the secrets that are still needed."""
        needed = self.needed_secrets(self.cleaned_data)
        found = {name: self.cleaned_data.get(name) or self.stored_secrets.get(name, "") for name in needed}
        return {name: value for name, value in found.items() if value}


class Target(ABC):
    """One kind of destination, opened with a configuration. Not thread-safe; kept by a worker between sends."""

    slug: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    summary: ClassVar[str]
    form_class: ClassVar[type[TargetForm]]
    limits: ClassVar[Limits]
    # Records older than this are stamped with the time of sending; None where the service does not care.
    oldest: ClassVar[timedelta | None] = None
    # Templates get the class itself and would call it.
    do_not_call_in_templates: ClassVar[bool] = True

    def __init__(self, config: Config, secrets: Config, context: Context) -> None:
        self.config = config
        self.context = context
        self._secrets = secrets

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.describe(self.config)}>"

    @classmethod
    @abstractmethod
    def describe(cls, config: Config) -> str:
        """Where it points to, in words: "Kinesis stream acme-events in eu-west-1, account 111122223333"."""

    @classmethod
    @abstractmethod
    def resource(cls, config: Config) -> dict[str, Any]:
        """The target as the API and audit events show it; secrets are empty strings."""

    @classmethod
    def shape(cls) -> dict[str, Any]:
        """A resource with every key that there may be, for the API's schema."""
        return cls.resource({})

    @classmethod
    def form_data(cls, resource: Mapping[str, Any]) -> dict[str, str]:
        """The reverse of `resource`: what `form_class` takes (configuration and secrets, without its prefix).

        Raises ResourceError.
        """
        return {name: str(value) for name, value in resource.items() if value is not None}

    def pack(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Split records into requests within the limits."""
        return split_by_limits(records, self.limits)

    def largest_record(self) -> int:
        """How many bytes a record may have here, asked only for one over the usual limit. Raises DeliveryError."""
        return self.limits.max_record_bytes

    @abstractmethod
    def send(self, records: Sequence[Record]) -> SendResult:
        """Send one request of at most `limits`; within 15 s. Raises DeliveryError when the call fails as a whole."""

    @abstractmethod
    def test_steps(self, record: Record) -> Sequence[Step]:
        """The steps that prove the configuration, ending with `record` being written for real."""

    def addresses(self) -> Sequence[str]:
        """The URLs that a request goes to, for the check of name and TLS."""
        return ()

    def read_back(self, record: Record) -> StepResult | None:
        """Find the record that was just written, where the permissions allow; None where a target can't.

        Raises NotYetError, and DeliveryError.
        """
        return None

    def arrivals(self, limit: int) -> list[Arrival]:
        """The newest records at an emulated target, newest first; only in demo mode."""
        raise NotImplementedError(f"{self.label} cannot be read back.")

    def close(self) -> None:  # noqa: B027 - most have something to release, none must
        """Release connections."""
