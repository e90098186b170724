"""The database and what it knows of gateways and workers. Owns the Protocols through which it is asked, and judges the answers.

May not know Django: `django_database` answers for the real one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stationmaster.diagnosis.finding import Finding, broken, fine, warning
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn

DAY = 86_400
SKEW = 5.0               # seconds; tokens, sessions and rollups go by the database's clock and by ours
SOON = 14 * DAY
GONE = 10 * 60           # seconds without a word after which a gateway counts as stopped


@dataclass(frozen=True)
class GatewayToken:
    """A token that gateways join with; `expires` in seconds since 1970."""

    name: str
    expires: float


@dataclass(frozen=True)
class SeenGateway:
    """A gateway as it last said hello; `at` in seconds since 1970."""

    name: str
    version: str
    at: float


@dataclass(frozen=True)
class EndingCredential:
    """A credential whose secret ended, or soon will; `expires` in seconds since 1970."""

    name: str
    expires: float


@dataclass(frozen=True)
class Queue:
    """Who does jobs: whether a worker was heard of lately, and how many jobs could begin now."""

    alive: bool
    waiting: int


class Database(Protocol):
    """The open database. Its functions raise `StationmasterError` when it cannot be used."""

    def pending(self) -> Sequence[str]:
        """Migrations that are still to be applied, `app.name`."""

    def clock(self) -> float | None:
        """Seconds since 1970 by the database's own clock; None when that is this machine's."""

    def check_keys(self) -> None:
        """Raise `StationmasterError` when the key ring does not open what is stored."""

    def tokens(self) -> Iterable[GatewayToken]:
        """Gateway tokens that were not revoked."""

    def gateways(self) -> Iterable[SeenGateway]:
        """Every gateway that ever said hello."""

    def ending(self) -> Iterable[EndingCredential]:
        """Credentials that are about to end, by what each says of how long ahead it is told."""

    def queue(self) -> Queue:
        """Workers and the jobs that wait for one."""


def check(database: Database, version: str, now: float) -> Iterator[Finding]:
    """Reachable, up to date, of one time with us, of our key ring; and what it knows of gateways and workers. `version` is ours,
    `now` in seconds since 1970."""
    try:
        pending = database.pending()
        yield fine("database", tr("the database answers"))
        yield migrated(pending)
        yield skew(database.clock(), now)
        if not pending:
            database.check_keys()
            yield fine("stored_secrets", tr("the key ring opens what is stored"))
            yield from tokens(database.tokens(), now)
            yield from versions(database.gateways(), version, now)
            yield from credentials(database.ending(), now)
            yield workers(database.queue())
    except StationmasterError as error:
        yield failed(error)


def unmade(file: Path) -> Finding:
    """There is no database yet."""
    return fine("database", tr("there is no database at {file} yet; the first start makes it", file=file))


def failed(error: StationmasterError) -> Finding:
    """The database cannot be used."""
    id_ = "stored_secrets" if error.code.startswith("error.vault.") else "database"
    return broken(id_, error.message, error.hint or tr("start the database, and look at database.url"))


def migrated(pending: Sequence[str]) -> Finding:
    """Whether the tables are those of this version."""
    if not pending:
        return fine("migrations", tr("the database is up to date"))
    what = trn("{number} migration is to be applied: {first}", "{number} migrations are to be applied, {first} first",
               len(pending), first=pending[0])
    return warning("migrations", what, tr("start the control plane: it applies them before it serves"))


def skew(theirs: float | None, ours: float) -> Finding:
    """Whether the database's clock and ours agree."""
    if theirs is None:
        return fine("clock", tr("the database goes by this machine's clock"))
    apart = round(abs(theirs - ours), 1)
    if apart <= SKEW:
        return fine("clock", tr("the database's clock is {apart} s from ours", apart=apart))
    what = tr("the database's clock is {apart} s from ours", apart=apart)
    return broken("clock", what, tr("let both machines follow NTP: timedatectl set-ntp true"))


def tokens(found: Iterable[GatewayToken], now: float) -> Iterator[Finding]:
    """Whether every gateway token is valid for some time yet."""
    ending = [token for token in found if token.expires - now < SOON]
    for token in ending:
        fix = tr("make a new token, and give it to the gateways that use this one")
        if token.expires <= now:
            yield broken("gateway_tokens", tr("the gateway token {name} has expired", name=token.name), fix)
        else:
            days = int((token.expires - now) // DAY)
            what = trn("the gateway token {name} expires in {number} day",
                       "the gateway token {name} expires in {number} days", days, name=token.name)
            yield warning("gateway_tokens", what, fix)
    if not ending:
        yield fine("gateway_tokens", tr("no gateway token is about to expire"))


def workers(queue: Queue) -> Finding:
    """Whether somebody does the jobs that wait."""
    if queue.alive:
        return fine("workers", tr("a worker runs"))
    if not queue.waiting:
        return fine("workers", tr("no worker runs, and no job waits for one"))
    what = trn("{number} job waits, and no worker runs", "{number} jobs wait, and no worker runs", queue.waiting)
    return warning("workers", what, tr("start `stationmaster worker`, or `stationmaster up`, which runs one"))


def versions(found: Iterable[SeenGateway], version: str, now: float) -> Iterator[Finding]:
    """Whether the gateways that are running are of our own version."""
    other = [gateway for gateway in found if now - gateway.at < GONE and gateway.version != version]
    for gateway in other:
        what = tr("the gateway {name} runs version {theirs}, the control plane {ours}",
                  name=gateway.name, theirs=gateway.version, ours=version)
        yield warning("versions", what, tr("bring the older one up to date"))
    if not other:
        yield fine("versions", tr("control plane and gateways are of version {ours}", ours=version))


def credentials(found: Iterable[EndingCredential], now: float) -> Iterator[Finding]:
    """Whether every credential's secret is valid for some time yet."""
    ending = list(found)
    for each in ending:
        fix = tr("rotate it: stationmaster credential rotate {name}", name=each.name)
        if each.expires <= now:
            yield broken("credentials", tr("the secret of the credential {name} has ended", name=each.name), fix)
        else:
            days = int((each.expires - now) // DAY)
            what = trn("the secret of the credential {name} ends in {number} day",
                       "the secret of the credential {name} ends in {number} days", days, name=each.name)
            yield warning("credentials", what, fix)
    if not ending:
        yield fine("credentials", tr("no credential is about to end"))
