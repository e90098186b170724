"""What gateways get: everything that a gateway.toml says, unchanged by its way through the database."""

import hashlib
import logging
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection

from controlkit import ADMIN, ADMIN_SECRET, SECRET, a_credential, a_pool, a_workspace
from stationmaster.credentials import records as credential_records
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential, delete_credential, update_credential
from stationmaster.gateway.config import Surroundings, parse
from stationmaster.routing import records, services
from stationmaster.store.changes import change, revision
from stationmaster.workspaces import addresses
from stationmaster.workspaces.services import create_workspace

SHA = hashlib.sha256(b"sm-known").hexdigest()
FILE = f"""
[[credential]]
id = "openai-a"
vendor = "openai"
secret = "{SECRET}"
organisation = "org-Ünïted"
prices = {{ "zeta-*" = {{ input = 1.5, output = 2 }}, alpha = {{ input = 0.000001, output = 3, cache_read = 0.1 }} }}

[[credential]]
id = "Azure/one@eu"
vendor = "azure_openai"
base_url = "https://acme.openai.azure.com/openai/"
secret = "eyJhbGciOi.not-a-token"
disabled = true

[[credential]]
id = "local"
vendor = "openai_compatible"
base_url = "http://10.1.2.3:8000/v1"
secret = "xxxxxxxx"
allow_insecure_http = true

[[pool]]
id = "main"
members = [
  {{ credential = "Azure/one@eu", weight = 3, priority = 1, max_concurrency = 4, rpm = 900, tpm = 7, models = ["b", "a"] }},
  {{ credential = "openai-a" }},
]

[[pool]]
id = "spare"
members = [{{ credential = "local" }}]

[[route]]
models = ["gpt-4o", "o1"]
pool = "spare"

[[route]]
models = ["gpt-*"]
pool = "main"
fallback = ["spare"]
aliases = {{ fast = "gpt-4o-mini", "Cheap one" = "gpt-3.5" }}

[[route]]
models = ["*"]
pool = "main"

[[key]]
id = "plain"
secret_sha256 = "{SHA.upper()}"

[[key]]
id = "full"
secret_sha256 = "{"ab" * 32}"
owner = "Ann-Sofie <anna@example.com>"
tenant = "acme"
models = ["gpt-*", "o1"]
pools = ["spare", "main"]
rpm = 1
tpm = 2
max_concurrency = 3
expires = "2031-05-06T07:08:09+02:00"
budget = {{ day_usd = 0.01, month_usd = 12.345678901, total_usd = 1000000000 }}
shared_resources = true
"""


def words(table: dict[str, Any]) -> dict[str, Any]:
    """A table of the file as the services take it."""
    return {"name" if name == "id" else name: value for name, value in table.items()}


def apply(text: str) -> None:
    """Store what a file says."""
    toml = tomllib.loads(text)
    addresses.allow_address(ADMIN, {"name": "10.1.2.3", "reason": "in gateway.toml"})
    with change(ADMIN):
        for table in toml["credential"]:
            create_credential(ADMIN, words(table))
        for table in toml["pool"]:
            services.create_pool(ADMIN, words(table))
        for table in toml["route"]:
            services.create_route(ADMIN, table)
        for table in toml["key"]:
            services.create_key(ADMIN, words(table))


def test_nothing_of_a_file_is_lost(database: str) -> None:
    """The records that are compiled from the database are those that the file itself gives."""
    around = Surroundings({}, Path.read_bytes, Path("/"), allow_literal_secrets=True)
    wanted = parse(FILE, file="gateway.toml", around=around)
    apply(FILE)
    assert dict(credential_records.credentials()) == {
        each.id: msgspec.structs.replace(each, generation=1) for each in wanted.credentials
    }
    assert dict(records.pools()) == {each.id: each for each in wanted.pools}
    assert dict(records.keys()) == {each.id: each for each in wanted.keys}
    routes = [msgspec.structs.replace(each, id="", position=0) for _, each in records.routes()]
    assert routes == [msgspec.structs.replace(each, id="", position=0) for each in wanted.routes]
    assert [list(route.aliases) for route in routes] == [list(route.aliases) for route in wanted.routes]


@pytest.fixture
def stocked(database: str) -> None:
    """One of everything."""
    create_credential(ADMIN, a_credential())
    create_credential(ADMIN, a_credential("openai-b"))
    services.create_pool(ADMIN, a_pool())
    services.create_route(ADMIN, {"models": ["*"], "pool": "main"})
    services.create_key(ADMIN, {"name": "k"})


def test_only_what_changed_since(stocked: None) -> None:
    """Since a revision there is what was saved after it, and nothing else."""
    before = revision()
    assert not [*credential_records.credentials(before), *records.pools(before), *records.routes(before), *records.keys(before)]
    update_credential(ADMIN, "openai-a", {"disabled": True})
    services.update_key(ADMIN, "k", {"rpm": 5})
    assert [(name, record.disabled) for name, record in credential_records.credentials(before)] == [("openai-a", True)]
    assert [(name, record and record.rpm) for name, record in records.keys(before)] == [("k", 5)]
    assert not [*records.pools(before), *records.routes(before)]


def test_a_rotated_key_has_both_hashes(stocked: None) -> None:
    """During its grace a key has the old hash beside the new one, with its end."""
    ((_, first),) = records.keys()
    minted = services.rotate_key(ADMIN, "k", grace=3600)
    ((_, second),) = records.keys()
    assert first is not None
    assert second is not None
    assert minted.key is not None
    assert (second.secret_sha256, second.previous_sha256) == (minted.key.secret_sha256, first.secret_sha256)
    assert second.previous_until > 1_700_000_000
    assert (first.previous_sha256, first.previous_until) == ("", 0.0)


def test_a_disabled_key_is_to_be_dropped(stocked: None) -> None:
    """Gateways must not know a disabled key at all; enabled again it is there again."""
    services.update_key(ADMIN, "k", {"disabled": True})
    assert list(records.keys()) == [("k", None)]
    services.update_key(ADMIN, "k", {"disabled": False})
    ((name, record),) = records.keys()
    assert (name, record is None) == ("k", False)


def test_one_broken_secret_does_not_stop_the_rest(stocked: None, caplog: pytest.LogCaptureFixture) -> None:
    """A credential or key whose sealed text does not open is out of service, with a line in the log; others are served."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE credentials_credential SET secret = 'v1.broken' WHERE name = 'openai-a'")
        cursor.execute("UPDATE routing_virtualkey SET key_sha256 = 'v1.broken'")
    with caplog.at_level(logging.ERROR):
        found = {name: (record.disabled, record.secret) for name, record in credential_records.credentials()}
        assert list(records.keys()) == [("k", None)]
    assert found == {"openai-a": (True, ""), "openai-b": (False, SECRET)}
    assert len(caplog.records) == 2


def test_admin_credentials_never_leave(stocked: None) -> None:
    """No record of any kind holds a workspace's admin credential."""
    create_workspace(ADMIN, a_workspace())
    everything = [*credential_records.credentials(), *records.pools(), *records.routes(), *records.keys()]
    assert ADMIN_SECRET not in msgspec.json.encode(everything).decode()
    assert SECRET in msgspec.json.encode(everything).decode()


def test_a_dropped_row_gives_no_record(stocked: None) -> None:
    """What was deleted is in no record, since whichever revision."""
    delete_credential(ADMIN, "openai-b")
    assert [name for name, _ in credential_records.credentials()] == ["openai-a"]
    assert Credential.objects.count() == 1
