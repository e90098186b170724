"""Secrets: from files, masked wherever they are shown, repeated nowhere."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stationmaster.gateway.config import ConfigError, Problem
from stationmaster.settings import FIELDS, Field, Flag, Settings, Takes, schema, variables
from stationmaster.settings.masks import MASK, masked

Read = Callable[..., Settings]
Find = Callable[..., tuple[Problem, ...]]

CANARY = "sk-canary-5f0c1d2e3b4a"
SECRETS = [field for field in FIELDS.values() if field.secret]


def text_of(field: Field) -> str:
    """A value with the canary in it that the setting takes."""
    scheme = {"database": "postgresql", "valkey": "rediss"}.get(field.section, "")
    return f"{scheme}://user:{CANARY}@host/0" if field.is_url else CANARY


@pytest.mark.parametrize("field", SECRETS, ids=lambda field: field.name)
def test_every_secret_has_a_twin(read: Read, tmp_path: Path, field: Field) -> None:
    """Each of a secret's variables, and its key in the file, has a form that names a file instead; the line break at
    that file's end does not count; the origin names the file."""
    (tmp_path / "secret").write_text(f"{text_of(field)}\r\n")
    for name in variables(field):
        if name.endswith("_FILE"):
            settings = read(environ={name: "secret"})
            assert settings.value(field.name).get_secret_value() == text_of(field)
            assert settings.origin(field.name) == ("env", f"{name}=secret")
    settings = read(file=f'[{field.section}]\n{field.key}_file = "secret"\n')
    assert settings.value(field.name).get_secret_value() == text_of(field)
    assert settings.origin(field.name).where == f"{tmp_path}/stationmaster.toml:2 (secret)"
    assert {name.endswith("_FILE") for name in variables(field)} == {True, False}


def test_no_secret_is_saved() -> None:
    """Saved settings are rows that people read, with their changes in the audit log: no secret may be one."""
    assert {field.takes for field in SECRETS} == {Takes.START}


@pytest.mark.parametrize("field", SECRETS, ids=lambda field: field.name)
def test_no_secret_is_shown(read: Read, field: Field) -> None:
    """Not by the settings' text form, not by what they show, not by where it came from."""
    settings = read(environ={variables(field)[0]: text_of(field)})
    every = [settings.shown(name) for name in FIELDS] + [settings.origin(name) for name in FIELDS]
    told = f"{settings!r} {settings} {every!r} {settings.given(field.name)!r} {settings.model_dump_json()}"
    assert CANARY not in told
    assert MASK in json.dumps(settings.shown(field.name))


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("", ""),
        ("word", MASK),
        ("postgresql://h/x", "postgresql://h/x"),
        ("postgresql://u:p@h:5432/x", f"postgresql://u:{MASK}@h:5432/x"),
        ("postgresql://u:p@q@h/x", f"postgresql://u:{MASK}@h/x"),
        ("postgresql://u:@h/x", f"postgresql://u:{MASK}@h/x"),
        ("postgresql://h/x?password=p&sslmode=require", f"postgresql://h/x?password={MASK}&sslmode=require"),
        ("postgresql://h/x#p", "postgresql://h/x"),
        ("postgresql://[h/x", MASK),
        ("sqlite:////var/x.db", "sqlite:////var/x.db"),
    ],
)
def test_masks(secret: str, shown: str) -> None:
    """Of a URL that can be taken apart everything but passwords and unknown parameters is shown; of others nothing."""
    assert masked(secret) == shown


def _misplaced() -> Iterator[dict[str, Any]]:
    for field in FIELDS.values():
        for value in (f'"{CANARY}"', f'["{CANARY}"]', f'{{ x = "{CANARY}" }}', f'{{ "{CANARY}" = 1 }}'):
            yield {"file": f"[{field.section}]\n{field.key} = {value}\n"}
        yield {"environ": {field.variables[0]: f"{CANARY} {CANARY}"}}
        yield {"flags": {field.name: Flag("--option", {CANARY: CANARY})}}
    yield {"file": f"[console]\n{CANARY} = 1\n"}
    yield {"file": f"[{CANARY}]\n"}
    yield {"file": f'x = "{CANARY}'}
    yield {"environ": {f"STATIONMASTER__{CANARY}": CANARY}}


@pytest.mark.parametrize("given", list(_misplaced()))
def test_no_problem_repeats_a_value(read: Read, given: dict[str, Any]) -> None:
    """Whatever stands where it does not belong, it is repeated in no message, key or hint."""
    try:
        told = read(**given).shown("console.port")
    except ConfigError as error:
        told = f"{error} {error!r} {error.args} {error.problems!r} {error.hint} {error.__cause__} {error.__context__}"
    assert CANARY not in str(told)


@pytest.mark.parametrize("field", [field for field in FIELDS.values() if field.name != "data.dir"], ids=lambda field: field.name)
def test_no_saved_value_is_repeated(read: Read, field: Field) -> None:
    """Nor one that was saved and cannot be used."""
    settings = read(saved={field.name: {CANARY: CANARY}})
    (problem,) = settings.ignored
    assert CANARY not in repr(problem)


def test_the_schema_offers_no_place_for_a_secret() -> None:
    """An editor that follows the schema offers the file's name, and the literal only where a URL has no password."""
    tables = schema()["$defs"]
    assert "client_secret" not in tables["Oidc"]["properties"]
    assert "client_secret_file" in tables["Oidc"]["properties"]
    assert {"url", "url_file"} == set(tables["Database"]["properties"])
