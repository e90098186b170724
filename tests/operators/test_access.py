"""Who may do what: every cell of the table."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from operators.people import as_actor, somebody
from stationmaster.errors import Forbidden
from stationmaster.operators import access
from stationmaster.store.actor import Actor

TABLE = Path(__file__).with_name("matrix.txt")
ROLES = (*access.ROLES, "gateway")


def cells() -> list[tuple[str, str, str]]:
    """Each role with each action, and what the table says: yes, own (with one's own things only) or no; a plus: only for
    who proved lately who they are."""
    head, *lines = TABLE.read_text().splitlines()
    columns = head.split()[1:]
    rows = [line.split() for line in lines]
    return [(role, action, cell) for action, *row in rows for role, cell in zip(columns, row, strict=True)]


def test_table_lists_every_role_and_action() -> None:
    """An action or role that nobody wrote into the table fails here: what it allows has to be read by somebody."""
    told = {(role, action) for role, action, _ in cells()}
    assert told == {(role, action) for role in ROLES for action in access.ACTIONS}


@pytest.mark.parametrize(("role", "action", "cell"), cells())
def test_every_cell(role: str, action: str, cell: str) -> None:
    """What a role may, with its own and with another's, freshly proved or not, is what the table says."""
    actor = Actor("operator", "op_me", role)
    own, foreign = SimpleNamespace(owner="op_me"), SimpleNamespace(owner="op_other")
    assert access.allowed(actor, action) == (cell != "no")
    assert access.allowed(actor, action, own) == (cell != "no")
    assert access.allowed(actor, action, foreign) == (cell not in {"no", "own", "own+"})
    away = Actor("operator", "op_me", role, fresh=False)
    if cell == "no" or cell.endswith("+"):
        with pytest.raises(Forbidden):
            access.require(away, action, own)
    else:
        access.require(away, action, own)


@pytest.mark.parametrize("actor", [
    Actor("operator"), Actor("operator", "op_x", "root"), Actor("token", "tok_x", "", scopes=frozenset({"*"})),
])  # fmt: skip
def test_unknown_roles_may_nothing(actor: Actor) -> None:
    """Nobody, and a role that there is not, may nothing, whatever scopes say."""
    assert not [action for action in access.ACTIONS if access.allowed(actor, action)]


@pytest.mark.parametrize("action", ["keys:fly", "keys", "", "*", "keys:*"])
def test_unknown_action_is_an_error_of_ours(action: str) -> None:
    """An action that the table does not have is a mistake in the code, told as one: nothing is allowed by accident."""
    with pytest.raises(ValueError, match="no action"):
        access.allowed(Actor("operator", "op_x", "admin"), action)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scopes", [(), ("keys:read",), ("keys:*", "usage:read"), ("*:read",), ("*",)])
def test_scopes_only_narrow(role: str, scopes: tuple[str, ...]) -> None:
    """With scopes a role may never more than without; all of them: just as much."""
    narrowed, whole = access.rights(role, frozenset(scopes)), access.rights(role)
    assert narrowed <= whole
    assert (narrowed == whole) or scopes != ("*",)
    assert scopes or not narrowed


@pytest.mark.parametrize("giver", access.ROLES)
@pytest.mark.parametrize("given", access.ROLES)
def test_nobody_gives_what_they_lack(giver: str, given: str) -> None:
    """For every pair of roles: whoever gets something may nothing that the giver may not, with own or another's things."""
    actor = Actor("operator", "op_me", giver)
    if not access.grants(actor, given):
        return
    taker = Actor("operator", "op_other", given)
    for action in access.ACTIONS:
        for thing in (None, SimpleNamespace(owner="op_third")):
            assert not access.allowed(taker, action, thing) or access.allowed(actor, action, thing)


def test_things_without_an_owner_are_nobodys_own(database: str) -> None:
    """An empty owner is not everybody's: a member sees no key that names nobody."""
    member = as_actor(somebody("member"))
    for owner in ("", None):
        assert not access.allowed(member, "keys:read", SimpleNamespace(owner=owner))
    assert not access.allowed(Actor("operator", "", "member"), "keys:read", SimpleNamespace(owner=""))
