"""Upgrades fill what is new from what was there: the persons that virtual keys belong to."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE = [("routing", "0002_virtualkey_owner_folded"), ("people", "0001_initial"), ("operators", "0001_initial")]
AFTER = [("routing", "0003_virtualkey_person")]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def at(nodes: list[tuple[str, str]]) -> Any:
    """Bring the database there; Django's apps of that state."""
    MigrationExecutor(connection).migrate(nodes)
    return MigrationExecutor(connection).loader.project_state(nodes).apps


def filled(model: Any, **given: Any) -> Any:
    """A row with `given`, and something for each column that has no default."""
    for field in model._meta.concrete_fields:
        if field.name not in given and not field.has_default() and not field.null and not field.primary_key:
            kind = field.get_internal_type()
            given[field.attname] = NOW if kind == "DateTimeField" else 1 if "Integer" in kind else ""
    return model.objects.create(**given)


def person(apps: Any, id_: str, name: str, email: str, *, active: bool = True) -> None:
    """A person with that user name and e-mail address."""
    filled(apps.get_model("people", "Person"), id=id_, user_name=name, user_name_folded=name, email_folded=email, active=active)


def test_old_keys_get_their_persons(empty_database: str) -> None:
    """By user name, e-mail address, id or operator; of two who had one name, the leaver's keys stay the leaver's; a name that
    nobody or more than one has stays nobody's."""
    old = at(BEFORE)
    person(old, "per_ada", "ada", "ada@example.test")
    person(old, "per_left", "bob.before", "bob@example.test", active=False)
    person(old, "per_bob", "bob", "bob@example.test")
    filled(old.get_model("operators", "Operator"), id="op_ada", email="ada@example.test", password="")
    keys = {"name": "ada", "email": "ada@example.test", "id": "per_ada", "operator": "op_ada", "there": "bob@example.test",
            "nobody": "x", "none": ""}  # fmt: skip
    for number, (name, owner) in enumerate([*keys.items(), ("left", "bob@example.test")]):
        why = "its owner left" if name == "left" else ""
        filled(old.get_model("routing", "VirtualKey"), id=f"key_{number}", name=name, owner=owner, owner_folded=owner,
               key_hash=f"{number}", disabled_reason=why)
    found = dict(at(AFTER).get_model("routing", "VirtualKey").objects.values_list("name", "person"))
    assert found == {"name": "per_ada", "email": "per_ada", "id": "per_ada", "operator": "per_ada", "there": "per_bob",
                     "left": "per_left", "nobody": "", "none": ""}  # fmt: skip
