"""Sentences of errors: what is said of people, groups, files of them, and SCIM."""

from typing import Final

from stationmaster.i18n import marked

SENTENCES: Final = (
    marked("there is no such person"),
    marked("several persons could be meant by this"),
    marked("name one by their id"),
    marked("they have no such log-in there"),
    marked("{vendor} knows somebody else by it"),
    marked("say that it is to be moved"),
    marked("this person was erased: there is nothing to change any more"),
    marked("a group has this name"),
    marked("there is no group {name}"),
    marked("did you mean {names}?"),
    marked("`stationmaster group list` lists them"),
    marked("row {row} has bytes that are not {encoding}"),
    marked("row {row} cannot be read: {why}"),
    marked("row {row} has more than {number} characters"),
    marked("row {row} has more than {number} columns"),
    marked("the file has more than {number} rows"),
    marked("has {got} cells, and the heading has {wanted}: are quotation marks missing?"),
    marked("the file has no rows"),
    marked("the file has no rows: nobody leaves for that"),
    marked("say the encoding: gb18030, utf-16 or latin-1"),
    marked("is a quotation mark missing, or the delimiter another?"),
    marked("{number} people would leave by now"),
    marked("nothing waits for approval here"),
    marked("look at it again"),
    marked("this import is running"),
    marked("cancel its job first"),
    marked("there is no such import"),
    marked("this import was started already"),
    marked("nothing was uploaded yet"),
    marked("this import has ended, and its file is not kept: upload it again"),
    marked("the file is not kept any more: upload it again"),
    marked("mapping is an object, full is true or false"),
    marked("{number} bytes have arrived: go on from there"),
    marked("at most {number} persons at a time"),
    marked("nothing is held of {names}"),
    marked("nothing was changed; have an operator look at `stationmaster scim held`"),
)
