"""The filtering reference: one data file behind the page in the product, docs/filters.md and the tests of both."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from events.catalog import catalog
from events.filters.compiling import MAX_CHARACTERS, MAX_NODES, filterable_fields
from events.filters.running import PATTERN_BYTES

DASH = "- "
DATA = Path(__file__).parent / "reference.json"


class Part(NamedTuple):
    """A piece of a sentence; code stands between backquotes in the data."""

    text: str
    is_code: bool


def prose(text: str) -> list[Part]:
    return [Part(piece, index % 2 == 1) for index, piece in enumerate(text.split("`")) if piece]


def slug(title: str) -> str:
    return title.lower().replace(" ", "-")


class Example(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`matches` and `refuses` are objects of events, or the parts of them that matter here."""

    title: str
    type: str
    filter: str
    matches: dict[str, Any]
    refuses: dict[str, Any]
    note: str

    @property
    def takes(self) -> str:
        return json.dumps(self.matches, ensure_ascii=False)

    @property
    def leaves_out(self) -> str:
        return json.dumps(self.refuses, ensure_ascii=False)


class Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    title: str
    intro: str
    examples: tuple[Example, ...]

    @property
    def anchor(self) -> str:
        return slug(self.title)

    @property
    def lead(self) -> list[Part]:
        return prose(self.intro)


class Note(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`text` is paragraphs; those that begin with a dash are items of a list."""

    title: str
    text: tuple[str, ...]

    @property
    def anchor(self) -> str:
        return slug(self.title)

    @property
    def paragraphs(self) -> list[list[Part]]:
        return [prose(each) for each in self.text if not each.startswith(DASH)]

    @property
    def items(self) -> list[list[Part]]:
        return [prose(each.removeprefix(DASH)) for each in self.text if each.startswith(DASH)]


class Reference(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    sections: tuple[Section, ...]
    notes: tuple[Note, ...]


@cache
def reference() -> Reference:
    return msgspec.json.decode(DATA.read_bytes(), type=Reference)


def limits() -> list[str]:
    """From the code that keeps them."""
    return [
        f"A filter has at most {MAX_CHARACTERS:,} characters and {MAX_NODES:,} parts (fields, values, operators).",
        f"A pattern may need at most {PATTERN_BYTES >> 20} MiB to run.",
        "Parentheses, lists and sums nest 30 deep at most.",
        "Macros go over at most 10,000 elements for one event; beyond that its filter ends in an error.",
        "U+0000 is in no event and in no filter.",
    ]


def filterable() -> dict[str, list[tuple[str, str, str]]]:
    """By event type: path, type and meaning of what can be filtered on."""
    return {
        event_type.name: [(field.path, field.type, field.description) for field in filterable_fields(event_type)]
        for event_type in catalog().values()
        if event_type.filterable_fields
    }


def as_markdown() -> str:
    """docs/filters.md as a whole."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Filtering"
    yield ""
    yield "<!-- Written by `manage.py write_filter_docs` from events/filters/reference.json; change that instead. -->"
    yield ""
    yield "Filters are written in [CEL](https://cel.dev). Each example is compiled and run in the tests."
    for section in reference().sections:
        yield from ["", f"## {section.title}", "", section.intro]
        for example in section.examples:
            yield from _example(example)
    for note in reference().notes:
        yield from ["", f"## {note.title}", ""]
        yield from _paragraphs(note.text)
        if note is reference().notes[0]:
            yield from _fields()
    yield from ["", "## Limits", ""]
    yield from [f"- {limit}" for limit in limits()]


def _example(example: Example) -> Iterator[str]:
    yield from ["", f"### {example.title}", "", "```cel", example.filter, "```", ""]
    yield f"`{example.type}`: takes `{example.takes}`, refuses `{example.leaves_out}`."
    if example.note:
        yield from ["", example.note]


def _paragraphs(text: tuple[str, ...]) -> Iterator[str]:
    for index, paragraph in enumerate(text):
        if index and not (paragraph.startswith(DASH) and text[index - 1].startswith(DASH)):
            yield ""
        yield paragraph


def _fields() -> Iterator[str]:
    for name, fields in filterable().items():
        yield from ["", f"`{name}`:", ""]
        yield from [f"- `{path}` ({kind}): {meaning}" for path, kind, meaning in fields]
