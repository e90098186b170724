"""People who log in, for tests."""

from pathlib import Path

from stationmaster.operators import services
from stationmaster.operators.models import Operator
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change

PASSWORD = "three wet badgers hum"
ROOT = Actor("cli", "cli", "admin")


def somebody(role: str = "admin", email: str = "", password: str = PASSWORD) -> Operator:
    """An operator with a password."""
    address = email or f"{role}@example.com"
    services.create_operator(ROOT, {"email": address, "role": role})
    row: Operator = Operator.objects.get(email=address)
    with change(ROOT) as edit, edit.updating(row):
        row.set_password(password)
    return row


def as_actor(row: Operator, *, fresh: bool = True) -> Actor:
    """The actor that a log-in of theirs makes."""
    return Actor("operator", row.id, row.role, "req_test", person=row.id, fresh=fresh)


def every_byte(folder: Path) -> bytes:
    """All that is written under `folder`."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
