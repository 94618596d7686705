"""What a kit is made of. The texts hold no secret: an external ID is none, and keys never enter a kit."""

import re
from dataclasses import dataclass

# An alias would not do: policies match the key's own ARN.
KMS_KEY = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):key/([A-Za-z0-9-]{1,64})")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class KitError(ValueError):
    """No kit can be made of this; the message says what is missing or wrong, for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person chooses beside the configuration.

    `create` makes the stream, log group or delivery stream (with its bucket) too; `kms_key_arn` is the customer's own
    key on it; `read_back` lets the doctor see that the test record arrived; `partition_by_type` files objects in S3
    under their event type.
    """

    create: bool = False
    kms_key_arn: str = ""
    read_back: bool = False
    bucket: str = ""
    partition_by_type: bool = False

    def __post_init__(self) -> None:
        if self.kms_key_arn and not KMS_KEY.fullmatch(self.kms_key_arn):
            raise KitError(
                f"{self.kms_key_arn} is not the ARN of a KMS key. It looks like arn:aws:kms:REGION:ACCOUNT:key/ID."
            )
        if self.bucket and not BUCKET.fullmatch(self.bucket):
            raise KitError(
                f"{self.bucket} can't name a bucket: that is 3 to 63 small letters, digits, dots and hyphens."
            )


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step for a person: a sentence, what to paste there, and where."""

    text: str
    code: str = ""
    link: str = ""
    link_words: str = ""
    copy_words: str = "Copy"


@dataclass(frozen=True, slots=True)
class Part:
    """One way to do the whole set-up: instructions, and a file for them where it takes one."""

    slug: str
    label: str
    instructions: tuple[Instruction, ...]
    filename: str = ""
    text: str = ""

    def as_text(self) -> str:
        """The file, or the instructions with what they have to be pasted."""
        return self.text or "\n".join(_lines(self.instructions))


@dataclass(frozen=True, slots=True)
class Kit:
    """`summary` says in a sentence what the kit makes; `notes` what else has to be so."""

    target: str
    title: str
    summary: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()

    def part(self, slug: str) -> Part:
        """Raises KitError."""
        found = next((part for part in self.parts if part.slug == slug), None)
        if found is None:
            raise KitError(f"This kit has no {slug}; it has {', '.join(part.slug for part in self.parts)}.")
        return found


def _lines(instructions: tuple[Instruction, ...]) -> list[str]:
    lines = []
    for number, instruction in enumerate(instructions, start=1):
        lines.append(f"{number}. {instruction.text}")
        if instruction.link:
            lines.append(f"   {instruction.link}")
        if instruction.code:
            lines += ["", *(f"    {line}" for line in instruction.code.splitlines()), ""]
    return lines
