"""Whether what somebody made lasts. Owns: that it ends with its maker, a person or a token of nobody's, and with their right."""

from stationmaster.operators.access import rights
from stationmaster.operators.models import ApiToken, Operator
from stationmaster.operators.tokens import rights_of

_PEOPLE, _TOKENS = f"{Operator.PREFIX}_", f"{ApiToken.PREFIX}_"


def still_may(maker: str, action: str) -> bool:
    """Whether `maker`, an actor's id, is there still and may do `action`. What was made at the command line has no end: who is
    there may all."""
    if maker.startswith(_TOKENS):
        return action in rights_of(maker)
    if not maker.startswith(_PEOPLE):
        return True
    row = Operator.objects.filter(id=maker, active=True).first()
    return row is not None and action in rights(row.role)
