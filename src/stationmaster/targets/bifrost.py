"""Bifrost: keys of providers, over the management interface of its HTTP transport (https://docs.getbifrost.ai).

A key's id and name are ours to choose, and a second name is refused. The address belongs to the provider: for one that is not the
vendor's own there is a provider of ours. A key is replaced as a whole, so that what others set on it is sent back, its secret
excepted, which is always the real one: a mask is never sent.
"""

import hashlib
import ipaddress
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from stationmaster.line.errors import AlreadyExists, NotFound, Rejected, StopRun
from stationmaster.line.line import Line, bearer
from stationmaster.line.meaning import Meaning
from stationmaster.targets._base import Access, Connected, Entry, Health, Reading, Wanted
from stationmaster.targets.addresses import USUAL, bare, root
from stationmaster.targets.making import made
from stationmaster.targets.matching import differences, marker, owner_in

PROVIDERS, VERSION = "/api/providers", "/api/version"
OURS = "stationmaster-"        # how names of our own providers begin
EVERY = ("*",)                 # an empty list would mean none
CONCURRENCY, BUFFER = 1_000, 5_000
BASES = {"openai": "openai", "openai_compatible": "openai", "anthropic": "anthropic", "gemini": "gemini"}
OPEN = "Its management interface is open: anybody who reaches it can read, use and change what it holds."

_CARRIED = ("weight", "blacklisted_models", "aliases", "use_for_batch_api")
_REFUSED_KEY = ("401", "403", "unauthorized", "invalid api key", "invalid x-api-key", "permission")
MEANING = Meaning(statuses={409: AlreadyExists})


class Adapter:
    """One gateway. `access.secret`: a token for its management interface; empty where that is open."""

    def __init__(self, access: Access, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._open = not access.secret
        authority = {} if self._open else bearer(access.secret, "target")
        self._line = Line(access, base_url="", authorise=authority, meaning=MEANING, sleep=sleep)

    def test(self) -> Connected:
        """By its providers; the version is a bare text, and may be public."""
        try:
            told = self._line.ask("GET", PROVIDERS)
        except NotFound:
            raise StopRun("the address answers, and is no Bifrost").about("target") from None
        with self._line.mapped():
            list(told["providers"])
            version = self._line.ask("GET", VERSION)
            return Connected(version if isinstance(version, str) else "", (OPEN,) if self._open else ())

    def expected(self, wanted: Wanted) -> Entry:
        """Models by name or all of them. A value that begins with `env.` would be read from the target's own environment."""
        if wanted.vendor not in BASES:
            raise Rejected(f"Bifrost is given nothing of {wanted.vendor} here", remote_code="vendor").about("target")
        if any("*" in model for model in wanted.models):
            raise Rejected("Bifrost takes models by their names, or all of them", remote_code="models").about("target")
        if wanted.secret.strip().startswith("env."):
            odd = "Bifrost would read this secret as the name of a variable of its environment"
            raise Rejected(odd, remote_code="secret").about("target")
        place, address = _place(wanted)
        name = f"{marker(wanted.id)} {wanted.name}".strip()
        models = tuple(sorted(set(wanted.models)))
        return Entry(marker(wanted.id), wanted.id, place, name=name, base_url=address, models=models, enabled=wanted.enabled)

    def entries(self) -> list[Entry]:
        """All of ours, in the order of providers."""
        return [entry for entry, _ in self._ours()]

    def create(self, wanted: Wanted) -> Entry:
        """The provider first, if there is none. A name that is taken is ours by its marker, and brought in line."""
        expected = self.expected(wanted)
        self._line.hide(wanted.secret)
        self._provide(expected, wanted)
        try:
            found, adopted = made(lambda: self._sent("POST", _keys(expected.place), expected, _body(wanted, expected)),
                                  lambda: self._find(wanted.id))  # fmt: skip
        except AlreadyExists as error:
            there = self._find(wanted.id)
            if there is None:
                raise Rejected(error.message, remote_code=error.remote_code).about("target") from None
            found, adopted = there, True
        return self.update(found, wanted, secret=True) if adopted else found

    def update(self, entry: Entry, wanted: Wanted, *, secret: bool = False) -> Entry:
        """In its place. Another address is another provider, and names are unique over all: the old key goes before the new one
        comes."""
        expected, (now, row) = self.expected(wanted), self._read(entry)
        self._line.hide(wanted.secret)
        if now.place != expected.place:
            self.withdraw(now)
            return self.create(wanted)
        if not differences(expected, now) and not secret:
            return now
        self._provide(expected, wanted)
        carried = {name: row[name] for name in _CARRIED if row.get(name) is not None}
        found = self._sent("PUT", _one(now), expected, carried | _body(wanted, expected))
        odd = differences(expected, found)
        if odd:
            raise Rejected(f"Bifrost answered success and did not take: {', '.join(odd)}").about("target")
        return found

    def withdraw(self, entry: Entry) -> None:
        """The key; and the provider, if it is one of ours and holds nothing else."""
        now, _ = self._read(entry)
        self._line.ask("DELETE", _one(now))
        if now.place.startswith(OURS) and not self._rows(now.place):
            self._line.ask("DELETE", f"{PROVIDERS}/{quote(now.place, safe='')}")

    def read_back(self) -> list[Reading]:
        """By what it last learnt when it listed the models of a key."""
        return [Reading(entry, self._health(row)) for entry, row in self._ours()]

    # How.

    def _ours(self) -> list[tuple[Entry, Mapping[str, Any]]]:
        found = []
        with self._line.mapped():
            for provider in self._line.ask("GET", PROVIDERS)["providers"]:
                name, address = str(provider["name"]), _base(provider)
                found += [(_entry(row, name, address), row) for row in self._rows(name) if _owner(row)]
        return found

    def _rows(self, provider: str) -> Iterable[Mapping[str, Any]]:
        """Its keys. A provider without keys of its own, or that is gone meanwhile, has none."""
        try:
            rows: list[Mapping[str, Any]] = self._line.ask("GET", _keys(provider))["keys"] or []
        except NotFound:
            return []
        return rows

    def _find(self, credential: str) -> Entry | None:
        return next((entry for entry, _ in self._ours() if entry.marker == credential), None)

    def _read(self, entry: Entry) -> tuple[Entry, Mapping[str, Any]]:
        """A key as it is now. Raises `NotFound` when it is gone, or not ours any more."""
        with self._line.mapped():
            row = self._line.ask("GET", _one(entry))
            if _owner(row) != entry.marker:
                raise NotFound("the key does not carry the credential's marker any more")
            return _entry(row, entry.place, entry.base_url), row

    def _provide(self, expected: Entry, wanted: Wanted) -> None:
        """Make the provider, if it is not there; one that is there is not touched, and used only if it leads where the secret
        belongs."""
        try:
            row = self._line.ask("GET", f"{PROVIDERS}/{quote(expected.place, safe='')}")
        except NotFound:
            try:
                row = self._line.ask("POST", PROVIDERS, body=_provider(expected, wanted))
            except AlreadyExists:
                row = self._line.ask("GET", f"{PROVIDERS}/{quote(expected.place, safe='')}")
        with self._line.mapped():
            if _base(row) != expected.base_url:
                odd = f"the target's provider {expected.place} leads to another address than the credential's"
                raise Rejected(odd, remote_code="base_url")

    def _sent(self, method: str, path: str, expected: Entry, body: Mapping[str, Any]) -> Entry:
        with self._line.mapped():
            return _entry(self._line.ask(method, path, body=body), expected.place, expected.base_url)

    def _health(self, row: Mapping[str, Any]) -> Health:
        if row.get("enabled") is False:
            return Health("paused")
        status, words = str(row.get("status") or ""), self._line.say(str(row.get("description") or ""))
        if status in {"success", "active"}:
            return Health("active")
        refused = status == "list_models_failed" and any(each in words.lower() for each in _REFUSED_KEY)
        return Health("invalid" if refused else "unknown", words or status)


def _place(wanted: Wanted) -> tuple[str, str]:
    """The provider of a credential, and its address: the vendor's own, or one of ours for this address. Raises `Rejected`."""
    address, kind = root(wanted), BASES[wanted.vendor]
    if address == USUAL.get(wanted.vendor):
        return kind, address
    return f"{OURS}{kind}-{hashlib.sha256(f'{kind} {address}'.encode()).hexdigest()[:12]}", address


def _provider(expected: Entry, wanted: Wanted) -> dict[str, Any]:
    """A new provider; a standard one has the vendor's address of itself."""
    size = {"concurrency": CONCURRENCY, "buffer_size": BUFFER}
    if not expected.place.startswith(OURS):
        return {"provider": expected.place, "concurrency_and_buffer_size": size}
    base = f"{expected.base_url}/v1beta" if wanted.vendor == "gemini" else expected.base_url
    network = {"base_url": base} | ({"allow_private_network": True} if _is_private(expected.base_url or "") else {})
    custom = {"base_provider_type": BASES[wanted.vendor]}
    sizes = {"concurrency_and_buffer_size": size}
    return {"provider": expected.place, "network_config": network, "custom_provider_config": custom} | sizes


def _body(wanted: Wanted, expected: Entry) -> dict[str, Any]:
    return {
        "id": expected.id, "name": expected.name, "value": wanted.secret, "models": list(expected.models or EVERY),
        "enabled": wanted.enabled,
    }  # fmt: skip


def _entry(row: Mapping[str, Any], place: str, address: str | None) -> Entry:
    """An empty list of models means none at all, which is nothing that we say."""
    models = tuple(sorted(str(each) for each in row.get("models") or ()))
    shown = () if models == EVERY else models or ("(none)",)
    enabled = row.get("enabled") is not False
    return Entry(str(row["id"]), _owner(row), place, name=str(row["name"]), base_url=address, models=shown, enabled=enabled)


def _owner(row: Mapping[str, Any]) -> str:
    """By the id that we gave; by the beginning of the name, where the target gave another id."""
    return owner_in(row.get("id")) or owner_in(str(row.get("name") or "").partition(" ")[0])


def _base(provider: Mapping[str, Any]) -> str | None:
    """Where a provider leads, without a version: its clients add that, but for Gemini."""
    return bare(str((provider.get("network_config") or {}).get("base_url") or "")) or USUAL.get(str(provider["name"]))


def _keys(provider: str) -> str:
    return f"{PROVIDERS}/{quote(provider, safe='')}/keys"


def _one(entry: Entry) -> str:
    return f"{_keys(entry.place)}/{quote(entry.id, safe='')}"


def _is_private(address: str) -> bool:
    """Whether the target has to be told that this address may be private: it refuses those otherwise."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host
