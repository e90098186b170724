"""What a person does at a vendor that offers no interface for it. Owns: the sentences, in the order in which they are ticked.

The last sentence of each is what makes our books true, so it asks for a look at the vendor's own page. Sentences name `who`,
`role` and `place` (the workspace) in braces; the English text is also the id of its translations.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from stationmaster.i18n import marked

_MEMBERS: Final = marked("Open the page of members of {place} at the vendor.")
_REMOVE: Final = (
    _MEMBERS, marked("Take {who} out, and end what was shared with them alone."),
    marked("Check that {who} is no longer listed there."),
)  # fmt: skip
_INVITE: Final = (
    _MEMBERS, marked("Invite {who} with the role {role}."),
    marked("Check that {who} is listed there, as invited or as a member."),
)  # fmt: skip
_INVITE_PLAINLY: Final = (_MEMBERS, marked("Invite {who}."), _INVITE[2])
_ROLE: Final = (
    _MEMBERS, marked("Give {who} the role {role}."), marked("Check that {who} is listed there with the role {role}."),
)  # fmt: skip
REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "invite_by_hand": _INVITE, "role_by_hand": _ROLE, "remove_by_hand": _REMOVE,
}  # fmt: skip


class Item(NamedTuple):
    """One sentence, and the values in it."""

    text: str
    facts: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """It in English."""
        return self.text.format(**self.facts)


def checklist(reason: str, who: str, place: str, after: Mapping[str, Any]) -> tuple[Item, ...]:
    """The sentences of a step by the code of its reason; `after`: what they are given. Empty for a step that no person does."""
    facts = {"who": who, "place": place, "role": str(after.get("role") or "")}
    texts = REASONS.get(reason, ())
    return tuple(Item(text, facts) for text in (_INVITE_PLAINLY if texts is _INVITE and not facts["role"] else texts))
