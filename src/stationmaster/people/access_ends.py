"""A leaver's way in. Owns: that an operator ends with the person who has the same e-mail address.

Sessions and API tokens end in the change of the leaving itself, and the operator is out of use until an admin says
otherwise: coming back makes nobody an operator again. The last admin is no exception, since somebody who left must not come
in; `stationmaster admin link` gives an installation its next one.
"""

from stationmaster.folding import fold
from stationmaster.operators.models import Operator
from stationmaster.operators.people import end_access
from stationmaster.people.leaving import on_leaving
from stationmaster.people.models import Person
from stationmaster.store.changes import Change


def connect() -> None:
    """Listen for who leaves; called once, when Django is set up."""
    on_leaving(_end)


def operator_of(person: Person) -> Operator | None:
    """The operator with this person's e-mail address, if there is one."""
    addresses = {person.email_folded or fold(person.email), person.email.strip().lower()} - {""}
    found: Operator | None = Operator.objects.filter(email__in=addresses).first()
    return found


def _end(edit: Change, person: Person) -> None:
    operator = operator_of(person)
    if operator is not None:
        end_access(edit, operator)
