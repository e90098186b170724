"""Which kinds of targets there are. Owns: their names, what each offers and keeps, what stays unknown. Plain data: reading it
imports no network library.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stationmaster.errors import Invalid
from stationmaster.i18n import marked
from stationmaster.targets._base import Access, Capability

C = Capability
Field = Literal["name", "base_url", "models", "priority", "concurrency", "groups", "enabled"]


@dataclass(frozen=True)
class Kind:
    """One kind of target. `module` holds its `Adapter`. `credential`: what an admin attaches it with: a key, a user with a
    password, or a key with a user id; none at all is allowed where `optional`. `vendors`: whose credentials it takes. `keeps`:
    the fields of an entry that it holds for at least one of them, which are compared on reading back. `direction`: which number
    its own priority prefers; empty: it has none. `unknown`: what it does not tell, `traps`: what its people should know; a
    sentence each, shown by `told`."""

    name: str
    title: str
    module: str
    capabilities: frozenset[Capability]
    credential: Literal["key", "user_password", "key_user_id"]
    vendors: frozenset[str]
    keeps: frozenset[Field]
    direction: Literal["lower", "higher", ""] = ""
    optional: bool = False
    shows_secret: bool = False                     # a rotated secret is seen by reading back
    calls_per_minute: int = 240
    unknown: tuple[str, ...] = ()
    traps: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {each.name: each for each in (
    Kind(
        "crs", "Claude Relay Service", "crs", frozenset({C.CONNECT, C.PUBLISH, C.READ, C.GROUPS}), "user_password",
        frozenset({"openai", "openai_compatible", "anthropic", "gemini"}),
        frozenset({"name", "base_url", "models", "priority", "concurrency", "groups", "enabled"}), direction="lower",
        unknown=(marked("The target never shows which secret it holds."),
                 marked("A refused credential shows as a pause of half an hour, not as a state of its own.")),
        traps=(marked("The target writes secrets into its own log in clear when they are published."),
               marked("Everybody who may administer the target can export the secrets that were published into it.")),
    ),
    Kind(
        "s2a", "Sub2API", "s2a", frozenset({C.CONNECT, C.PUBLISH, C.READ, C.GROUPS}), "key",
        frozenset({"openai", "openai_compatible", "anthropic", "gemini"}),
        frozenset({"name", "base_url", "models", "priority", "concurrency", "groups", "enabled"}), direction="lower",
        unknown=(marked("Newer releases never show which secret they hold."),),
        traps=(marked("Older releases show secrets in clear to everybody who may administer the target."),
               marked("There is one admin key an instance: making another one ends everybody else's."),
               marked("Newer releases send one request of their own to the vendor when an OpenAI key is published.")),
    ),
    Kind(
        "cpa", "CLIProxyAPI", "cpa", frozenset({C.CONNECT, C.PUBLISH, C.READ}), "key",
        frozenset({"openai", "openai_compatible", "anthropic", "gemini"}),
        frozenset({"base_url", "models", "priority", "enabled"}), direction="higher", shows_secret=True,
        unknown=(marked("The target counts successes and failures, and tells no state of a credential."),),
        traps=(marked("The target shows secrets in clear to everybody who holds its management key."),
               marked("Lists are replaced as a whole: somebody who edits them at the same moment may lose the edit."),
               marked("Five wrong management keys from one address are answered with a ban of half an hour.")),
    ),
    Kind(
        "litellm", "LiteLLM", "litellm", frozenset({C.CONNECT, C.PUBLISH, C.READ}), "key",
        frozenset({"openai", "openai_compatible", "anthropic", "gemini"}),
        frozenset({"base_url", "models", "priority", "concurrency", "groups", "enabled"}), direction="lower",
        unknown=(marked("The target never shows which secret it holds."),
                 marked("Health is told only where the proxy makes health checks of its own."),
                 marked("Whether it stores models at all (STORE_MODEL_IN_DB) shows at the first publication only.")),
        traps=(marked("The proxy needs a PostgreSQL database; without one it keeps nothing that is published."),
               marked("Its health page calls the vendor for every model: Stationmaster never opens it."),
               marked("With several workers a change may take a while to be seen by all of them.")),
    ),
    Kind(
        "new_api", "new-api", "new_api", frozenset({C.CONNECT, C.PUBLISH, C.READ, C.GROUPS}), "key_user_id",
        frozenset({"openai", "openai_compatible", "anthropic", "gemini"}),
        frozenset({"name", "base_url", "models", "priority", "groups", "enabled"}), direction="higher",
        unknown=(marked("The target never shows which secret it holds."),),
        traps=(marked("A credential serves only the models that are named."),
               marked("Searching its channels for a key leaves the key in its access log."),
               marked("Root users can show secrets that were published.")),
    ),
    Kind(
        "one_api", "one-api", "one_api", frozenset({C.CONNECT, C.PUBLISH, C.READ, C.GROUPS}), "key",
        frozenset({"openai", "openai_compatible", "anthropic", "gemini"}),
        frozenset({"name", "base_url", "models", "priority", "groups", "enabled"}), direction="higher", calls_per_minute=140,
        unknown=(marked("The target never shows which secret it holds."),),
        traps=(marked("A credential serves only the models that are named."),
               marked("Channels are known by the beginning of their name: renaming one there makes it a stranger."),
               marked("Answers to a change hold the secret in clear, for whatever stands between.")),
    ),
    Kind(
        "bifrost", "Bifrost", "bifrost", frozenset({C.CONNECT, C.PUBLISH, C.READ}), "key",
        frozenset({"openai", "openai_compatible", "anthropic", "gemini"}), frozenset({"name", "base_url", "models", "enabled"}),
        optional=True,
        unknown=(marked("The target never shows which secret it holds."), marked("It has no priorities and no groups of keys.")),
        traps=(marked("Its management interface is open to everybody until authentication is switched on."),
               marked("The target lists models at the vendor with each key that is published or changed."),
               marked("Address and concurrency belong to a provider: "
                      "a credential with its own address gets a provider of its own.")),
    ),
)}  # fmt: skip


def kind(name: str) -> Kind:
    """The one with this name. Raises `Invalid`."""
    found = KINDS.get(name)
    if found is None:
        hint = f"one of {', '.join(KINDS)}"
        raise Invalid("error.target.unknown_kind", f"there is no kind of target {name!r}", hint=hint, fields={"kind": "unknown"})
    return found


def open_target(access: Access) -> Any:
    """The adapter for a target; nothing is sent yet. What it can is told by `isinstance` with the Protocols of `_base`. Raises
    `Invalid` when `access` cannot be used (an address that leads nowhere allowed, a credential of the wrong kind)."""
    module = importlib.import_module(f"stationmaster.targets.{kind(access.kind).module}")
    return module.Adapter(access)
