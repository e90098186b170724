"""Where a vendor answers, and which credential can serve which model. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from stationmaster.targets.export.values import Exported

EVERY = "*"
_SPECIAL = re.compile(r"[.+?()\[\]{}^$|\\]")

_HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com", "gemini": "generativelanguage.googleapis.com"}
# What a base URL may end in although the vendor's paths begin with it, so that both spellings are one address.
_TAILS = {
    "openai": ("/v1",), "anthropic": ("/v1",), "gemini": ("/v1beta",), "azure_openai": ("/openai/v1", "/openai"),
}  # fmt: skip


@dataclass(frozen=True)
class Address:
    """Where calls go. `path` is what stands before the vendor's own paths, without a slash at its end; `own`: it is the vendor's
    public address."""

    host: str
    port: int
    path: str
    tls: bool
    own: bool


@dataclass(frozen=True)
class Serving:
    """Who serves one model, or the models of one pattern."""

    model: str
    members: tuple[Exported, ...]

    @property
    def is_pattern(self) -> bool:
        """Whether it is more than one model."""
        return "*" in self.model


def address(one: Exported) -> Address | None:
    """The address of a credential; None: it has none, and its vendor neither."""
    if not one.base_url:
        host = _HOSTS.get(one.vendor)
        return Address(host, 443, "", tls=True, own=True) if host else None
    url = urlsplit(one.base_url)
    tls, path = url.scheme == "https", url.path.rstrip("/")
    for tail in _TAILS.get(one.vendor, ()):
        path = path.removesuffix(tail)
    port = url.port or (443 if tls else 80)
    own = (url.hostname, port, path) == (_HOSTS.get(one.vendor), 443, "")
    return Address(url.hostname or "", port, path, tls, own)


def servings(those: Sequence[Exported]) -> list[Serving]:
    """Each model or pattern with everybody who serves it, the narrowest first: who takes every model takes this one too."""
    found = [_serving(model, those) for model in _models(those)]
    return sorted(found, key=lambda each: (each.is_pattern, -len(each.model.replace("*", "")), each.model))


def tiers(members: Sequence[Exported]) -> Mapping[str, int]:
    """The place of each in the order of priorities, counted from 0 without gaps, by its id."""
    ranks = {priority: rank for rank, priority in enumerate(sorted({member.priority for member in members}))}
    return {member.credential: ranks[member.priority] for member in members}


def pattern(model: str, any_: str = ".*") -> str:
    """A model's name as a regular expression without anchors, `*` as `any_`; what every dialect of them agrees on is escaped."""
    return any_.join(_SPECIAL.sub(r"\\\g<0>", part) for part in model.split("*"))


def _models(members: Sequence[Exported]) -> list[str]:
    return list(dict.fromkeys(model for member in members for model in member.models or (EVERY,)))


def _serving(model: str, members: Sequence[Exported]) -> Serving:
    serving = [member for member in members if any(_covers(wide, model) for wide in member.models or (EVERY,))]
    return Serving(model, tuple(sorted(serving, key=lambda member: (member.priority, member.credential))))


def _covers(wide: str, model: str) -> bool:
    return re.fullmatch(pattern(wide), model) is not None
