"""What the grid is asked that its database cannot answer is refused: 4xx, never 500."""

import pytest

from console.kit import Stage, signed_in

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
