"""What entrances may ask about imports of people."""

from stationmaster.people.importing.services import (
    IMPORTS,
    PROBLEMS,
    add_part,
    approve,
    begin_import,
    delete_import,
    export_problems,
    get_import,
    list_imports,
    list_leavers,
    list_problems,
    preview,
    start,
)
from stationmaster.people.importing.stored import MAX_PART, MAX_SIZE

__all__ = [
    "IMPORTS", "MAX_PART", "MAX_SIZE", "PROBLEMS", "add_part", "approve", "begin_import", "delete_import", "export_problems",
    "get_import", "list_imports", "list_leavers", "list_problems", "preview", "start",
]  # fmt: skip
