"""Which vendors there are. Owns: their names, what each offers, what stays to be done by hand. Plain data: reading it imports no
SDK, so that lists and pages cost nothing.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stationmaster.errors import Invalid
from stationmaster.vendors._base import Access, Capability

C = Capability


@dataclass(frozen=True)
class Vendor:
    """One vendor. `module` holds its `Adapter`; `known_by`: what it knows people by; `roles` it lets us give, from the
    weakest, which is the default one, to the strongest; `owner_roles`: who holds one is never removed from here, and the last
    of them never demoted; `gives_roles` false: roles are known, and changed at the vendor by people; `by_hand`: what people do
    themselves, a sentence each (i18n ids)."""

    name: str
    title: str
    module: str
    capabilities: frozenset[Capability]
    known_by: Literal["email", "login"] = "email"
    roles: tuple[str, ...] = ()
    owner_roles: frozenset[str] = frozenset()
    gives_roles: bool = True
    project_role: str = "member"                   # what people are given in a project, workspace or team
    by_hand: tuple[str, ...] = ()
    inference: bool = False                        # the gateway can use its credentials
    needs_secret: bool = True
    # Of its admin interface, when a workspace sets no other rate: our own choice, below what vendors name. Cursor's is its own
    # (https://cursor.com/docs/api).
    calls_per_minute: int = 60

    def name_of(self, email: str, login: str) -> str:
        """What it knows somebody by, of what it says of them; the other one where it leaves that out."""
        return (login or email) if self.known_by == "login" else (email or login)


VENDORS: Mapping[str, Vendor] = {each.name: each for each in (
    Vendor(
        "openai", "OpenAI Platform", "openai",
        frozenset({C.IDENTITY, C.MEMBERS, C.INVITES, C.PROJECTS, C.KEYS, C.USAGE, C.LIMITS, C.PROBE}),
        roles=("reader", "owner"), owner_roles=frozenset({"owner"}), inference=True,
        by_hand=("People accept their invitation themselves.",),
    ),
    Vendor(
        "anthropic", "Anthropic Console", "anthropic",
        frozenset({C.IDENTITY, C.MEMBERS, C.INVITES, C.PROJECTS, C.KEYS, C.USAGE, C.LIMITS, C.FEDERATION, C.PROBE}),
        roles=("user", "claude_code_user", "developer", "billing"), owner_roles=frozenset({"admin", "owner", "primary_owner"}),
        project_role="workspace_developer", inference=True,
        by_hand=("People accept their invitation themselves.", "Keys are made in the vendor's console.",
                 "Admins are appointed in the vendor's console.",
                 "The first federation rule, which gives a token of scope org:admin, is made in the vendor's console."),
    ),
    Vendor(
        "github_copilot", "GitHub Copilot", "github_copilot",
        frozenset({C.IDENTITY, C.MEMBERS, C.INVITES, C.SEATS, C.USAGE}), known_by="login", roles=("member", "admin"),
        owner_roles=frozenset({"admin"}),
        by_hand=("People accept the invitation to the organisation themselves.", "The plan is bought at the vendor."),
    ),
    Vendor(
        "cursor", "Cursor", "cursor", frozenset({C.IDENTITY, C.MEMBERS, C.USAGE}), roles=("member", "owner"),
        owner_roles=frozenset({"owner"}), gives_roles=False, calls_per_minute=20,
        by_hand=("People join through the vendor's dashboard or single sign-on.", "Roles are given in the vendor's dashboard."),
    ),
    Vendor("azure_openai", "Azure OpenAI", "azure_openai", frozenset({C.PROBE}), inference=True,
           by_hand=("People and roles are those of the directory.",)),
    Vendor("bedrock", "AWS Bedrock", "bedrock", frozenset({C.PROBE}), inference=True,
           by_hand=("People and roles are those of the directory.",)),
    Vendor("gemini", "Gemini API", "gemini", frozenset({C.PROBE}), inference=True,
           by_hand=("People and roles are those of the directory.",)),
    Vendor("vertex", "Vertex AI", "vertex", frozenset({C.PROBE}), inference=True,
           by_hand=("People and roles are those of the directory.",)),
    Vendor("openai_compatible", "OpenAI-compatible", "openai_compatible", frozenset({C.PROBE}), inference=True,
           by_hand=("Everything but trying a key: there is no interface that they share.",)),
    Vendor("manual", "By hand", "manual", frozenset(), roles=("member",), gives_roles=False, needs_secret=False,
           by_hand=("Everything: each step is a checklist that a person ticks.",)),
)}  # fmt: skip


def vendor(name: str) -> Vendor:
    """The one with this name. Raises `Invalid`."""
    found = VENDORS.get(name)
    if found is None:
        hint = f"one of {', '.join(VENDORS)}"
        raise Invalid("error.vendor.unknown", f"there is no vendor {name!r}", hint=hint, fields={"vendor": "unknown"})
    return found


def open_vendor(access: Access) -> Any:
    """The adapter for a workspace; nothing is sent yet. What it can is told by `isinstance` with the Protocols of `_base`.
    Raises `Invalid` when `access` cannot be used (a base_url that leads nowhere allowed, a secret of the wrong kind)."""
    module = importlib.import_module(f"stationmaster.vendors.{vendor(access.vendor).module}")
    return module.Adapter(access)
