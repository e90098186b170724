"""What a gateway serves from, as one frozen value. Owns: its shape. May not know where it came from.

It holds plain data only, because its records travel: from the control plane to the supervisor, and from there to the
workers (`records`, `updates`). `gc=False`: no record can be part of a cycle.
"""

from typing import Literal

import msgspec

from stationmaster.gateway.core.prices import ModelPrice, PriceList

Vendor = Literal["openai", "anthropic", "gemini", "azure_openai", "openai_compatible", "bedrock", "vertex"]

MIB = 1024 * 1024


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """The secret that is about to follow a credential's own: its number, and the percentage of sessions that it serves."""

    secret: str
    generation: int
    share: int

    def __repr__(self) -> str:
        return f"Incoming({self.generation}, share={self.share}, secret=…)"


class Credential(msgspec.Struct, frozen=True, gc=False):
    """A secret that a vendor issued for API use, and where it may be sent.

    `base_url` is what the vendor's own SDK would be given; empty means the vendor's own address. Of Vertex it names project and
    location as well (`clouds`). `secret` is one word, but for AWS identities, which are JSON.
    """

    id: str
    vendor: Vendor
    secret: str
    base_url: str = ""
    organisation: str = ""
    disabled: bool = False                  # by a person: stays out until a person says otherwise
    prices: tuple[ModelPrice, ...] = ()     # they come before the list's
    generation: int = 0                     # the number of its secret; 0: nobody counts
    incoming: Incoming | None = None        # while it is rotated
    forced: bool = False                    # a person says that it works: no fault of its own takes it out of service

    def __repr__(self) -> str:
        return f"Credential({self.id!r}, {self.vendor!r}, secret=…)"


class Member(msgspec.Struct, frozen=True, gc=False):
    """One credential's place in a pool: lower `priority` first, shares within it by `weight`. A limit of 0 is none.

    `models` are patterns of the names the vendor is sent; `rpm` and `tpm` are requests and tokens a minute.
    """

    credential: str
    weight: int = 1
    priority: int = 0
    max_concurrency: int = 0
    rpm: int = 0
    tpm: int = 0
    models: tuple[str, ...] = ("*",)


class Pool(msgspec.Struct, frozen=True, gc=False):
    """Credentials that stand in for each other."""

    id: str
    members: tuple[Member, ...]


class Route(msgspec.Struct, frozen=True, gc=False):
    """Which models go to which pool, and to which pools (`fallback`, in order) when nobody in it can serve.
    `models` are shell-style patterns, `aliases` said name → sent name. Routes are tried by `position`, then `id`."""

    models: tuple[str, ...]
    pool: str
    aliases: dict[str, str] = {}
    fallback: tuple[str, ...] = ()
    id: str = ""
    position: int = 0


class Budget(msgspec.Struct, frozen=True, gc=False):
    """What a virtual key may spend, in nanodollars (10⁻⁹ USD); 0: no limit. Days and months are those of UTC."""

    day: int = 0
    month: int = 0
    total: int = 0


class VirtualKey(msgspec.Struct, frozen=True, gc=False):
    """What an application presents to us; only the hex SHA-256 of it is known here."""

    id: str
    secret_sha256: str
    owner: str = ""
    tenant: str = ""
    models: tuple[str, ...] = ("*",)
    pools: tuple[str, ...] = ()             # empty: every pool
    rpm: int = 0                            # requests a minute; 0: no limit, as for the next two
    tpm: int = 0                            # tokens a minute
    max_concurrency: int = 0
    expires: float = 0.0                    # seconds since the epoch; 0: never
    budget: Budget = Budget()
    shared_resources: bool = False          # may use ids whose owner is not known, and list what a vendor organisation holds
    previous_sha256: str = ""               # the hash before a rotation, still let in until `previous_until`
    previous_until: float = 0.0             # seconds since the epoch

    @property
    def unlimited(self) -> bool:
        """Whether the key may use every model."""
        return "*" in self.models


class VendorPrices(msgspec.Struct, frozen=True, gc=False):
    """One vendor's entries of a price list, the first that matches counts."""

    vendor: str
    models: tuple[ModelPrice, ...] = ()


class Settings(msgspec.Struct, frozen=True, gc=False):
    """The `[gateway]` table. Times in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    port: int = 4000
    workers: int = 1
    default_pool: str = ""
    ca_bundle: str = ""                     # PEM file, trusted beside the system's own store
    tls_certificate: str = ""               # PEM file of the chain that clients are shown; empty: they speak plain HTTP
    tls_key: str = ""                       # PEM file of its private key
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
    error_threshold: int = 5                # a credential's own errors in a row that take it out of service
    health_check_enabled: bool = True       # ask vendors now and then whether the credentials still work
    health_check_interval: float = 300.0
    metrics_host: str = "127.0.0.1"         # where `GET /metrics` listens: it shows no secret, and asks for none
    metrics_port: int = 4002                # 0: nowhere
    state_file: str = ""                    # where what keys spent is kept over a restart; empty: nowhere
    private: tuple[str, ...] | None = None  # private addresses that credentials may be sent to; None: any (gateway.toml's)


class Snapshot(msgspec.Struct, frozen=True):
    """Everything a worker needs to serve: settings, credentials, pools, routes, virtual keys."""

    settings: Settings
    credentials: tuple[Credential, ...] = ()
    pools: tuple[Pool, ...] = ()
    routes: tuple[Route, ...] = ()
    keys: tuple[VirtualKey, ...] = ()
    version: int = 1
    prices: PriceList = PriceList()
