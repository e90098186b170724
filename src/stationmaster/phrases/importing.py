"""Sentences of errors: what is said of older setups' files, and of what they become."""

from typing import Final

from stationmaster.i18n import marked

SENTENCES: Final = (
    marked("{name} has another account at its vendor"),
    marked("making {names} is not for this role"),
    marked("no team of the file is called so, or it was refused"),
    marked("{place}: a value of more than {number} bytes follows"),
    marked("{place}: the file ends in the middle"),
    marked("{place}: the file is nested deeper than {number}"),
    marked("object {row} has more than {number} fields or {characters} characters"),
    marked("save it as UTF-8"),
    marked("the file has more than {number} objects"),
    marked("the file is empty: nothing was uploaded"),
    marked("the file is nested too deep"),
    marked("the file is not {encoding}"),
    marked("the option or field `encoding` says it"),
    marked("two columns have the same heading"),
    marked("{format} is JSON, and this file is not"),
    marked("no column is an e-mail address or a team"),
    marked("say which column is what"),
    marked("the file has no account, team or target that could be told"),
    marked("line {row} has more than {number} dots"),
    marked("there is a number in it that is too long"),
)
