"""Where each attribute of a resource is stored, for filters and sorting. Owns: that table. Knows no SCIM library.

A column of text holds the form that is compared: folded, unless the attribute is one of exact case. An empty text is no value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.db.models import Case, Model, QuerySet, Value, When

from stationmaster.people.models import Group, Membership, Person, PersonEmail
from stationmaster.people.scim.shape import ENTERPRISE, GROUP, USER, WORK
from stationmaster.store.fields import AsciiField

Kind = Literal["text", "flag", "moment"]


@dataclass(frozen=True)
class Column:
    """One value of a row: the path of its field; for a text, `otherwise` is what an empty one says."""

    path: str
    kind: Kind = "text"
    otherwise: str = ""

    @property
    def expression(self) -> Any:
        """What the database compares."""
        if not self.otherwise:
            return self.path
        empty = When(**{self.path: ""}, then=Value(self.otherwise))
        return Case(empty, default=self.path, output_field=AsciiField(max_length=320))


@dataclass(frozen=True)
class Entries:
    """The values of a multi-valued attribute: `first` are columns of the row itself (the entry is there when its `value` is not
    empty), `rows` those of another table, `link` their reference to the row."""

    model: type[Model]
    link: str
    rows: Mapping[str, Column]
    first: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A resource type: its rows, and its attributes by their URNs in lower case."""

    model: type[Model]
    single: Mapping[str, Column]
    multiple: Mapping[str, Entries]

    def among(self) -> "QuerySet[Any]":
        """The rows that SCIM sees."""
        rows = self.model._default_manager.all()
        return rows.filter(erased_at__isnull=True, forgotten__isnull=True) if self.model is Person else rows


def _named(schema: str, columns: Mapping[str, Column]) -> dict[str, Column]:
    return {f"{schema}:{name}".lower(): column for name, column in columns.items()}


_COMMON: Final = {
    "id": Column("id"), "externalId": Column("external_id"), "meta.created": Column("created_at", "moment"),
    "meta.lastModified": Column("updated_at", "moment"),
}
PEOPLE: Final = Table(
    Person,
    {
        **_named(USER, {
            **_COMMON, "userName": Column("user_name_folded"), "displayName": Column("display_name_folded"),
            "title": Column("title_folded"), "name.givenName": Column("given_name_folded"),
            "name.familyName": Column("family_name_folded"), "active": Column("active", "flag"),
        }),
        **_named(ENTERPRISE, {
            "employeeNumber": Column("employee_number_folded"), "department": Column("department_folded"),
            "manager.value": Column("manager"),
        }),
    },
    {
        f"{USER}:emails".lower(): Entries(
            PersonEmail, "person", {"value": Column("folded"), "type": Column("kind")},
            {"value": Column("email_folded"), "type": Column("email_kind", otherwise=WORK)},
        ),
        f"{USER}:groups".lower(): Entries(
            Membership, "person", {"value": Column("group_id"), "display": Column("group__name_folded")},
        ),
    },
)  # fmt: skip
GROUPS: Final = Table(
    Group,
    _named(GROUP, {**_COMMON, "displayName": Column("name_folded")}),
    {f"{GROUP}:members".lower(): Entries(Membership, "group", {"value": Column("person_id")})},
)
TABLES: Final = {"User": PEOPLE, "Group": GROUPS}
