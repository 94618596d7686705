"""What a person may choose a new destination from: every target, and S3, which is reached through Firehose."""

from dataclasses import dataclass

from destinations.targets import all_targets


@dataclass(frozen=True, slots=True)
class Choice:
    """A card of the wizard's first step; `query` goes to the form's address, and on to the kit."""

    slug: str
    label: str
    icon: str
    summary: str
    target: str
    query: str = ""


S3 = Choice(
    "s3",
    "S3 (through Firehose)",
    "archive-box",
    "Compressed files in a bucket, by hour. Makes bucket, delivery stream and role together.",
    "firehose",
    "choice=s3&create=on&read_back=on",
)


def choices() -> list[Choice]:
    found = [Choice(slug, each.label, each.icon, each.summary, slug) for slug, each in all_targets().items()]
    return sorted([*found, S3], key=lambda choice: choice.label)
