"""The folded form of names: one for all spellings, and stable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.folding import fold

SAME = [
    ("Ada@Example.com", "ada@example.com"),
    ("ADA", "ada"),
    ("\uff42\uff4f\uff42@example.com", "bob@example.com"),           # full width
    ("straße", "STRASSE"),
    ("e\u0301mile", "\u00e9mile"),                      # combining, composed
    ("ﬁona", "fiona"),                                  # a ligature
    ("ad\u200ba", "ada"),                               # a space of no width
    ("\u2066ada\u2069", "ada"),                         # an isolate around it
    ("  ada\u00a0", "ada"),
    ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_name_fold_to_one_form(one: str, other: str) -> None:
    """Case, width, composition, ligatures, and characters that show nothing make no other name."""
    assert fold(one) == fold(other) != ""


@pytest.mark.parametrize(("one", "other"), [("ada", "adá"), ("ada", "\u0430\u0501a"), ("ada.l", "adal"), ("王", "玉")])
def test_other_names_stay_other_names(one: str, other: str) -> None:
    """Accents, dots and look-alikes of other scripts are no spelling of the same: nobody is taken for somebody else."""
    assert fold(one) != fold(other)


@given(st.text(max_size=40))
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    """The form is stable, so that what a database holds is what a search computes."""
    assert fold(fold(text)) == fold(text)
