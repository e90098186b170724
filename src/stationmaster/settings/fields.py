"""The list of settings as plain values: for the reader of the environment, `config show`, the docs and the schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from stationmaster.settings.marks import Takes, Words
from stationmaster.settings.root import Settings

PREFIX = "STATIONMASTER__"
TWIN = "_file"


@dataclass(frozen=True)
class Field:
    """One setting. `variables` are the environment's names for it, the long one first."""

    section: str
    key: str
    text: str
    expected: str
    default: Any
    takes: Takes
    variables: tuple[str, ...]
    type: Any   # with its checks

    @property
    def name(self) -> str:
        """`console.port`."""
        return f"{self.section}.{self.key}"

    @property
    def secret(self) -> bool:
        """Whether its value is hidden, and can be given as the name of a file (`…_file`, `…_FILE`)."""
        return isinstance(self.default, SecretStr)

    @property
    def is_url(self) -> bool:
        """Whether it is a secret only for the password in it."""
        return self.secret and self.key == "url"

    @property
    def is_path(self) -> bool:
        """Whether it names a file or folder: then a relative one starts where it was written."""
        return isinstance(self.default, Path) or self.expected == "a path"

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.default, tuple)

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """What checks a value."""
        return TypeAdapter(self.type)


def _fields() -> Iterator[Field]:
    for section, info in Settings.model_fields.items():
        type_ = info.annotation
        if isinstance(type_, type) and issubclass(type_, BaseModel):
            for key, field in type_.model_fields.items():
                yield _field(section, key, field)


def _field(section: str, key: str, info: FieldInfo) -> Field:
    extra: dict[str, Any] = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    short = str(extra.get("x-variable", ""))
    long = f"{PREFIX}{section}__{key}".upper()
    return Field(
        section, key, info.description or "", _expected(info), info.default, Takes(str(extra["x-takes-effect"])),
        (long, short) if short else (long,), info.rebuild_annotation(),
    )  # fmt: skip


def _expected(info: FieldInfo) -> str:
    """A field's type in words, as they stand behind "expected"."""
    said = next((each.text for each in info.metadata if isinstance(each, Words)), "")
    if said:
        return said
    if get_origin(info.annotation) is Literal:
        return f"one of {', '.join(get_args(info.annotation))}"
    if info.annotation is bool:
        return "true or false"
    if info.annotation in {int, float}:
        low, high = (_bound(info, name) for name in ("ge", "le"))
        return f"a {'whole ' if info.annotation is int else ''}number from {low} to {high}"
    return "a string" if info.annotation is str else "a path"


def _bound(info: FieldInfo, name: str) -> Any:
    return next(getattr(each, name) for each in info.metadata if hasattr(each, name))


FIELDS: Mapping[str, Field] = {field.name: field for field in _fields()}
