"""What an import of an older setup remarks on a record, in the reader's language. Owns those words."""

from collections.abc import Mapping
from typing import Final

from stationmaster.i18n import marked, told

REMARKS: Final[Mapping[str, str]] = {
    "not_believed": marked("what ran there is not believed: the seat is planned"),
    "unknown_state": marked("a state that means nothing here"),
    "no_team": marked("a person without a team"),
    "read_back": marked("the seat's state is read from its vendor"),
    "not_assigned": marked("the seat is over: nobody is assigned"),
    "role_kept": marked("the role is kept; it is given where the vendor has it"),
    "publication_kept": marked("where it was published is kept for the way back; publish it anew"),
    "to_be_attached": marked("kept by hand until the workspace is attached with its admin credential"),
    "to_be_tested": marked("the target is tested before anything is published there"),
    "target_there": marked("a target of this kind is at this address already"),
    "no_key": marked("the target's credential is missing"),
    "new_default": marked("it becomes the default target, in place of the one that is"),
}


def remark(code: str) -> str:
    """A remark in the reader's language; a code of another version as it is."""
    return told(REMARKS[code]) if code in REMARKS else code
