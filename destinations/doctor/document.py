"""docs/troubleshooting.md, made from the error table; a test compares them."""

from collections.abc import Iterator

from destinations.doctor.causes import Cause, all_causes, filled

TITLES = {
    "sts": "Signing in to AWS as a role",
    "cloudwatch_logs": "CloudWatch Logs",
    "kinesis": "Kinesis",
    "firehose": "Firehose",
    "aws": "All of AWS",
    "datadog": "Datadog",
    "azure_logs_ingestion": "Azure Monitor",
    "entra": "Microsoft Entra ID",
    "http": "Any web service",
    "here": "Found out by Event Subscriptions",
}
OUTCOMES = {
    "retry": "The records wait and go again by themselves.",
    "configuration": "The destination is blocked: its records are held, and a probe every 5 min heals it.",
    "too_large": "The request is halved and sent again.",
    "refused": "The record becomes a dead letter.",
}
HEAD = """# Troubleshooting

Each code that a service gives in practice: what it means, what to do, who has to, and whether it heals by itself.
Pages, the API and test events use the same words. This page is made by `manage.py error_table`; its source is
`destinations/doctor/causes.toml`.

Begin with **Send test event** on the destination: it goes through name and TLS, signing in, permission, the resource,
one record written and read back, and stops at the first step that fails, with its cause and what to paste.
"""


def troubleshooting() -> str:
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for service, title in TITLES.items():
        yield f"## {title}\n"
        for cause in all_causes():
            if cause.service == service:
                yield from _entry(cause)


def _entry(cause: Cause) -> Iterator[str]:
    codes = ", ".join(f"`{code}`" for code in (cause.code, *cause.also))
    yield f"### {codes}{f' ({cause.words})' if cause.words else ''}\n"
    if cause.said:
        yield f"> {cause.said}\n"
    yield f"{filled(cause.cause, {})}\n"
    yield f"**Remedy.** {filled(cause.remedy, {})}\n"
    late = f" A change may take {cause.minutes} min to count; a test goes on by itself." if cause.minutes else ""
    yield f"Who acts: {cause.who_acts}. Heals by itself: {cause.healing}. {OUTCOMES[cause.outcome]}{late}\n"
