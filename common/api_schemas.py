"""What bodies of the API have in common: unknown keys refused by name, texts bounded in bytes, times in UTC."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, overload

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_DESCRIPTION_BYTES = 255
MAX_METADATA_BYTES = 4096


@overload
def shown_time(at: datetime) -> str: ...
@overload
def shown_time(at: None) -> None: ...
@overload
def shown_time(at: datetime | None) -> str | None: ...
def shown_time(at: datetime | None) -> str | None:
    """RFC 3339, to the second, such as 2026-11-28T08:00:00Z; `at` is in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None


def shown_key(pk: int | None) -> str | None:
    """Keys are numbers, of which some clients keep too few digits: the API shows them as text."""
    return None if pk is None else str(pk)


class Input(BaseModel):
    """A body, or an object in one. A key that is null counts as absent."""

    model_config = ConfigDict(extra="forbid")
    # What an unknown key is called among the errors; config/api.py has the code of each.
    unknown_key: ClassVar[str] = "unknown_parameter"

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = sorted(field.alias or name for name, field in cls.model_fields.items())
            for name in data:
                if name not in known:
                    listed = {"name": str(name)[:60], "known": ", ".join(known)}
                    raise PydanticCustomError(cls.unknown_key, "{name} is not known here. Known: {known}", listed)
        return data

    def given(self) -> dict[str, Any]:
        """The keys that were sent with a value."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in values.items() if value is not None}


def _at_most(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        size = len(text.encode())
        if size > limit:
            told = {"size": size, "limit": limit}
            raise PydanticCustomError("too_long", "it has {size} bytes; {limit} is the most", told)
        return text

    return AfterValidator(check)


Description = Annotated[
    str,
    _at_most(MAX_DESCRIPTION_BYTES),
    Field(description="For people; at most 255 bytes.", json_schema_extra={"maxLength": MAX_DESCRIPTION_BYTES}),
]
Metadata = Annotated[
    str,
    _at_most(MAX_METADATA_BYTES),
    Field(
        description="Of your own, kept and returned as it is; at most 4096 bytes.",
        json_schema_extra={"maxLength": MAX_METADATA_BYTES},
    ),
]
