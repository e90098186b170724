"""Files that are served from: what each key becomes."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from stationmaster.gateway.config import load
from stationmaster.gateway.config.tables import GatewayTable, setting_of
from stationmaster.gateway.core.records import Records, apply, records_of, whole
from stationmaster.gateway.core.snapshot import (
    MIB,
    Credential,
    Member,
    Pool,
    Route,
    Settings,
    Snapshot,
    VirtualKey,
)
from stationmaster.gateway.core.updates import Reader, encode_end, encode_frames

Read = Callable[..., Snapshot]

HASH = "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
WHOLE = f"""
[gateway]
host = "127.0.0.1"
port = 4000
workers = 1
default_pool = "main"                # for calls that name no model

[[credential]]
id = "openai-a"
vendor = "openai"
base_url = "https://api.openai.com/v1"
secret = "env:KEY_A"
organisation = "acme-1"

[[pool]]
id = "main"
members = [{{ credential = "openai-a", weight = 1, priority = 0 }}]

[[route]]
models = ["gpt-*", "text-embedding-*"]
pool = "main"
aliases = {{ "fast" = "gpt-4o-mini" }}

[[key]]
id = "build-bot"
owner = "platform team"
tenant = "platform"
secret_sha256 = "{HASH}"
models = ["*"]
"""


def test_it_works(read: Read) -> None:
    """The example of the format becomes exactly the snapshot it describes, and travels as a frame."""
    snapshot = read(WHOLE)
    assert snapshot == Snapshot(
        settings=Settings(default_pool="main"),
        credentials=(Credential("openai-a", "openai", "sk-proj-a", "https://api.openai.com/v1", "acme-1"),),
        pools=(Pool("main", (Member("openai-a"),)),),
        routes=(Route(("gpt-*", "text-embedding-*"), "main", {"fast": "gpt-4o-mini"}),),
        keys=(VirtualKey("build-bot", HASH.lower(), "platform team", "platform"),),
    )
    reader, records = Reader(), records_of(snapshot)
    update = [reader.feed(frame) for frame in (*encode_frames(whole(records, 1)), encode_end(1))][-1]
    assert update is not None
    assert apply(Records(), update) == records, "it reaches the workers as it is"


def test_left_out_keys_have_their_defaults(read: Read) -> None:
    """A key's tenant is its id, its models are all; nothing is invented for the rest."""
    text = f'[[credential]]\nid="a"\nvendor="gemini"\nsecret="env:KEY_A"\n[[key]]\nid="k"\nsecret_sha256="{HASH}"'
    snapshot = read(text + '\n[[pool]]\nid="only"\nmembers=[{credential="a"}]')
    assert snapshot.settings == Settings()
    assert snapshot.credentials[0].base_url == ""
    assert snapshot.keys == (VirtualKey("k", HASH.lower(), "", "k", ("*",)),)


def test_an_empty_file_is_a_gateway_without_anything(read: Read) -> None:
    """Nothing at all is no error: settings keep their defaults."""
    assert read("") == Snapshot(settings=Settings())


def test_every_setting_can_be_set(read: Read) -> None:
    """Each field of `Settings` has exactly one key in `[gateway]`, and the key reaches the field; but for `private`, which
    is the control plane's: a file may name any address."""
    fields = [setting_of(key)[0] for key in GatewayTable.__struct_fields__]
    assert sorted([*fields, "private"]) == sorted(Settings.__struct_fields__)
    assert fields == sorted(fields, key=Settings.__struct_fields__.index), "in the order of Settings"
    numbers = [key for key in GatewayTable.__struct_fields__ if key.endswith(("_seconds", "_mib"))]
    text = "[gateway]\n" + "\n".join(f"{key} = {40 + n}" for n, key in enumerate(numbers))
    settings = msgspec.structs.asdict(read(text).settings)
    for number, key in enumerate(numbers):
        name, unit = setting_of(key)
        assert settings[name] == (40 + number) * unit


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("max_body_mib = 8", "max_body_bytes", 8 * MIB),
        ("body_budget_mib = 64", "body_budget_bytes", 64 * MIB),
        ("drain_seconds = 0", "drain_seconds", 0.0),
        ("drain_seconds = 2.5", "drain_seconds", 2.5),
        ("keepalive_comment_seconds = 0", "keepalive_comment", 0.0),
        ("max_connections = 0", "max_connections", 0),
        ("max_connections = 500", "max_connections", 500),
        ('host = "::"', "host", "::"),
        ('host = "gateway.internal"', "host", "gateway.internal"),
        ('metrics_host = "::"', "metrics_host", "::"),
        ('ca_bundle = "ca.pem"', "ca_bundle", "/conf/ca.pem"),
        ('tls_certificate = "c.pem"\ntls_key = "k.pem"', "tls_certificate", "/conf/c.pem"),
        ('tls_certificate = "c.pem"\ntls_key = "/k.pem"', "tls_key", "/k.pem"),
    ],
)
def test_units_and_zeroes(read: Read, line: str, field: str, value: object) -> None:
    """MiB become bytes, seconds stay, zero is a value, and paths start at the file's folder."""
    assert getattr(read(f"[gateway]\n{line}").settings, field) == value


@pytest.mark.parametrize(
    ("secret", "value"),
    [
        ("env:KEY_A", "sk-proj-a"),
        ("file:/etc/keys/a", "sk-proj-a"),
        ("file:/etc/keys/crlf", "sk-proj-a"),
        ("file:b.key", "sk-proj-b"),
        ("env:EIGHT", "sk-abcde"),
    ],
)
def test_secrets_come_from_outside(read: Read, secret: str, value: str) -> None:
    """A variable, an absolute file and one beside the config; one line break at the end is no part of it."""
    text = f'[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "{secret}"'
    assert read(text).credentials[0].secret == value


def test_literal_secrets_only_when_allowed(read: Read) -> None:
    """With the option, a secret may stand in the file, colons and all."""
    text = '[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "abc:defg"'
    assert read(text, literal=True).credentials[0].secret == "abc:defg"


@pytest.mark.parametrize("vendor", ["azure_openai", "openai_compatible"])
def test_web_tokens_where_they_are_the_api_key(read: Read, vendor: str) -> None:
    """Clouds and self-hosted servers do take JSON Web Tokens; only vendors with keys of their own do not."""
    text = f'[[credential]]\nid="a"\nvendor="{vendor}"\nbase_url="https://x.test"\nsecret="eyJhbGciOi.J9.x"'
    assert read(text, literal=True).credentials[0].secret.startswith("eyJ")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.9.0.1:8000/v1", "http://127.9.0.1:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://10.0.0.7", "https://10.0.0.7"),
        ("https://vllm_1.internal:8443/openai", "https://vllm_1.internal:8443/openai"),
    ],
)
def test_base_urls(read: Read, url: str, kept: str) -> None:
    """TLS anywhere, plain http to this machine; a slash at the end goes."""
    text = f'[[credential]]\nid="a"\nvendor="openai_compatible"\nbase_url="{url}"\nsecret="env:KEY_A"'
    assert read(text).credentials[0].base_url == kept


def test_plain_http_when_the_network_is_trusted(read: Read) -> None:
    """`allow_insecure_http` lets one credential go to another machine in the clear."""
    text = '[[credential]]\nid="a"\nvendor="openai"\nbase_url="http://vllm:8000"\nallow_insecure_http=true\n'
    assert read(text + 'secret="env:KEY_A"').credentials[0].base_url == "http://vllm:8000"


def test_load_reads_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load` finds files beside the config whatever the working folder, and skips a byte-order mark."""
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "a.key").write_text("sk-proj-a\n")
    text = '\ufeff[[credential]]\r\nid = "a"\r\nvendor = "openai"\r\nsecret = "file:a.key"\r\n'
    (folder / "gateway.toml").write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    snapshot = load(Path("conf/gateway.toml"), environ={})
    assert snapshot.credentials[0].secret == "sk-proj-a"
