"""What the grid is asked that its database cannot answer is refused: 4xx, never 500."""

from dataclasses import replace

import pytest

from console.kit import Stage, signed_in
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces

_ODD = ("group:ne:x", "state:ne:active", "workspace:prefix:a", "differs:ne:true", "group:eq:engineers&filter=group:eq:engineers")


@pytest.mark.parametrize("asked", _ODD)
@pytest.mark.parametrize("path", ["/people/grid?", "/people/grid/assign?all=1&"])
def test_a_filter_that_it_has_not(stage: Stage, path: str, asked: str) -> None:
    """Comparisons of what a person's row does not hold are a mistake of whoever asks."""
    assert signed_in().get(f"{path}filter={asked}").status_code < 500


@pytest.mark.parametrize("verb", ["assign", "unassign"])
def test_an_id_that_no_database_takes(stage: Stage, verb: str) -> None:
    """PostgreSQL takes no NUL in a text."""
    assert signed_in().get(f"/people/grid/{verb}?id=%00&workspace=acme").status_code < 500


@pytest.mark.parametrize("value", ["maybe", "", "1", "truefalse"])
def test_what_is_neither_true_nor_false(stage: Stage, value: str) -> None:
    """Whether somebody differs is asked with true or false; anything else is a mistake that is told, and is not ignored."""
    said = signed_in().get(f"/people/grid?filter=differs:eq:{value}").content.decode()
    assert "is compared with true or false" in said
    assert "member-00" not in said


def test_who_differs_and_who_does_not(stage: Stage) -> None:
    """Those who differ and those who do not are everybody, each once."""
    admin, query = Actor("operator", "op_admin", "admin"), Query(limit=500, counted=False)

    def found(*filters: Filter) -> set[str]:
        return {row["id"] for row in workspaces.list_presence(admin, replace(query, filters=filters), ()).items}

    every, true, false = found(), found(Filter("differs", "eq", "true")), found(Filter("differs", "eq", "false"))
    assert true | false == every
    assert not true & false
