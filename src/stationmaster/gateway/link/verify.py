"""Whether a configuration can be served: what a file's loader makes sure of, made sure of again for one that came from
elsewhere. Owns the rules that a worker relies on. A configuration that breaks one is refused whole: half a change is
worse than none.

The control plane has the same rules and better words for them; here they only have to hold.
"""

import re
from collections.abc import Iterator

from stationmaster.gateway.config.addresses import fault_in_base_url, is_host
from stationmaster.gateway.core.clouds import may_be_sent
from stationmaster.gateway.core.records import BadUpdate, Records
from stationmaster.gateway.core.snapshot import Credential, Pool, VirtualKey

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NEED_ADDRESS = ("azure_openai", "openai_compatible", "bedrock", "vertex")


def verify(records: Records) -> None:
    """Raise BadUpdate, with ids and no values, when something in `records` cannot be served."""
    fault = next(_faults(records), None)
    if fault is not None:
        raise BadUpdate(fault)


def _faults(records: Records) -> Iterator[str]:
    if set(records.settings) != {""}:
        yield "there are no settings"
        return
    yield from _in_settings(records)
    for credential in records.credential.values():
        yield from _in_credential(credential)
    for pool in records.pool.values():
        yield from _in_pool(pool, records)
    for route in records.route.values():
        if any(name not in records.pool for name in (route.pool, *route.fallback)):
            yield f"the route {route.id!r} leads to a pool that is not there"
    yield from _in_keys(records)


def _in_settings(records: Records) -> Iterator[str]:
    settings = records.settings[""]
    if settings.default_pool and settings.default_pool not in records.pool:
        yield "the default pool is not there"
    if not is_host(settings.host) or not 0 <= settings.port < 1 << 16 or not 0 <= settings.metrics_port < 1 << 16:
        yield "host or port cannot be listened on"
    if not 1 <= settings.workers <= 64:
        yield "there are 1 to 64 workers"
    if settings.error_threshold < 1:
        yield "error_threshold is at least 1"


def _in_credential(one: Credential) -> Iterator[str]:
    if not _may_be_sent(one, one.secret) and not (one.disabled and not one.secret):   # of one that does not open
        yield f"the secret of the credential {one.id!r} cannot be sent"
    if one.incoming is not None and not (_may_be_sent(one, one.incoming.secret) and 0 <= one.incoming.share <= 100):
        yield f"the secret that follows that of the credential {one.id!r} cannot be sent, or its share is none"
    if one.base_url and fault_in_base_url(one.base_url, allow_insecure_http=True):   # allowed or not: there
        yield f"the base_url of the credential {one.id!r} is none"
    if not one.base_url and one.vendor in _NEED_ADDRESS:
        yield f"the credential {one.id!r} has no base_url"


def _may_be_sent(one: Credential, secret: str) -> bool:
    return may_be_sent(one.vendor, secret, one.base_url)


def _in_pool(pool: Pool, records: Records) -> Iterator[str]:
    if len({member.credential for member in pool.members}) != len(pool.members):
        yield f"the pool {pool.id!r} has a credential twice"
    for member in pool.members:
        if member.credential not in records.credential:
            yield f"the pool {pool.id!r} has a member that is not there"
        if member.weight < 1 or min(member.max_concurrency, member.rpm, member.tpm) < 0:
            yield f"the pool {pool.id!r} has a member of no weight, or a limit below nothing"
    if not pool.members:
        yield f"the pool {pool.id!r} is empty"


def _in_keys(records: Records) -> Iterator[str]:
    seen: set[str] = set()
    for key in records.key.values():
        for digest in (key.secret_sha256, *filter(None, [key.previous_sha256])):
            if not _SHA256.fullmatch(digest):
                yield f"the key {key.id!r} has no SHA-256 in lower-case hex"
            elif digest in seen:
                yield f"the key {key.id!r} has the hash of another, or one hash twice"
            seen.add(digest)
        if bool(key.previous_sha256) != (key.previous_until > 0):
            yield f"the key {key.id!r} has a hash before that ends at no time, or a time without it"
        yield from _in_limits(key)
        if any(pool not in records.pool for pool in key.pools):
            yield f"the key {key.id!r} may use a pool that is not there"


def _in_limits(key: VirtualKey) -> Iterator[str]:
    budget = key.budget
    if min(key.rpm, key.tpm, key.max_concurrency, key.expires, budget.day, budget.month, budget.total) < 0:
        yield f"the key {key.id!r} has a limit below nothing"
