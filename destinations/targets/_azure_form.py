"""The form of Azure Monitor, and the check that keeps records and tokens inside Azure."""

import re
from urllib.parse import urlsplit

from django import forms

from destinations.targets._base import TargetForm

HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+ingest\.monitor\.azure\.(com|us|cn)")
GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
RULE = re.compile(r"dcr-[0-9a-f]{32}")
STREAM = re.compile(r"(?:Custom|Microsoft)-[A-Za-z0-9_]{1,90}")
HTTPS_PORT = 443
URI_EXAMPLE = "https://NAME.REGION.ingest.monitor.azure.com"
GUID_EXAMPLE = "00000000-0000-0000-0000-000000000000"


class AzureLogsIngestionForm(TargetForm):
    secret_fields = ("client_secret",)
    address_fields = ("tenant_id", "client_id", "logs_ingestion_uri")
    api_codes = {
        "data_collection_rule_id": 5136,
        "data_collection_stream_name": 5137,
        "logs_ingestion_uri": 5138,
        "tenant_id": 5139,
        "client_id": 5139,
        "client_secret": 5139,
    }

    tenant_id = forms.CharField(label="Tenant ID", max_length=253, help_text="Of Microsoft Entra ID.")
    client_id = forms.CharField(label="Client ID", max_length=36, help_text="The app registration's application ID.")
    client_secret = forms.CharField(
        label="Client secret", max_length=200, help_text="The secret's value, not its ID. It always has an end date."
    )
    logs_ingestion_uri = forms.CharField(
        label="Logs ingestion URI",
        max_length=300,
        help_text=f"Of the rule or of its data collection endpoint: {URI_EXAMPLE}.",
    )
    data_collection_rule_id = forms.CharField(
        label="Data collection rule",
        max_length=300,
        help_text="Its immutable ID, dcr- and 32 digits, from the rule's JSON view.",
    )
    data_collection_stream_name = forms.CharField(
        label="Stream name", max_length=100, help_text="As the rule declares it, such as Custom-AcmeEvents_CL."
    )

    def clean_tenant_id(self) -> str:
        tenant = str(self.cleaned_data["tenant_id"]).lower()
        if not re.fullmatch(f"{GUID}|{DOMAIN}", tenant):
            raise forms.ValidationError(f"{tenant} is no tenant: that is an ID such as {GUID_EXAMPLE}, or a domain.")
        return tenant

    def clean_client_id(self) -> str:
        client = str(self.cleaned_data["client_id"]).lower()
        if not re.fullmatch(GUID, client):
            raise forms.ValidationError(f"{client} is no application ID, which looks like {GUID_EXAMPLE}.")
        return client

    def clean_client_secret(self) -> str:
        secret = str(self.cleaned_data["client_secret"])
        if re.fullmatch(GUID, secret):
            raise forms.ValidationError("This looks like the secret's ID. Give its value, shown when it was made.")
        return secret

    def clean_logs_ingestion_uri(self) -> str:
        text = str(self.cleaned_data["logs_ingestion_uri"])
        if host := ingestion_host(text):
            return f"https://{host}"
        raise forms.ValidationError(
            f"{text} is not allowed: the ingestion URI must be https and public, such as {URI_EXAMPLE}."
        )

    def clean_data_collection_rule_id(self) -> str:
        rule = str(self.cleaned_data["data_collection_rule_id"])
        if RULE.fullmatch(rule.lower()):
            return rule.lower()
        if rule.startswith("/subscriptions/"):
            message = "This is the rule's resource ID. Open the rule's JSON view and copy its immutableId."
        else:
            message = f"{rule} is no immutable ID of a rule: that is dcr- and 32 digits or letters from a to f."
        raise forms.ValidationError(message)

    def clean_data_collection_stream_name(self) -> str:
        stream = str(self.cleaned_data["data_collection_stream_name"])
        if not STREAM.fullmatch(stream):
            raise forms.ValidationError(
                f"{stream} is no stream name: it begins with Custom- or Microsoft-, such as Custom-{stream[:40]}."
            )
        return stream


def ingestion_host(uri: str) -> str:
    """The host of an address that records may go to; empty for any other, so that no request leaves Azure."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return ""
    host = parts.hostname or ""
    plain = parts.scheme == "https" and port in {None, HTTPS_PORT} and parts.path in {"", "/"}
    bare = not (parts.query or parts.fragment or parts.username or parts.password)
    return host if plain and bare and HOST.fullmatch(host) else ""
