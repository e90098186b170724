"""What entrances may ask about persons and groups."""

from stationmaster.people.conflicts import conflicts, list_conflicts
from stationmaster.people.groups import (
    GROUPS,
    change_members,
    create_group,
    delete_group,
    export_groups,
    export_members,
    get_group,
    list_groups,
    list_members,
    update_group,
)
from stationmaster.people.identities import called_before, names_of, person_of
from stationmaster.people.leaving import on_leaving, on_returning
from stationmaster.people.persons import (
    PEOPLE,
    create_person,
    deactivate_person,
    delete_person,
    erase_person,
    export_people,
    get_person,
    link_login,
    list_people,
    reactivate_person,
    unlink_login,
    update_person,
)

__all__ = [
    "GROUPS", "PEOPLE", "called_before", "change_members", "conflicts", "create_group", "create_person",
    "deactivate_person", "delete_group", "delete_person", "erase_person", "export_groups", "export_members",
    "export_people", "get_group", "get_person", "link_login", "list_conflicts", "list_groups", "list_members",
    "list_people", "names_of", "on_leaving", "on_returning", "person_of", "reactivate_person", "unlink_login",
    "update_group", "update_person",
]  # fmt: skip
