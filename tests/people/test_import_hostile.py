"""A row that was written to break the import is a bad row, and the rows beside it are imported."""

import pytest

from controlkit import ADMIN
from people import kit
from stationmaster.people import imports
from stationmaster.people.models import Person

ODD = {
    "a vendor that is a list": ("email,logins", 'ada@x.test,"[{""vendor"":[""openai""],""login"":""a""}]"', "logins"),
    "a heading with NUL": ("email,act\0ive", "ada@x.test,perhaps", "act\ufffdive"),
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_cell_or_heading_costs_its_row_alone(database: str, what: str) -> None:
    """The row is named with its column, in the preview and in the import; the row behind it makes a person."""
    heading, row, column = ODD[what]
    content = f"{heading}\n{row}\nbob@x.test,\n"
    assert kit.outcomes(content) == ["error", "create"]
    which = kit.upload(content)
    imports.preview(ADMIN, which, {})
    kit.run(which)
    assert kit.problems(which) == [(2, "error", column)]
    assert list(Person.objects.values_list("email", flat=True)) == ["bob@x.test"]
