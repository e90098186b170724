"""A sealed column is written and never read back, except for its stated use."""

import copy
import json
import pickle
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection
from django.forms import model_to_dict

from controlkit import ADMIN, ADMIN_SECRET, SECRET, a_credential, a_workspace
from stationmaster.audit.models import AuditEvent
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential, get_credential, update_credential
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.store.changes import change
from stationmaster.store.sealed import MASK, is_masked
from stationmaster.vault.seal import SealBroken
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.services import create_workspace


@pytest.fixture
def row(database: str) -> Credential:
    """A stored credential."""
    create_credential(ADMIN, a_credential())
    found: Credential = Credential.objects.get()
    return found


def column(name: str, row: Any) -> str:
    """A column as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name} FROM {row._meta.db_table} WHERE id = %s", [row.id])  # noqa: S608
        text: str = cursor.fetchone()[0]
        return text


def test_nothing_shows_it(row: Credential) -> None:
    """Printing the row, its attribute, a dictionary, a serialised form or a values query never shows the secret."""
    shown = [
        repr(row), str(row), repr(row.secret), str(row.secret), f"{row.secret}", repr(vars(row)),
        repr(model_to_dict(row)), serializers.serialize("json", [row]),
        repr(list(Credential.objects.values())), repr(list(Credential.objects.values_list("secret"))),
        repr(get_credential(ADMIN, row.id)),
    ]
    assert not any(SECRET in text for text in shown)
    assert str(row.secret) == MASK
    assert bool(row.secret)


def test_it_is_not_copied_out(row: Credential) -> None:
    """A sealed value is neither pickled nor made into JSON."""
    for attempt in (lambda: pickle.dumps(row.secret), lambda: json.dumps(row.secret), lambda: copy.deepcopy(row.secret)):
        with pytest.raises(TypeError):
            attempt()


def test_database_holds_cipher_text_only(row: Credential) -> None:
    """The column holds a sealed text that names its key; the secret is in no column of any table."""
    assert column("secret", row).startswith(f"v1.{row.secret.key_id}.")
    for model in (Credential, AuditEvent):
        assert SECRET not in repr(list(model.objects.values_list()))


def test_revealed_for_its_use_only(row: Credential) -> None:
    """The stated use gets the secret, any other is refused: an admin credential has no use in a snapshot."""
    assert row.secret.reveal("snapshot") == SECRET
    create_workspace(ADMIN, a_workspace())
    admin = Workspace.objects.get().secret
    assert admin.reveal("vendor admin") == ADMIN_SECRET
    for sealed, use in ((row.secret, "vendor admin"), (row.secret, ""), (admin, "snapshot")):
        with pytest.raises(StationmasterError) as caught:
            sealed.reveal(use)
        assert caught.value.code == "error.vault.not_for_this"


def test_values_know_their_row_when_told(row: Credential) -> None:
    """A value that was read without its row opens once it is told which row it is of, and for no other."""
    (sealed,) = Credential.objects.values_list("secret", flat=True)
    assert sealed.of(row.id).reveal("snapshot") == SECRET
    for wrong in (sealed, sealed.of("cred_other")):
        with pytest.raises(SealBroken):
            wrong.reveal("snapshot")


def test_left_out_of_a_query_it_is_read_later(row: Credential) -> None:
    """A row that was read without its secret still has it, and saving such a row keeps it."""
    lean = Credential.objects.defer("secret").get()
    assert lean.secret.reveal("snapshot") == SECRET
    lean = Credential.objects.defer("secret").get()
    with change(ADMIN) as edit, edit.updating(lean):
        lean.organisation = "acme"
    assert Credential.objects.get().secret.reveal("snapshot") == SECRET


def test_swapped_cipher_texts_fail_closed(row: Credential) -> None:
    """Somebody with the database alone cannot put one row's secret into another row."""
    create_credential(ADMIN, a_credential("openai-b", secret="sk-other"))
    other = Credential.objects.get(name="openai-b")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE credentials_credential SET secret = %s WHERE id = %s", [column("secret", other), row.id])
    with pytest.raises(SealBroken):
        Credential.objects.get(id=row.id).secret.reveal("snapshot")


def test_a_broken_secret_can_be_set_anew(row: Credential) -> None:
    """A row whose secret does not open can still be given another one, and the event says that it did not open."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE credentials_credential SET secret = %s", ["v1.mk_000000000000.AAAA"])
    update_credential(ADMIN, row.id, {"secret": "sk-new-one"})
    assert Credential.objects.get().secret.reveal("snapshot") == "sk-new-one"
    before = json.loads(AuditEvent.objects.order_by("seq").last().before)  # type: ignore[union-attr]
    assert before["secret"] == "does not open"


def test_the_same_secret_again_is_no_change(row: Credential) -> None:
    """A file or a program that hands over what is stored changes nothing: the secret stays the first of its generations, no event
    is written, and gateways get nothing new."""
    before, events = Credential.objects.get(), AuditEvent.objects.count()
    update_credential(ADMIN, row.id, {"secret": SECRET})
    after = Credential.objects.get()
    assert (after.generation, after.revision) == (before.generation, before.revision)
    assert AuditEvent.objects.count() == events
    update_credential(ADMIN, row.id, {"secret": "sk-new-one"})
    assert Credential.objects.get().generation == before.generation + 1
    assert [Credential.objects.get().secret.holds(each) for each in ("sk-new-one", SECRET, "")] == [True, False, False]


def test_rows_are_not_found_by_it(row: Credential) -> None:
    """No query compares a sealed column."""
    for lookup in ("secret", "secret__contains", "secret__startswith", "secret__in"):
        with pytest.raises(FieldError):
            Credential.objects.filter(**{lookup: "x"}).exists()


def test_event_has_a_keyed_hash(row: Credential) -> None:
    """An event tells that the secret changed, by a hash that is not one of the secret alone."""
    update_credential(ADMIN, row.id, {"secret": "sk-new-one"})
    event = AuditEvent.objects.order_by("seq").last()
    assert event is not None
    before, after = json.loads(event.before)["secret"], json.loads(event.after)["secret"]
    assert before.startswith("hmac:")
    assert before != after
    assert "sk-new-one" not in event.after


def test_empty_keeps_and_mask_is_refused(row: Credential) -> None:
    """A save that leaves the secret empty keeps the old one; a masked value that comes back is refused."""
    for empty in ({"secret": ""}, {"secret": None}, {}):
        update_credential(ADMIN, row.id, {"organisation": f"acme {len(empty)}", **empty})
    assert Credential.objects.get().secret.reveal("snapshot") == SECRET
    for masked in (MASK, "sk-…abcd", "sk-proj-****abcd", "sk-...abcd", "●●●●"):
        with pytest.raises(Invalid) as caught:
            update_credential(ADMIN, row.id, {"secret": masked})
        assert caught.value.code == "error.secret.masked"
        assert "secret" in caught.value.fields
    assert Credential.objects.get().secret.reveal("snapshot") == SECRET


@pytest.mark.parametrize("secret", [SECRET, "AIzaSyD-9tSrke72PouQMnMX", "a.b.c", "sk_live_**", "x" * 300])
def test_real_secrets_are_no_masks(secret: str) -> None:
    """What vendors issue is not taken for a mask."""
    assert not is_masked(secret)


def test_only_texts_are_sealed(row: Credential) -> None:
    """Anything but a text is refused at once."""
    for value in (b"bytes", 5, None):
        with pytest.raises(TypeError):
            row.secret = value
