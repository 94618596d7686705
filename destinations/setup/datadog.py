"""The kit of Datadog: which key, at which site, and a pipeline that reads the records' own fields."""

from typing import Any

from destinations.setup.kit import Instruction, Kit, KitError, Part
from destinations.setup.rendering import as_json
from destinations.targets import Config
from destinations.targets.datadog import SITE_NAMES, SOURCE, sites

# The pages of these organisations begin with app; the newer sites' with nothing before their own name.
WITH_APP = {"datadoghq.com", "datadoghq.eu", "ddog-gov.com"}

OWN_TIME = {
    "type": "date-remapper",
    "name": "The event's own time",
    "is_enabled": True,
    "sources": ["event.event_timestamp"],
}
# Name of the processor, our attribute, and Datadog's standard name for it.
STANDARD_ATTRIBUTES = (
    ("Event type as evt.name", "event.event_type", "evt.name"),
    ("Client address", "event.object.conn.client_ip", "network.client.ip"),
    ("Status code", "event.object.http.response.status_code", "http.status_code"),
)


def app_address(site: str) -> str:
    return f"https://app.{site}" if site in WITH_APP else f"https://{site}"


def datadog_kit(config: Config) -> Kit:
    """Raises KitError when the site is none of Datadog's."""
    site = config.get("site", "") or sites()[0]
    if site not in sites():
        raise KitError(f"{site} is not a Datadog site. Choose the site that your browser shows when you use Datadog.")
    name = SITE_NAMES.get(site, site)
    return Kit(
        "datadog",
        f"Set up Datadog at {name}",
        "Takes one API key. The pipeline is optional: it gives each entry the event's own time.",
        (_console(site), _pipeline(site)),
        ("Datadog does not show entries older than 18 hours; those are stamped with the time of sending.",),
    )


def _console(site: str) -> Part:
    app, name = app_address(site), SITE_NAMES.get(site, site)
    return Part(
        "console",
        "Steps",
        (
            Instruction(
                f"Open Datadog and look at the address: yours begins with {app} when your site is {name}. "
                "Keys of one site fail at all others."
            ),
            Instruction(
                "Open Organization settings, API keys, and make a New key named event-subscriptions. It needs no "
                "scope. An application key does not work.",
                link=f"{app}/organization-settings/api-keys",
                link_words=f"API keys at {name}",
            ),
            Instruction("Copy the key (32 letters and digits, not its ID) into the form, and send a test event."),
            Instruction(
                f"See it arrive in the Log Explorer, under source:{SOURCE}.",
                link=f"{app}/logs?query=source%3A{SOURCE}",
                link_words="Log Explorer",
            ),
        ),
    )


def _pipeline(site: str) -> Part:
    filename = "pipeline.json"
    instructions = (
        Instruction(
            f"Save the pipeline as {filename}, and send it with an API key and an application key that may manage "
            "pipelines.",
            code=f"curl -fsS -X POST https://api.{site}/api/v1/logs/config/pipelines "
            '-H "DD-API-KEY: $DD_API_KEY" -H "DD-APPLICATION-KEY: $DD_APP_KEY" '
            f'-H "Content-Type: application/json" -d @{filename}',
        ),
        Instruction(
            "Or make the same processors by hand under Logs, Pipelines.",
            link=f"{app_address(site)}/logs/pipelines",
            link_words="Pipelines",
        ),
    )
    return Part("pipeline", "Pipeline", instructions, filename, as_json(pipeline()) + "\n")


def pipeline() -> dict[str, Any]:
    """As POST /api/v1/logs/config/pipelines takes it; see docs.datadoghq.com/api/latest/logs-pipelines."""
    return {
        "name": "Event Subscriptions",
        "is_enabled": True,
        "filter": {"query": f"source:{SOURCE}"},
        "processors": [OWN_TIME, *(_copy(*each) for each in STANDARD_ATTRIBUTES)],
    }


def _copy(name: str, source: str, target: str) -> dict[str, Any]:
    """A processor that gives an attribute a second name."""
    return {
        "type": "attribute-remapper",
        "name": name,
        "is_enabled": True,
        "source_type": "attribute",
        "sources": [source],
        "target_type": "attribute",
        "target": target,
        "preserve_source": True,
        "override_on_conflict": False,
    }
