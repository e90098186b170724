"""What differs between the simulated vendors, as data: prefixes, roles, what is kept (their SDKs' types and references)."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _openai_id(name: str) -> str:
    return "org-" + hashlib.sha256(name.encode()).hexdigest()[:24]


def _anthropic_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://sandbox.invalid/{name}"))


def _plain_id(name: str) -> str:
    return name


@dataclass(frozen=True)
class Traits:
    """One vendor. `kept_invites`: states in which an invitation is still listed or can be read; `joined`: the member's role by
    the invitation's; `path`: what its base URL ends in; `seats_bound_members`: whether seats count people and invitations."""

    secret: str
    member_role: str
    owner_role: str
    owner_roles: frozenset[str]
    organisation_id: Callable[[str], str] = _plain_id
    path: str = ""
    person_prefix: str = "user_"
    invite_prefix: str = "invite_"
    kept_invites: frozenset[str] = frozenset({"pending", "accepted", "expired"})
    joined: Mapping[str, str] = field(default_factory=dict)
    invite_lifetime: float = 7 * 86_400.0
    seats_bound_members: bool = True

    def joined_role(self, invited: str) -> str:
        """The role of a member who was invited in this one."""
        return self.joined.get(invited, invited)


TRAITS: Mapping[str, Traits] = {
    "openai": Traits(
        "sk-admin-sandbox-", "reader", "owner", frozenset({"owner"}), _openai_id, path="/v1", person_prefix="user-",
        invite_prefix="invite-",
    ),
    "anthropic": Traits(
        "sk-ant-admin01-sandbox-", "user", "admin", frozenset({"admin", "owner", "primary_owner"}), _anthropic_id,
        kept_invites=frozenset({"pending", "accepted", "expired", "deleted"}), invite_lifetime=21 * 86_400.0,
    ),
    "github_copilot": Traits(
        "ghp_sandbox-", "member", "admin", frozenset({"admin"}), kept_invites=frozenset({"pending", "expired"}),
        joined={"direct_member": "member", "reinstate": "member"}, seats_bound_members=False,
    ),
    "cursor": Traits("key_sandbox-", "member", "owner", frozenset({"owner"})),
}  # fmt: skip
