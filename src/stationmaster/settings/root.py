"""The settings object: every section, and where each value came from. Owns precedence, origin, what may be shown.

Reads no file and no variable: `load` hands it layers, the strongest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from pydantic import Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from stationmaster.gateway.config import Problem
from stationmaster.settings import model
from stationmaster.settings.masks import masked

Kind = Literal["flag", "env", "file", "stored", "default"]


class Origin(NamedTuple):
    """Where a value came from. `where` is a flag's name, a variable's, `file:line`, who saved it and when, or
    empty for a default."""

    kind: Kind
    where: str = ""


class Spot(NamedTuple):
    """Where a problem with a value is told: a file and line (0: none), and a key or another name."""

    file: str
    line: int
    key: str


@dataclass(frozen=True)
class Given:
    """One value as a layer has it, before or after it was checked."""

    value: Any = field(repr=False)
    origin: Origin
    spot: Spot


Layer = Mapping[str, Given]  # by a setting's name, "console.port"


class _Source(PydanticBaseSettingsSource):
    """One layer, as pydantic-settings takes it."""

    def __init__(self, settings: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings)
        self._layer = layer

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """One section of the layer."""
        return self()[field_name], field_name, False

    def __call__(self) -> dict[str, Any]:
        """The layer by section and key."""
        sections: dict[str, Any] = {}
        for name, given in self._layer.items():
            section, _, key = name.partition(".")
            sections.setdefault(section, {})[key] = given.value
        return sections


class Settings(BaseSettings):
    """All settings, frozen. Made by `load`; `Settings()` is all defaults, whatever the environment says."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", title="stationmaster.toml")

    data: model.Data = Field(default_factory=model.Data)
    database: model.Database = Field(default_factory=model.Database)
    valkey: model.Valkey = Field(default_factory=model.Valkey)
    telemetry: model.Telemetry = Field(default_factory=model.Telemetry)
    vault: model.Vault = Field(default_factory=model.Vault)
    console: model.Console = Field(default_factory=model.Console)
    login: model.Login = Field(default_factory=model.Login)
    oidc: model.Oidc = Field(default_factory=model.Oidc)
    retention: model.Retention = Field(default_factory=model.Retention)
    jobs: model.Jobs = Field(default_factory=model.Jobs)
    seats: model.Seats = Field(default_factory=model.Seats)
    rotation: model.Rotation = Field(default_factory=model.Rotation)
    bills: model.Bills = Field(default_factory=model.Bills)
    backup: model.Backup = Field(default_factory=model.Backup)
    mail: model.Mail = Field(default_factory=model.Mail)
    tokens: model.Tokens = Field(default_factory=model.Tokens)
    outbound: model.Outbound = Field(default_factory=model.Outbound)
    identity: model.Identity = Field(default_factory=model.Identity)
    log: model.Log = Field(default_factory=model.Log)
    ui: model.Ui = Field(default_factory=model.Ui)
    gateway: model.Gateway = Field(default_factory=model.Gateway)

    _layers: tuple[Layer, ...] = PrivateAttr(default=())
    _ignored: tuple[Problem, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """The layers, the strongest first, and nothing else: files and variables are read by `load`."""
        layers = cast("InitSettingsSource", init_settings).init_kwargs.get("layers", ())
        return tuple(_Source(settings_cls, layer) for layer in layers) or (_Source(settings_cls, {}),)

    @classmethod
    def of_layers(cls, layers: Sequence[Layer], ignored: Iterable[Problem] = ()) -> "Settings":
        """Lay checked layers over each other, the strongest first."""
        made = cls(layers=tuple(layers))  # type: ignore[call-arg]
        made._layers = tuple(layers)
        made._ignored = tuple(ignored)
        return made

    @property
    def ignored(self) -> tuple[Problem, ...]:
        """Saved values that could not be used, and why: they have no effect until they are saved anew."""
        return self._ignored

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.data.dir

    def given(self, name: str) -> Given | None:
        """What decided the value of `name`, such as "console.port"; None for a default. Raises KeyError for no
        setting's name."""
        self.value(name)
        return next((layer[name] for layer in self._layers if name in layer), None)

    def origin(self, name: str) -> Origin:
        """Where the value of `name` came from. Raises KeyError for no setting's name."""
        given = self.given(name)
        return given.origin if given else Origin("default")

    def locked(self, name: str) -> bool:
        """Whether `name` is set by a flag, the environment or a file, and so cannot be changed anywhere else."""
        return self.origin(name).kind in {"flag", "env", "file"}

    def value(self, name: str) -> Any:
        """The value of `name`. Raises KeyError for no setting's name."""
        section, _, key = name.partition(".")
        try:
            return getattr(getattr(self, section), key)
        except AttributeError:
            raise KeyError(name) from None

    def shown(self, name: str) -> Any:
        """The value of `name` for people and programs: plain data, secrets masked. Raises KeyError."""
        value = self.value(name)
        if isinstance(value, SecretStr):
            return masked(value.get_secret_value())
        if isinstance(value, Path):
            return str(value)
        return list(value) if isinstance(value, tuple) else value
