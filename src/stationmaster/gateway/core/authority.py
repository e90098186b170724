"""What the workers of one machine share: how credentials stand, where sessions moved, whose ids are whose, what was
spent, and who may use how much of a limit. May not know sockets or processes: reports come in, news go out.

Nothing waits for it. A worker decides with what it last heard, so that it serves on when nobody answers.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

import msgspec

from stationmaster.gateway.core.cluster import EVEN, FAINT, Bulletin, Cluster, Pulse
from stationmaster.gateway.core.health import Told
from stationmaster.gateway.core.life import OWN_FAULTS, REFRESHED, UNKNOWN, Happening, Life, Rules, advance
from stationmaster.gateway.core.memory import Memory, Whose, incoming_of, is_refreshed, proof_of
from stationmaster.gateway.core.owners import Entry
from stationmaster.gateway.core.snapshot import Credential, Snapshot
from stationmaster.gateway.core.spend import MOST, Spent, by, day_of

FORGET = 0.5               # of the demand that was, at each look
NOTICEABLE = 0.02          # a change of share that is worth telling; of several gateways, that by their number
PAGE = 500                 # moved sessions, and ids, that other gateways are told at a time
MOST_NEWS = 20_000         # moved sessions, and ids, that wait to be told to other gateways; the oldest are dropped


Step = tuple[str, Life, Life]    # credential, its life before and after


class Report(msgspec.Struct, array_like=True):
    """What a worker tells: all since its last report. `metrics` is a frame of `metrics.encode`, or empty."""

    metrics: bytes = b""
    happenings: list[Told] = []
    moves: list[tuple[str, int, str]] = []           # pool, session, credential
    owners: tuple[Entry, ...] = ()
    spent: dict[str, int] = {}                       # by key, nanodollars
    reserved: dict[str, int] = {}                    # set aside just now, by key; no key: nothing
    demand: list[tuple[Whose, int]] = []             # calls that asked, by limit


class News(msgspec.Struct, array_like=True):
    """What a worker is told. `lives` is for one that begins; `spent` is of all workers together."""

    happenings: list[Told] = []
    moves: list[tuple[str, int, str]] = []
    owners: tuple[Entry, ...] = ()
    spent: dict[str, tuple[Spent, int, int]] = {}    # what of it this worker had told, what others have set aside
    shares: list[tuple[Whose, float]] = []
    lives: dict[str, Life] = {}
    gateways: int = 0                                # how many share every limit; 0: as many as before

    def __bool__(self) -> bool:
        return bool(self.happenings or self.moves or self.owners or self.spent or self.shares or self.lives or self.gateways)


encode = msgspec.msgpack.encode
report_of = msgspec.msgpack.Decoder(Report).decode
news_of = msgspec.msgpack.Decoder(News).decode
entries_of = msgspec.msgpack.Decoder(tuple[Entry, ...]).decode


def report(memory: Memory, told: list[Told], metrics: bytes) -> Report:
    """All that a worker has to tell; it will not be told again. `told` is emptied."""
    memory.put_back()
    happenings, told[:] = list(told), []
    moves, memory.moves = memory.moves, []
    spent = {key: news for key, purse in memory.purses.items() if (news := purse.news())}
    reserved = {key: min(purse.reserved, MOST) for key, purse in memory.purses.items() if purse.reserved}
    return Report(metrics, happenings, moves, memory.owners.drain(), spent, reserved, memory.demand())


class Authority:
    """The shared state, and what each worker has yet to hear of it. `spent` is of this machine's workers alone; what other
    gateways did is the `cluster`'s."""

    def __init__(self, spent: dict[str, Spent], owners: Iterable[Entry] = (), cluster: Cluster | None = None) -> None:
        self.spent = spent
        self._cluster = cluster or Cluster()
        self._gateways = self._cluster.gateways
        self._heard = False                                # whether other gateways were, when limits were last shared out
        self._asked: set[Whose] = set()                    # limits that were asked for then, here or there
        self._changed: set[str] = set()                    # what other gateways have yet to hear: keys that spent,
        self._moved: list[tuple[str, int, str]] = []       # sessions that moved,
        self._learned: list[Entry] = []                    # whose ids are whose
        self._begun = {key: each.total for key, each in spent.items()}      # what was spent before this start
        self._unbooked: set[str] = set(spent)              # keys of which the control plane has yet to hear what was spent
        self._memory = Memory()
        self._memory.owners.absorb(owners)
        self._rules = Rules()
        self._lives: dict[str, Life] = {}
        self._credentials: dict[str, Credential] = {}
        self._following: frozenset[str] = frozenset()      # those whose secret is rotated
        self._former: dict[str, bytes] = {}                # the proof of the secret before, of those whose was refreshed
        self._news: dict[str, News] = {}
        self._demand: dict[Whose, dict[str, float]] = defaultdict(dict)
        self._shares: dict[Whose, dict[str, float]] = {}
        self._counted: dict[str, dict[str, int]] = {}      # what each worker told that it spent, by key
        self._reserved: dict[str, dict[str, int]] = {}     # what each worker has set aside, by key

    def apply(self, snapshot: Snapshot) -> list[Step]:
        """Go by another configuration; forget what is no longer in it. Returns how lives of those in service went on."""
        self._rules = Rules(error_threshold=snapshot.settings.error_threshold)
        keys = {key.id for key in snapshot.keys}
        for whose in [whose for whose in self._shares if whose[0] != "member" and whose[1] not in keys]:
            del self._shares[whose]
        before, self._credentials = self._credentials, {each.id: each for each in snapshot.credentials}
        self._following = frozenset(each.id for each in snapshot.credentials if each.incoming is not None)
        self._note_refreshed(before)
        return self._begin_anew(before)

    def _note_refreshed(self, before: dict[str, Credential]) -> None:
        kept = {name: proof for name, proof in self._former.items() if name in self._credentials}
        for name, now in self._credentials.items():
            was = before.get(name)
            if was is not None and is_refreshed(was, now):
                kept[name] = proof_of(was)
            elif was is None or was.generation != now.generation:
                kept.pop(name, None)
        self._former = kept

    def _begin_anew(self, before: dict[str, Credential]) -> list[Step]:
        """Forget how credentials stood that have another secret, or that a person took out or let in, as workers do
        (`Memory.standing`); where it was refreshed, what it was blamed for."""
        lives, self._lives = self._lives, {}
        steps: list[Step] = []
        for name, life in lives.items():
            was, is_ = before.get(name), self._credentials.get(name)
            if was is None or is_ is None or (was.secret, was.disabled, was.forced) == (is_.secret, is_.disabled, is_.forced):
                self._lives.update({name: life} if is_ is not None else {})
            elif not is_.disabled:
                after = UNKNOWN
                if is_refreshed(was, is_) and was.disabled == is_.disabled:
                    after = self._lives[name] = advance(life, REFRESHED, 0.0, self._rules)
                steps.append((name, life, after))
        return steps

    def owners(self) -> tuple[Entry, ...]:
        """Whose ids are whose, all that is known."""
        return self._memory.owners.all()

    def join(self, worker: str) -> None:
        """A worker begins: it hears of everything that still matters."""
        self._counted[worker] = {}
        known = {*self.spent, *self._cluster.keys}     # what only other gateways' callers spent is spent here, too
        even = EVEN / (len(self._news) + 1) / self._gateways
        moves = [(pool, session, member) for pool, moved in self._memory.all_moved() for session, member in moved.items()]
        self._news[worker] = News(
            moves=moves, owners=self._memory.owners.all(), spent={key: self._spent(key, worker) for key in known},
            shares=[(whose, even) for whose in self._shares], lives=dict(self._lives), gateways=self._gateways,
        )
        for shares in self._shares.values():
            shares[worker] = even

    def leave(self, worker: str) -> None:
        """A worker ended."""
        self._news.pop(worker, None)
        self._counted.pop(worker, None)
        freed = self._reserved.pop(worker, {})
        for other, news in self._news.items():
            news.spent.update({key: self._spent(key, other) for key, aside in freed.items() if aside})
        for by_worker in (*self._demand.values(), *self._shares.values()):
            by_worker.pop(worker, None)

    def take(self, worker: str, told: Report, now: float, wall: float) -> list[Step]:
        """Take in what a worker reports, for the others to hear. `now` is the clock of lives. Returns how the lives of
        credentials went on."""
        happenings = [each for each in told.happenings if self._ours(each)]
        own = [each for each in happenings if not (each[0] in self._following and self._follows(each))]
        steps = [self._step(credential, happening, now) for credential, _, happening in own]
        for pool, session, member in told.moves:
            self._memory.absorb(pool, session, member)
        self.take_owners(worker, told.owners)
        day = day_of(wall)
        for key, cost in told.spent.items():
            self.spent.setdefault(key, Spent()).add(cost, day)
            self._unbooked.add(key)
            self._cluster.note(key, cost, now)
            counted = self._counted.setdefault(worker, {})
            counted[key] = min(counted.get(key, 0) + cost, MOST)
        for whose, calls in told.demand:
            self._demand[whose][worker] = self._demand[whose].get(worker, 0.0) + calls
        self._note(told)
        reserved = told.reserved if worker in self._news else {}    # who left has set nothing aside
        before = self._reserved.get(worker, {})
        changed = {key for key in {*reserved, *before} if reserved.get(key) != before.get(key)}
        self._reserved[worker] = reserved
        for other, news in self._news.items():
            news.spent.update({key: self._spent(key, other) for key in {*told.spent, *changed}})
            if other != worker:
                news.happenings += happenings
                news.moves += told.moves
        return steps

    def _ours(self, told: Told) -> bool:
        """Whether it befell the secret that is used now, and not the one before: a worker goes by a new configuration a little
        later than we do. Of one that was refreshed, the vendor's own faults and pauses count all the same."""
        known = self._credentials.get(told[0])
        if known is None or proof_of(known) == told[1] or self._follows(told):
            return True
        return self._former.get(told[0]) == told[1] and told[2].signal not in OWN_FAULTS

    def _follows(self, told: Told) -> bool:
        """Whether it befell the secret that is about to follow: news for workers, and none of the credential's own life."""
        known = self._credentials.get(told[0])
        following = incoming_of(known) if known is not None else None
        return following is not None and proof_of(following) == told[1]

    def _step(self, credential: str, happening: Happening, now: float) -> Step:
        before, known = self._lives.get(credential, UNKNOWN), self._credentials.get(credential)
        if known is not None and known.forced and happening.signal in OWN_FAULTS:
            return credential, before, before
        after = self._lives[credential] = advance(before, happening, now, self._rules)
        return credential, before, after

    def take_owners(self, worker: str, entries: tuple[Entry, ...]) -> None:
        """Take in whose ids are whose."""
        self._memory.owners.absorb(entries)
        if self._cluster.meets:
            self._learned = [*self._learned, *entries][-MOST_NEWS:]
        for other, news in self._news.items():
            if other != worker:
                news.owners += entries

    def _spent(self, key: str, worker: str) -> tuple[Spent, int, int]:
        aside = sum(reserved.get(key, 0) for other, reserved in self._reserved.items() if other != worker)
        spent = self._cluster.spent(key, self.spent.setdefault(key, Spent()))
        return spent, self._counted.get(worker, {}).get(key, 0), min(aside + self._cluster.reserved(key), MOST)

    def share_out(self) -> None:
        """Give each limit to those who use it. Together they never hold more than all of it."""
        workers = list(self._news)
        asked = {*self._demand, *self._cluster.asked}
        limits = asked | self._asked if self._cluster.is_shared else asked
        if (self._gateways, self._heard) != (self._cluster.gateways, self._cluster.connected):
            self._gateways, self._heard = self._cluster.gateways, self._cluster.connected
            for news in self._news.values():
                news.gateways = self._gateways
            limits = {*limits, *self._shares}
        self._asked = asked
        for whose in limits:
            self._share(whose, workers)

    def _share(self, whose: Whose, workers: list[str]) -> None:
        """Share one limit out among the workers of this gateway, as far as it is this gateway's."""
        demand = self._demand.get(whose, {})
        total = sum(demand.get(worker, 0.0) for worker in workers)
        held = self._shares.get(whose, {})
        if total < FAINT:
            self._demand.pop(whose, None)
            kept = sum(held.get(one, 0.0) for one in workers)
            fair = {one: held.get(one, 0.0) / kept if kept else 1 / len(workers) for one in workers}
        else:
            fair = {one: EVEN / len(workers) + (1 - EVEN) * demand.get(one, 0.0) / total for one in workers}
            demand.update({worker: demand.get(worker, 0.0) * FORGET for worker in workers})
        part = self._cluster.part(whose, total)
        fair = {one: share * part for one, share in fair.items()}
        if any(abs(fair[one] - held.get(one, 0.0)) > NOTICEABLE / self._gateways for one in workers):
            self._shares[whose] = fair
            for worker in workers:
                self._news[worker].shares.append((whose, fair[worker]))

    def news(self, worker: str) -> News | None:
        """What `worker` has yet to hear, once."""
        news = self._news.get(worker)
        if not news:
            return None
        self._news[worker] = News()
        return news

    # What other gateways are told, and tell.

    def _note(self, told: Report) -> None:
        if self._cluster.meets:
            self._changed.update(told.spent)
            self._moved = [*self._moved, *told.moves][-MOST_NEWS:]

    def pulse(self, start: int, beat: int) -> Pulse:
        """How this gateway stands: for the others, each of which looks at the latest alone."""
        reserved: dict[str, int] = {}
        for by_key in self._reserved.values():
            for key, aside in by_key.items():
                reserved[key] = min(reserved.get(key, 0) + aside, MOST)
        return Pulse(start, beat, [(whose, sum(by_worker.values())) for whose, by_worker in self._demand.items()], reserved)

    def bulletin(self) -> Bulletin:
        """What the other gateways have yet to hear, once; of much, a part at a time."""
        changed, self._changed = self._changed, set()
        moved, self._moved = self._moved[:PAGE], self._moved[PAGE:]
        learned, self._learned = self._learned[:PAGE], self._learned[PAGE:]
        return Bulletin([(self._cluster.name, key, self.spent[key]) for key in changed], moved, tuple(learned))

    def hear(self, bulletin: Bulletin) -> None:
        """Take in what another gateway told, or this one before it last ended, for the workers to hear."""
        for pool, session, member in bulletin.moves:
            self._memory.absorb(pool, session, member)
        self._memory.owners.absorb(bulletin.owners)
        for news in self._news.values():
            news.moves += bulletin.moves
            news.owners += bulletin.owners
        self.count(self._cluster.hear_spent(bulletin.spent))

    def unbooked(self, most: int) -> dict[str, Spent]:
        """What was spent here, of keys of which that changed since it was asked for, at most so many."""
        keys = [key for key, _ in zip(self._unbooked, range(most), strict=False)]
        self._unbooked.difference_update(keys)
        return {key: msgspec.structs.replace(self.spent[key]) for key in keys}

    def recover(self, stored: Iterable[tuple[str, str, Spent]]) -> None:
        """What the store holds of all gateways: this one may have ended before it kept the last of what it had spent, or its disk
        was put back. What was spent since it began comes on top. What counts there for a day to come was spent by now."""
        for gateway, key, spent in stored:
            own = self.spent.setdefault(key, Spent())
            if gateway == self._cluster.name and spent.total > own.total:
                since = own.total - self._begun.get(key, 0)
                found = msgspec.structs.replace(by(self._cluster.day, spent))
                if since:
                    found.add(since, max(own.day, found.day))
                self.spent[key] = found
                self._begun[key] = found.total
                self._unbooked.add(key)
                self.count({key})

    def turn(self, day: str) -> None:
        """It is `day` now, by the clock of this machine."""
        self.count(self._cluster.turn(day))

    def count(self, keys: Collection[str]) -> None:
        """Other gateways spent of these keys, or set something aside: the workers hear of it."""
        for worker, news in self._news.items():
            news.spent.update({key: self._spent(key, worker) for key in keys})
