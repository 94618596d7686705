"""The CloudFormation templates of kits as static files with parameters, for links that fill a stack in.

CloudFormation opens such links only for templates in S3, so an operator hosts the files and says where
(CLOUDFORMATION_TEMPLATES_URLS). They are the kits' own templates, made of parameters instead of one customer's values,
so both say the same. Their folder is named after their content: a link never meets a template of another release.
docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html (read 2026-11).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings

from destinations.setup.facts import KINDS, Facts, values_of
from destinations.setup.kit import Options
from destinations.setup.rendering import render
from destinations.targets._arn import Arn

FOLDER_CHARS = 12
USED = re.compile(r'\$\{(\w+)\}|"Ref": ?"(\w+)"')
# Where a template must lie to be opened in a partition's console.
S3_HOST = re.compile(r"(?:[a-z0-9][a-z0-9.-]*\.)?s3[.-](?:[a-z0-9-]+\.)?(amazonaws\.com(?:\.cn)?|amazonaws\.eu)")
RESOURCE_NAMES = {
    "cloudwatch_logs": (r"[.\-_/#A-Za-z0-9]{1,512}", "log-group:"),
    "kinesis": (r"[a-zA-Z0-9_.-]{1,128}", "stream/"),
    "firehose": (r"[a-zA-Z0-9_.-]{1,64}", "deliverystream/"),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a template: what CloudFormation shows of it, and what its value has to look like."""

    description: str
    pattern: str


PARAMETERS = {
    "TrustedPrincipal": Parameter("The identity that may assume the role", r"arn:aws[a-z-]*:(iam|sts)::\d{12}:.+"),
    "ExternalId": Parameter("Your account's external ID at Event Subscriptions", r"[\w+=,.@:/-]{2,1224}"),
    "RoleName": Parameter("The role that is made", r"[\w+=,.@-]{1,64}"),
    "RolePath": Parameter("The role's path", r"/|/[!-~]{1,510}/"),
    "ResourceAccount": Parameter("The account that holds what is written to", r"\d{12}"),
    "ResourceName": Parameter("What is written to", ""),
    "KmsKeyArn": Parameter("Your own key on it", r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]{1,64}"),
    "BucketName": Parameter("The bucket that objects go to", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "DeliveryRoleName": Parameter("Firehose's own role", r"[\w+=,.@-]{1,64}"),
}


class ParameterOptions(Options):
    """Options that hold parameters, whose values CloudFormation checks."""

    def __post_init__(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class ParameterFacts(Facts):
    """Facts of nobody: each value is a parameter."""

    @property
    def thing(self) -> str:
        return f"a {self.kind.noun}"

    @property
    def role_name(self) -> str:
        return "${RoleName}"

    @property
    def role_path(self) -> str:
        return "${RolePath}"

    @property
    def delivery_role_name(self) -> str:
        return "${DeliveryRoleName}"


@dataclass(frozen=True, slots=True)
class HostedTemplate:
    """One file; `parameters` are the names of those that it has."""

    filename: str
    text: str
    parameters: tuple[str, ...]


def launch_link(facts: Facts, stack: str) -> str:
    """Opens CloudFormation with the stack filled in; empty where no templates are hosted in this partition."""
    base = base_url(facts.arn.partition)
    if not base:
        return ""
    template = templates()[filename_of(facts.slug, facts.options)]
    values = values_for(facts)
    query = {
        "templateURL": f"{base}/{folder()}/{template.filename}",
        "stackName": stack,
        **{f"param_{name}": values[name] for name in template.parameters},
    }
    region = facts.arn.region
    return (
        f"{facts.console}/cloudformation/home?region={region}#/stacks/create/review?{urlencode(query, quote_via=quote)}"
    )


def values_for(facts: Facts) -> Mapping[str, str]:
    """The value of every parameter for one customer."""
    return {
        "TrustedPrincipal": facts.principal,
        "ExternalId": facts.external_id,
        "RoleName": facts.role_name,
        "RolePath": facts.role_path,
        "ResourceAccount": facts.arn.account,
        "ResourceName": facts.name,
        "KmsKeyArn": facts.options.kms_key_arn,
        "BucketName": facts.bucket,
        "DeliveryRoleName": facts.delivery_role_name,
    }


def base_url(partition: str) -> str:
    """Where the templates for this partition are hosted, without a slash at its end; empty for nowhere."""
    return next((url for url in settings.CLOUDFORMATION_TEMPLATES_URLS if partition_at(url) == partition), "")


def partition_at(url: str) -> str:
    """The partition in whose S3 this address lies; empty when it is no address of S3."""
    address = urlsplit(url)
    host = address.hostname or ""
    found = S3_HOST.fullmatch(host)
    if found is None or address.scheme != "https" or address.query or address.fragment:
        return ""
    if "us-gov-" in host:
        return "aws-us-gov"
    return {"amazonaws.com.cn": "aws-cn", "amazonaws.eu": "aws-eusc"}.get(found[1], "aws")


@lru_cache(maxsize=1)
def templates() -> Mapping[str, HostedTemplate]:
    """Every template that a kit may lead to, by its filename."""
    found = {}
    chosen = product([False, True], repeat=5)
    for slug, (create, read_back, key, by_type, bucket) in product(KINDS, chosen):
        is_named = bucket or (create and slug == "firehose")
        options = ParameterOptions(
            create=create,
            read_back=read_back,
            kms_key_arn="${KmsKeyArn}" if key else "",
            partition_by_type=by_type,
            bucket="${BucketName}" if is_named else "",
        )
        name = filename_of(slug, options)
        if name not in found:
            found[name] = _template(name, slug, options)
    return found


@lru_cache(maxsize=1)
def folder() -> str:
    """Named after what lies in it."""
    texts = "".join(f"{name}\n{each.text}" for name, each in sorted(templates().items()))
    return hashlib.sha256(texts.encode()).hexdigest()[:FOLDER_CHARS]


def filename_of(slug: str, options: Options) -> str:
    """By what the template does, so that options that change nothing share one."""
    return "-".join([slug.replace("_", "-"), *_differences(slug, options)]) + ".yaml"


def _differences(slug: str, options: Options) -> Iterator[str]:
    if options.create:
        yield "create"
    if options.read_back and (slug != "firehose" or options.create or options.bucket):
        yield "read-back"
    if options.kms_key_arn and (options.create or slug == "kinesis"):
        yield "key"
    if options.partition_by_type and options.create and slug == "firehose":
        yield "by-type"


def _template(filename: str, slug: str, options: Options) -> HostedTemplate:
    values = {**values_of(_parameter_facts(slug, options)), "parameters": {}}
    body = render("cloudformation.yaml", values)
    used = {name for pair in USED.findall(body) for name in pair}
    names = tuple(name for name in PARAMETERS if name in used)
    declared = {name: _declared(name, slug) for name in names}
    return HostedTemplate(filename, render("cloudformation.yaml", {**values, "parameters": declared}), names)


def _declared(name: str, slug: str) -> dict[str, Any]:
    known = PARAMETERS[name]
    pattern = RESOURCE_NAMES[slug][0] if name == "ResourceName" else known.pattern
    return {"Type": "String", "Description": known.description, "AllowedPattern": pattern}


def _parameter_facts(slug: str, options: Options) -> ParameterFacts:
    kind = KINDS[slug]
    # What is made lies in the account and Region of the stack; what is there already may be another account's.
    account = "${AWS::AccountId}" if options.create else "${ResourceAccount}"
    resource = f"{RESOURCE_NAMES[slug][1]}${{ResourceName}}"
    partition = "${AWS::Partition}"
    return ParameterFacts(
        slug=slug,
        kind=kind,
        arn=Arn(partition, kind.target.service, "${AWS::Region}", account, resource),
        name="${ResourceName}",
        role=Arn(partition, "iam", "", "${AWS::AccountId}", "role/${RoleName}"),
        principal="${TrustedPrincipal}",
        external_id="${ExternalId}",
        options=options,
        by_keys=False,
    )
