"""What a gateway serves from, as one frozen value. Owns: its shape. May not know where it came from.

A snapshot travels from the supervisor to its workers as one msgpack frame, so it holds plain data only.
"""

from typing import Literal

import msgspec

Vendor = Literal["openai", "anthropic", "gemini", "azure_openai", "openai_compatible"]

MIB = 1024 * 1024


class Credential(msgspec.Struct, frozen=True):
    """A secret that a vendor issued for API use, and where it may be sent.

    `base_url` is what the vendor's own SDK would be given; empty means the vendor's own address.
    """

    id: str
    vendor: Vendor
    secret: str
    base_url: str = ""
    organisation: str = ""

    def __repr__(self) -> str:
        return f"Credential({self.id!r}, {self.vendor!r}, secret=…)"


class Member(msgspec.Struct, frozen=True):
    """One credential's place in a pool: lower `priority` first, shares within it by `weight`."""

    credential: str
    weight: int = 1
    priority: int = 0


class Pool(msgspec.Struct, frozen=True):
    """Credentials that stand in for each other."""

    id: str
    members: tuple[Member, ...]


class Route(msgspec.Struct, frozen=True):
    """Which models go to which pool. `models` are shell-style patterns, `aliases` said name → sent name."""

    models: tuple[str, ...]
    pool: str
    aliases: dict[str, str] = {}


class VirtualKey(msgspec.Struct, frozen=True):
    """What an application presents to us; only the hex SHA-256 of it is known here."""

    id: str
    secret_sha256: str
    owner: str = ""
    tenant: str = ""
    models: tuple[str, ...] = ("*",)

    @property
    def unlimited(self) -> bool:
        """Whether the key may use every model."""
        return "*" in self.models


class Settings(msgspec.Struct, frozen=True):
    """The `[gateway]` table. Times in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    port: int = 4000
    workers: int = 1
    default_pool: str = ""
    ca_bundle: str = ""                     # PEM file, trusted beside the system's own store
    drain_seconds: float = 600.0            # after SIGTERM, for streams to finish
    drain_after_disconnect: float = 5.0     # keep reading upstream this long after a client left
    connect_timeout: float = 5.0
    head_timeout: float = 10.0              # for a request's head to arrive whole
    body_timeout: float = 60.0              # between two pieces of a request's body
    keepalive_timeout: float = 75.0         # an idle client connection
    answer_timeout: float = 600.0           # for the upstream's answer to begin
    idle_timeout: float = 300.0             # between two pieces of the upstream's answer
    keepalive_comment: float = 15.0         # silence on an open event stream before a comment line; 0: never
    max_body_bytes: int = 64 * MIB          # one buffered body, after decompression
    body_budget_bytes: int = 512 * MIB      # all buffered bodies of one worker
    max_connections: int = 0                # of clients, a worker; 0: as many as open files allow
    models_refresh: float = 300.0           # age at which an upstream's model list is fetched again


class Snapshot(msgspec.Struct, frozen=True):
    """Everything a worker needs to serve: settings, credentials, pools, routes, virtual keys."""

    settings: Settings
    credentials: tuple[Credential, ...] = ()
    pools: tuple[Pool, ...] = ()
    routes: tuple[Route, ...] = ()
    keys: tuple[VirtualKey, ...] = ()
    version: int = 1


def encode(snapshot: Snapshot) -> bytes:
    """Pack `snapshot` as one msgpack frame."""
    return msgspec.msgpack.encode(snapshot)


def decode(frame: bytes) -> Snapshot:
    """Unpack a frame of `encode`. Raises `msgspec.ValidationError` on anything else."""
    return msgspec.msgpack.decode(frame, type=Snapshot)
