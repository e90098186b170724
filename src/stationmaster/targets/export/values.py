"""What goes into an export and what comes out. Owns: the values, names that every product takes, and the writing of YAML."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

LONGEST_NAME = 63             # of a Kubernetes label (RFC 1123), the strictest of all


@dataclass(frozen=True)
class Exported:
    """A credential without its secret. `credential` is its id; `name` its name, unique, which secrets are asked for by;
    `models` may hold `*` for any characters, and none means every model. `priority`: lower comes first; `weight`: its share
    among those of one priority."""

    credential: str
    name: str
    vendor: str
    base_url: str = ""
    models: tuple[str, ...] = ()
    priority: int = 0
    weight: int = 1


@dataclass(frozen=True, order=True)
class Reference:
    """Where a credential's secret has to be put, by whoever applies the export. `place`: an environment variable, or a Kubernetes
    Secret as namespace/name with the `key` in it."""

    credential: str
    place: str
    key: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A credential that is not in the export, and why, a sentence that `told` shows."""

    credential: str
    why: str


@dataclass(frozen=True)
class Export:
    """A file. `text` is YAML; `secrets` what has to be provided beside it; `left_out` what it could not express."""

    text: str
    secrets: tuple[Reference, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def slug(text: str, longest: int = LONGEST_NAME) -> str:
    """`text` as a name of lower-case letters, digits and hyphens; what had to be altered or cut ends in a part of its hash, so
    that two texts never share a name."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if plain == text and len(plain) <= longest:
        return plain
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain[: longest - 9].strip('-')}-{mark}".lstrip("-")


class _Plain(yaml.SafeDumper):
    """YAML without anchors and with lists set in."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Never refer to what stands above: people read and edit it."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Set lists in."""
        return super().increase_indent(flow, False)


def dump(documents: Iterable[Any], heading: Sequence[str]) -> str:
    """YAML documents under a comment."""
    comment = "".join(f"# {line}".rstrip() + "\n" for line in heading)
    body = yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    return comment + body
