"""Rows of people: persons, their further addresses and vendor log-ins, groups, memberships. Owns their tables.

What people type in two spellings has a second column in the one folded form (`folding.fold`), which is what is compared,
sorted by and kept unique; `stamp` fills it. All such columns compare by their bytes on every database.
"""

import secrets
from typing import Any

from django.db import models
from django.db.models import Q

from stationmaster.folding import fold
from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow, Guarded

SOURCES = ("csv", "scim", "hand")
MAX_NAME = 254             # characters of a user name, an e-mail address (RFC 5321 §4.5.3.1.3) or a log-in
MAX_FOLDED = 320           # of their folded forms, which may be longer
_FOLDED = "_folded"


def new_salt() -> str:
    """A salt for the hashes that events know a person by."""
    return secrets.token_hex(16)


def _text(length: int = MAX_NAME, **more: Any) -> Any:
    return AsciiField(max_length=length, default="", blank=True, **more)


def _folded(**more: Any) -> Any:
    return _text(MAX_FOLDED, editable=False, **more)


class _Folding(ConfigRow):
    """A row with folded columns: `x_folded` is kept beside `x`."""

    class Meta:
        abstract = True

    def audited(self) -> dict[str, Any]:
        """Without the folded columns, which say nothing of their own."""
        return {name: value for name, value in super().audited().items() if not name.endswith(_FOLDED)}

    def stamp(self) -> None:
        """Fold what was written."""
        super().stamp()
        for field in self._meta.concrete_fields:
            if field.name.endswith(_FOLDED):
                setattr(self, field.name, fold(getattr(self, field.name.removesuffix(_FOLDED))))


class Person(_Folding):
    """A member of the company. Events know everything personal as hashes with the row's `salt` only, so that erasing the
    person, or deleting the row, makes them unknown there too.

    A user name is one person's for good, a leaver's too. An e-mail address is one *active* person's: companies give a
    leaver's address on, and nobody is to be kept out by somebody who is gone; but two active persons with one address
    would be two claims to one member at every vendor. An empty address is nobody's.
    """

    PREFIX = "per"
    KIND = "person"
    SEARCH = ("user_name", "display_name", "given_name", "family_name", "email", "employee_number", "department", "title")
    HIDDEN = frozenset({"salt"})
    PERSONAL = frozenset({
        "user_name", "display_name", "given_name", "family_name", "email", "department", "title", "manager",
        "employee_number", "external_id", "scim",
    })
    OBSERVED = frozenset({"last_import"})

    user_name = _text()
    user_name_folded = _folded(unique=True)
    display_name = _text()
    display_name_folded = _folded(db_index=True)
    given_name = _text()
    given_name_folded = _folded()
    family_name = _text()
    family_name_folded = _folded(db_index=True)
    email = _text()                                            # the first; further ones are PersonEmail
    email_folded = _folded(db_index=True)
    email_kind = _text(20)                                     # work, home, other … as SCIM says; empty: work
    department = _text()
    department_folded = _folded()
    title = _text()
    title_folded = _folded()
    manager = _text()                                          # as its source names them: an id, a user name, an address
    employee_number = _text()
    employee_number_folded = _folded(db_index=True)
    external_id = _text(db_index=True)                         # the source's own id
    source = AsciiField(max_length=10, default="hand", db_index=True)
    active = models.BooleanField(default=True, db_index=True)
    left_at = models.DateTimeField(null=True)                  # when they were deactivated
    erased_at = models.DateTimeField(null=True)
    scim = JsonText(default=dict)                              # what SCIM said besides, by attribute; extensions by URN
    salt = AsciiField(max_length=32, default=new_salt, editable=False)
    last_import = _text(64, db_index=True, editable=False)     # the last CSV import that had a row for them

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("email_folded",), condition=Q(active=True) & ~Q(email_folded=""), name="one_active_person_an_address",
            ),
        )

    def __str__(self) -> str:
        return str(self.display_name or self.user_name)

    def known_as(self) -> str:
        """Their id: their name is not kept when they are deleted."""
        return str(self.id)


class PersonEmail(Guarded):
    """A further address of a person, as SCIM and vendors may know them by. `Person.email` is not among them."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="further_emails")
    position = models.PositiveIntegerField()
    value = _text()
    folded = _folded(db_index=True)
    kind = _text(20)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("person", "folded"), name="an_address_once_a_person"),)

    def stamp(self) -> None:
        """Fold it."""
        super().stamp()
        self.folded = fold(self.value)


class PersonLogin(Guarded):
    """What a vendor knows a person by, where that is not their e-mail address: a GitHub log-in, another address."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="logins")
    vendor = AsciiField(max_length=32)
    login = _text()
    folded = _folded()
    linked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("vendor", "folded"), name="a_login_is_one_persons"),)

    def stamp(self) -> None:
        """Fold it."""
        super().stamp()
        self.folded = fold(self.login)


class Group(_Folding):
    """A group of persons. Its revision goes up when its members change."""

    PREFIX = "grp"
    KIND = "group"
    SEARCH = ("name", "external_id")

    name = AsciiField(max_length=MAX_NAME)
    name_folded = _folded(unique=True)
    external_id = _text(db_index=True)
    source = AsciiField(max_length=10, default="hand", db_index=True)
    scim = JsonText(default=dict)

    def __str__(self) -> str:
        return str(self.name)

    def known_as(self) -> str:
        """Its id: what is dropped is told of in ASCII."""
        return str(self.id)


class Membership(Guarded):
    """A person's place in a group. A group's members are counted and paged here, never loaded with it."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("group", "person"), name="once_in_a_group"),)


# Their tables are this app's as well; Django finds models where an app's own module leads.
from stationmaster.people.importing.models import Batch, Import, Piece, Problem  # noqa: E402
from stationmaster.people.scim.models import Forgotten, Leaver  # noqa: E402

__all__ = [
    "MAX_FOLDED", "MAX_NAME", "SOURCES", "Batch", "Forgotten", "Group", "Import", "Leaver", "Membership", "Person",
    "PersonEmail", "PersonLogin", "Piece", "Problem", "new_salt",
]  # fmt: skip
